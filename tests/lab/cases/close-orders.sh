#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# nc on both ends, in all four orders of close: the client first, the server first, both at once,
# and the client half, long before the server. Each time both get all that was sent, and no
# connection is left but in TIME-WAIT.
#
# timeout: 90
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

# exchange NAME FAMILY CLIENT-PAUSE SERVER-PAUSE: each end says a line, and closes its direction
# after its pause; -N: nc closes when its input ends.
exchange() {
	local name=$1 family=$2 before

	before=$(stats .events.connections_closed)
	start "server$name$family" server sh -c "{ echo from the server; sleep $4; } |
		nc -N -l -p 100 -$family"
	lab_until 5 lab_listens server 100 || fail "$name: nc does not listen"
	start "client$name$family" client sh -c "{ echo from the client; sleep $3; } |
		nc -N -$family $(address "$family") 100"
	lab_until 15 ended "client$name$family" || fail "$name, IPv$family: the client hangs"
	lab_until 15 ended "server$name$family" || fail "$name, IPv$family: the server hangs"
	logged "client$name$family" '^from the server$' || fail "$name, IPv$family: nothing for the client"
	logged "server$name$family" '^from the client$' || fail "$name, IPv$family: nothing for the server"
	lab_until 5 at_least $((before + 1)) stats .events.connections_closed ||
		fail "$name, IPv$family: not closed in order"
	lab_until 5 only_time_wait "$family" || fail "$name, IPv$family: $(lab_ctl states "closes$family")"
}

only_time_wait() {
	is 0 eval "lab_ctl -j states closes$1 | jq '[.client, .server | to_entries[]
		| select(.key != \"LISTEN\" and .key != \"CLOSED\" and .key != \"TIME-WAIT\") | .value] | add'"
}

for family in 4 6; do
	exchange client-first $family 0.3 0.8
	exchange server-first $family 0.8 0.3
	exchange at-once $family 0.5 0.5
	exchange half $family 0 3
done
