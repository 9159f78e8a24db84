#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A server that answers after 8 s: the client's data waits in the box, or is sent again, and the
# segments that come then are not too old for the client's timestamps (PAWS).
#
# timeout: 150
# once
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

serve server 101 digest
impair server --ab-delay 8s
for family in 4 6; do
	start "client$family" client "${PEER[@]}" early "$(address $family)" 101 3000
done
for family in 4 6; do
	lab_until 60 ended "client$family" || fail "IPv$family: no answer: $(log "client$family")"
	logged "client$family" '^ok$' || fail "IPv$family: $(log "client$family")"
	connected=$(log "client$family" | sed -n 's/^connected //p')
	answered=$(log "client$family" | sed -n 's/^answered //p')
	before "$connected" 1 || fail "IPv$family: connected only after $connected s"
	before 8 "$answered" || fail "IPv$family: an answer after $answered s: the server was not late"
	echo "IPv$family: connected after $connected s, answered after $answered s"
done
