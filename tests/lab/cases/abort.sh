#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A client that aborts with linger 0: the server sees a RST, and the box forgets.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

resets() {
	log server | grep -c '^ended: reset' || true
}

count=$(stats .events.connections_reset)
serve server 88 hold
for family in 4 6; do
	[ "$(client abort "$(address $family)" 88)" = hello ] || fail "IPv$family: no greeting"
	lab_until 3 is $((family == 4 ? 1 : 2)) resets || fail "IPv$family: the server saw no RST"
	lab_until 3 is 0 entries abort$family || fail "abort$family keeps the connection"
done
at_least $((count + 2)) stats .events.connections_reset || fail "not counted as reset"
