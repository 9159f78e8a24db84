#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The daemon comes back: after SIGTERM, which ends it in order, and after kill -9, when socket and
# locks are left behind. Served again at once, over both families.
#
# timeout: 60
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

serves() {
	local family page

	for family in 4 6; do
		page=$(lab_exec client curl -sS --max-time 10 "$(url $family)")
		[ "$page" = 'served from behind the box' ] || fail "$1, IPv$family: got '$page'"
	done
}

serves 'before'
lab_kill sluiced
[ ! -e "$LAB_SOCKET" ] || fail "SIGTERM left the socket behind"
lab_sluiced_start "$LAB_RUN/sluice.conf"
serves 'after SIGTERM'
# What the interfaces sent before this daemon began is not its own.
[ "$(lab_ctl -j ports | jq -c '[.[] | select(.sent > .tx + 2)]')" = '[]' ] ||
	fail "a port sent more than it was given: $(lab_ctl ports)"

# This one is our child: its exit code can be had.
pid=$(lab_pid sluiced)
kill -s TERM "$pid"
rc=0
wait "$pid" || rc=$?
[ $rc -eq 0 ] || fail "SIGTERM ends it with $rc, not 0"
lab_sluiced_start "$LAB_RUN/sluice.conf"

lab_kill sluiced KILL
[ -S "$LAB_SOCKET" ] || fail "kill -9 left no socket: nothing to come back from"
lab_sluiced_start "$LAB_RUN/sluice.conf"
serves 'after kill -9'
lab_ctl status >/dev/null || fail "sluicectl is not served after kill -9"

# SIGTERM resets both ends of what cannot go on without the box, at once; what is only tracked goes
# on with the next daemon.
serve server 96 hold
serve tracked 91 hold
for family in 4 6; do
	start "spliced$family" client "${PEER[@]}" hold "$(address $family)" 96 0 30
	start "tracked$family" client "${PEER[@]}" hold "$(address $family)" 91 0 30
	for tag in spliced tracked; do
		lab_until 10 logged "$tag$family" hello || fail "$tag, IPv$family: no connection"
	done
done
lab_kill sluiced
for family in 4 6; do
	lab_until 3 logged "spliced$family" 'ended: reset' || fail "the client hangs, IPv$family: $(log "spliced$family")"
	logged "tracked$family" ended && fail "IPv$family: what was only tracked has ended"
done
both_reset() {
	[ "$(log server | grep -c 'ended: reset')" -eq 2 ]
}
lab_until 3 both_reset || fail "the server hangs: $(log server)"
lab_sluiced_start "$LAB_RUN/sluice.conf"
serves 'after connections were reset'
