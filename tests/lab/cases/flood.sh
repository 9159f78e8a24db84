#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# During a flood of all that the lab can send, 200 requests of 200 succeed; no SYN of the flood
# reaches the server; no state of the box grows with it.
#
# timeout: 150
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

requests=100 # over each family
at_once=4    # over each family

# fetch FAMILY: so many requests, one result a line.
fetch() {
	# shellcheck disable=SC2016
	seq $requests | lab_exec client xargs -P $at_once -I '{}' \
		curl -sS --max-time 60 -o /dev/null -w '%{http_code}\n' "$(url "$1" '?{}')" \
		>"$LAB_RUN/$CASE.$1" 2>"$LAB_RUN/log/$CASE.curl$1.log" || true
}

# A flood's mark would be half-open connections. What is there at one time must fit what the
# clients of this case have under way.
look() {
	local family legs most=$((2 * at_once))

	for family in 4 6; do
		legs=$(lab_ctl -j states web$family | jq '[.client, .server
			| .["SYN-RECEIVED"], .["SYN-SENT"], .ESTABLISHED] | max')
		[ "$legs" -le $most ] || fail "web$family has $legs legs in one state, at most $at_once are due"
		legs=$(entries web$family)
		[ "$legs" -le $((2 * (requests + most) + 40)) ] || fail "web$family has $legs legs"
	done
}

served_before=$(grep -c '"GET /?' "$LAB_RUN/log/access.log" || true)
cookies=$(stats .events.cookies_sent)
lab_count_syns
started+=("$CASE.4" "$CASE.6")
lab_flood "$CASE." 120
lab_until 10 at_least $((cookies + 10000)) stats .events.cookies_sent ||
	fail "no flood: less than 10,000 SYNs answered in 10 s"

fetch 4 &
four=$!
fetch 6 &
six=$!
looks=0
while kill -0 $four 2>/dev/null || kill -0 $six 2>/dev/null; do
	look
	looks=$((looks + 1))
	sleep 0.3
done
wait $four $six
for family in 4 6; do
	lab_alive "$CASE.$family" || fail "the flood over IPv$family ended before the requests did"
	lab_kill "$CASE.$family"
done

answered=$(($(stats .events.cookies_sent) - cookies))
for family in 4 6; do
	ok=$(grep -cx 200 "$LAB_RUN/$CASE.$family" || true)
	[ "$ok" -eq $requests ] ||
		fail "IPv$family: $ok of $requests requests: $(tail -n 1 "$LAB_RUN/log/$CASE.curl$family.log")"
done
served=$(($(grep -c '"GET /?' "$LAB_RUN/log/access.log") - served_before))
[ $served -eq $((2 * requests)) ] || fail "the server's log has $served requests"
for family in 4 6; do
	own=$(lab_syns own$family)
	[ "$own" -ge $requests ] || fail "the server saw $own SYNs of $requests connections over IPv$family"
done
foreign=$(lab_syns foreign)
[ "$foreign" -eq 0 ] || fail "$foreign SYNs of the flood reached the server"
look
echo "$answered SYNs answered by cookie, $looks looks at the states"
