#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# An idle connection whose peer vanished is probed, reclaimed, and seen in `connections` on the
# way; an idle one whose peer answers the probes stays. Limits: idle 2 s, 2 probes, 1 s apart.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

gone=40089
alive=40090

listed() {
	lab_ctl connections service "$1" | grep "[^0-9]$2[^0-9]"
}

# Which connections the server still has from a port of the client.
server_has() {
	lab_exec server ss -Htn state established "dport = :$1" | wc -l
}

reclaimed=$(stats .events.reclaimed_idle)
probes=$(stats .events.probes_sent)
serve server 89 hold
for family in 4 6; do
	for port in $gone $alive; do
		start "client$family-$port" client "${PEER[@]}" hold "$(address $family)" 89 "$port" 20
		lab_until 5 logged "client$family-$port" hello ||
			fail "IPv$family: no greeting at $port: $(log "client$family-$port")" \
				"$(lab_ctl connections service idle$family)"
	done
done
# From here on nothing comes from one of the two, and nothing reaches it.
filter client "tcp sport $gone" "tcp dport $gone"
for family in 4 6; do
	for port in $gone $alive; do
		listed idle$family "$port" | grep -q ESTABLISHED ||
			fail "idle$family: port $port is not listed as ESTABLISHED"
	done
	lab_ctl -j connections service idle$family | jq -e . >/dev/null || fail "no JSON"
done
for family in 4 6; do
	lab_until 10 is 2 legs idle$family ESTABLISHED ||
		fail "idle$family: $(legs idle$family ESTABLISHED) legs stand, not the 2 of the living client"
	! listed idle$family $gone | grep -q ESTABLISHED || fail "idle$family: $gone is still listed"
done
lab_until 3 is 0 server_has $gone || fail "the server got no RST"
at_least $((reclaimed + 2)) stats .events.reclaimed_idle || fail "not counted as reclaimed"

# Twice the limit later, the other has been probed several times, and lives.
sleep 5
for family in 4 6; do
	is 2 legs idle$family ESTABLISHED || fail "idle$family: a living idle connection was reclaimed"
done
is 2 server_has $alive || fail "the server lost a living connection"
at_least $((probes + 6)) stats .events.probes_sent || fail "hardly any probes"
