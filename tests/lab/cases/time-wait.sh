#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# TIME-WAIT is seen in `states`, and gone after its limit (3 s here), not before.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

expired=$(stats .events.time_wait_expired)
serve server 90 echo
# The client closes first: to the server the box is the client, and waits.
for family in 4 6; do
	since=$EPOCHREALTIME
	client echo "$(address $family)" 90 hello
	lab_until 1 is 1 leg linger$family server TIME-WAIT ||
		fail "linger$family: the server's leg is not in TIME-WAIT"
	lab_until 4 is 0 entries linger$family || fail "linger$family: TIME-WAIT outlasts its limit"
	after=$(awk -v a="$since" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
	before "$after" 3 && fail "linger$family: TIME-WAIT ended within $after s"
done
at_least $((expired + 2)) stats .events.time_wait_expired || fail "not counted"
