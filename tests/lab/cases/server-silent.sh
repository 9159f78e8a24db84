#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A server that answers nothing: the client gets a RST after limits.half_open (3 s here).
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

given_up() {
	stats '.events.server_silent + .events.reclaimed_half_open'
}

count=$(given_up)
filter server 'tcp dport 87'
pids=()
for family in 4 6; do
	client ending "$(address $family)" 87 hello >"$LAB_RUN/$CASE.$family" &
	pids+=($!)
done
for family in 4 6; do
	lab_until 5 is 1 leg silent$family server SYN-SENT || fail "silent$family: no leg in SYN-SENT"
done
wait "${pids[@]}"
for family in 4 6; do
	read -r how after <"$LAB_RUN/$CASE.$family"
	[ "$how" = reset ] || fail "IPv$family: the client saw: $how after $after s"
	if before "$after" 2.5 || before 9 "$after"; then
		fail "IPv$family: given up after $after s, the limit is 3"
	fi
	lab_until 3 is 0 entries silent$family || fail "silent$family keeps the connection"
done
at_least $((count + 2)) given_up || fail "not counted"
[ "$(filtered_packets server)" -ge 4 ] || fail "the SYNs were not sent again"
