#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A server that is down: its RST reaches the client. It comes back, and serves; it goes again.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

ends_by_reset() {
	local family got

	for family in 4 6; do
		got=$(client ending "$(address $family)" 86 hello)
		case $got in
		reset\ *) ;;
		*) fail "$1, IPv$family: the client saw: $got" ;;
		esac
		before "${got#* }" 3 || fail "$1, IPv$family: it took ${got#* } s"
	done
}

refused=$(stats .events.server_refused)
ends_by_reset 'nobody listens'
at_least $((refused + 2)) stats .events.server_refused || fail "not counted as refused"
serve server 86 echo
for family in 4 6; do
	client echo "$(address $family)" 86 hello again || fail "IPv$family: up, but does not serve"
done
lab_kill "$CASE.server"
ends_by_reset 'gone again'
