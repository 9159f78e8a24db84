#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The configuration changes under a box that runs: services come and go, a bad file or one that
# wants a restart changes nothing, SIGHUP does as sluicectl reload, and twenty reloads do not touch
# a transfer. Then the box is drained: what is new passes, what stands is served to its end.
#
# timeout: 120
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

conf=$LAB_RUN/sluice.conf
data=$LAB_RUN/$CASE.data
cp "$conf" "$conf.before"
restore() {
	cp "$conf.before" "$conf"
	lab_ctl reload >/dev/null || true
	lab_ctl drain --cancel >/dev/null || true
	rm -f "$data"
}
trap 'restore; tidy' EXIT

names() {
	lab_ctl -j services | jq -r '[.[] | .name] | join(" ")'
}

# insert TEXT: a service more.
insert() {
	sed "s|^services = (|services = ( $1,|" "$conf.before" >"$conf"
}

extra='{ name = "extra"; address = "192.0.2.2"; port = 7000; mode = "splice"; }'
before=$(names)

# A service comes, serves, and goes; its connection lives on.
insert "$extra"
lab_ctl reload >"$LAB_RUN/$CASE.out" || fail "reload: $(cat "$LAB_RUN/$CASE.out")"
grep -q 'services.extra: none -> new' "$LAB_RUN/$CASE.out" || fail "$(cat "$LAB_RUN/$CASE.out")"
[ "$(names)" = "$before extra" ] || fail "services are $(names)"
serve extra 7000 banner
start talker client "${PEER[@]}" hold 192.0.2.2 7000 0 60
lab_until 5 logged talker 'ready' || fail "no banner: $(log talker)"
cp "$conf.before" "$conf"
lab_ctl reload >/dev/null
names | grep -q extra || fail "a service with a connection has vanished"
ended talker && fail "its connection was ended: $(log talker)"

# Bad files: the line is named, and nothing changes.
sed 's/mode = "pass"/mode = "passs"/' "$conf.before" >"$conf"
rc=0
lab_ctl reload 2>"$LAB_RUN/$CASE.out" || rc=$?
[ $rc -eq 1 ] || fail "a bad file: exit $rc, not 1"
grep -q "sluice.conf:[0-9]*: .*passs" "$LAB_RUN/$CASE.out" || fail "$(cat "$LAB_RUN/$CASE.out")"
sed 's/connections = 100000/connections = 200000/' "$conf.before" >"$conf"
lab_ctl reload 2>"$LAB_RUN/$CASE.out" && fail "a larger table without a restart"
grep -q 'workers.connections.*restart' "$LAB_RUN/$CASE.out" || fail "$(cat "$LAB_RUN/$CASE.out")"

# SIGHUP.
insert "$extra"
kill -s HUP "$(lab_pid sluiced)"
lab_until 5 grep -q 'reload: services.extra' "$LAB_RUN/log/sluiced.log" || fail "SIGHUP did nothing"

# Twenty reloads under a transfer.
size=$((64 << 20))
head -c $size /dev/urandom >"$data"
sum=$(sha256sum <"$data" | cut -d' ' -f1)
serve bulk 81 exchange "$data"
start bulk-client client "${PEER[@]}" exchange "$(address 4)" 81 "$data"
for ((i = 0; i < 20; i++)); do
	if ((i % 2)); then insert "$extra"; else cp "$conf.before" "$conf"; fi
	lab_ctl reload >/dev/null || fail "reload $i"
	sleep 0.05
done
lab_until 60 logged bulk-client "eof $size $sum" || fail "the transfer: $(log bulk-client)"

# Draining.
lab_ctl drain >/dev/null
cookies=$(stats .events.cookies_sent)
for family in 4 6; do
	page=$(lab_exec client curl -sS --max-time 10 "$(url $family)") || fail "IPv$family, drained"
	[ "$page" = 'served from behind the box' ] || fail "IPv$family, drained: got '$page'"
done
[ "$(stats .events.cookies_sent)" = "$cookies" ] || fail "a SYN was answered while draining"
start waiter box "$LAB_SLUICECTL" -s "$LAB_SOCKET" drain --wait
sleep 1
ended waiter && fail "drain --wait did not wait: $(log waiter)"
ended talker && fail "draining ended a connection"
lab_kill "$CASE.talker"
lab_until 20 ended waiter || fail "drain --wait does not return: $(log waiter)"
logged waiter 'no connection is left that is translated, or ends in the box' || fail "$(log waiter)"
lab_ctl drain --cancel >/dev/null
lab_exec client curl -sS --max-time 10 "$(url 4)" >/dev/null || fail "after the drain"
at_least $((cookies + 1)) stats .events.cookies_sent || fail "not proxied after --cancel"
