#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A half-closed connection on which nothing comes any more: its limit (3 s) is kept, both sides get
# a RST.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

reclaimed() {
	stats '.events.reclaimed_fin_wait_2 + .events.reclaimed_close_wait'
}
held_by_server() {
	lab_exec server ss -Htn state close-wait 'sport = :94' | wc -l
}

count=$(reclaimed)
serve server 94 never
pids=()
for family in 4 6; do
	client half "$(address $family)" 94 >"$LAB_RUN/$CASE.$family" &
	pids+=($!)
done
lab_until 3 is 2 held_by_server || fail "$(held_by_server) half-closed connections, not 2"
wait "${pids[@]}"
for family in 4 6; do
	got=$(head -n 1 "$LAB_RUN/$CASE.$family")
	[ "$got" = 'reset after 0 bytes' ] || fail "IPv$family: the client saw: $got"
	after=$(tail -n 1 "$LAB_RUN/$CASE.$family")
	if before "$after" 2.5 || before 6 "$after"; then
		fail "IPv$family: reclaimed after $after s, the limit is 3"
	fi
	lab_until 3 is 0 entries stuck$family || fail "stuck$family keeps the connection"
done
lab_until 3 is 0 held_by_server || fail "the server got no RST"
at_least $((count + 2)) reclaimed || fail "not counted as reclaimed"
