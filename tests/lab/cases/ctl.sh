#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# sluicectl: every command, as text and as JSON; its exit codes; the names of the contract.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

# exits WANT ARG...
exits() {
	local want=$1 rc=0

	shift
	lab_ctl "$@" >/dev/null 2>&1 || rc=$?
	[ $rc -eq "$want" ] || fail "sluicectl $*: exit $rc, not $want"
}

for command in status stats states services connections; do
	[ -n "$(lab_ctl $command)" ] || [ $command = connections ] || fail "$command prints nothing"
	lab_ctl -j $command | jq -e . >/dev/null || fail "$command -j: no JSON"
done
lab_ctl rpc rpc_get_methods | grep -q rpc_get_methods || fail "rpc_get_methods does not name itself"
lab_ctl -j stats | jq -e '
	[.rx, .handed_in, .answered, .relayed, .delivered, .passed, .held, .handed_out, .made,
	 .dropped.bad_checksum, .dropped.cookie_invalid, .events.syn_received, .events.cookies_sent,
	 .workers[0].core, .workers[0].rx, .workers[0].dropped.bad_checksum]
	| all(type == "number")' >/dev/null || fail "stats: a term of the contract is missing"
lab_ctl -j states | jq -e '["LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
	"FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT", "CLOSED"] as $names
	| [.client, .server] | all([.[$names[]]] | all(type == "number"))' >/dev/null ||
	fail "states: not all eleven on both legs"
[ "$(leg web4 client LISTEN)" = 1 ] || fail "a service's LISTEN is not 1"

exits 0 status
exits 1 rpc no_such_method
exits 1 states no-such-service
exits 2 no-such-command
exits 2
exits 3 -s "$LAB_RUN/no-such-socket" status
