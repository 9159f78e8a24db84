#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Under a flood of SYNs to the servers in the box themselves: behind cookies every request and echo
# comes through, and nothing grows. With cookies = "never" the half-open connections stop at the backlog,
# their SYN-ACKs are sent again, and when the flood is over the service is there.
#
# timeout: 150
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/respond.sh
. "$HERE/respond.sh"

to_echo "${LAB_BYTES:-$((4 << 20))}"

# flood_begins PORT
flood_begins() {
	local before

	before=$(stats .events.syn_received)
	started+=("$CASE.4" "$CASE.6")
	lab_flood "$CASE." 100 "$1"
	lab_until 10 at_least $((before + 10000)) stats .events.syn_received || fail "no flood to port $1"
}

flood_ends() {
	lab_kill "$CASE.4"
	lab_kill "$CASE.6"
}

flood_begins 8088
for address in "$LAB_SERVER4" "$LAB_SERVER6"; do
	url=http://$(bracket "$address"):8088/
	for ((i = 0; i < 30; i++)); do
		page "$url"
	done
	n=$(wrk_requests 2 10 "$url" --timeout 20s) || fail "wrk, $address: errors"
	echo "$address: $n requests in 2 s under the flood"
	for tool in nc socat; do
		echoed $tool "$address" 7
	done
	aborts "$address"
done
for family in 4 6; do
	[ "$(leg http$family client SYN-RECEIVED)" = 0 ] || fail "http$family has half-open connections"
done
flood_ends

flood_begins 8007
for ((i = 0; i < 10; i++)); do
	for family in 4 6; do
		[ "$(leg half-echo$family client SYN-RECEIVED)" -le $((64 * ${LAB_WORKERS:-1})) ] ||
			fail "half-echo$family: more half-open than its backlog"
	done
	sleep 0.3
done
flood_ends
[ "$(stats .dropped.backlog_full)" -gt 1000 ] || fail "the backlog was never full"
for family in 4 6; do
	lab_until 20 is 0 leg half-echo$family client SYN-RECEIVED || fail "half-echo$family: half-open ones stay"
	echoed nc "$(address $family)" 8007
done
