#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What a server grants is learned from its SYN-ACK, shown, and known again after a restart and after
# kill -9: the very first SYN is then granted timestamps.
#
# timeout: 60
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

# knows SERVICE: what is known of its server: "MSS TIMESTAMPS", or nothing.
knows() {
	lab_ctl -j services | jq -r --arg name "$1" '.[] | select(.name == $name).learned[]
		| "\(.mss) \(.timestamps)"'
}

lab_kill sluiced
rm -rf "$LAB_RUN/state"
lab_sluiced_start "$LAB_RUN/sluice.conf"
for how in TERM KILL; do
	lab_exec client curl -sS --max-time 10 "$(url 4)" >/dev/null
	lab_exec client curl -sS --max-time 10 "$(url 6)" >/dev/null
	lab_until 5 is '1460 true' knows web4 || fail "web4: '$(knows web4)'"
	lab_until 5 is '1440 true' knows web6 || fail "web6: '$(knows web6)'"
	lab_ctl services | grep -q 'web4 *192.0.2.2 *80 *1,460 *yes' || fail "not shown: $(lab_ctl services)"
	lab_until 5 grep -q '"port": 80' "$LAB_RUN/state/servers.json" || fail "nothing was written"
	lab_kill sluiced $how
	lab_sluiced_start "$LAB_RUN/sluice.conf"
	[ "$(knows web4)" = '1460 true' ] || fail "forgotten after SIG$how"
	start "dump$how" client tcpdump -lni c0 'tcp[tcpflags] & (tcp-syn|tcp-ack) == (tcp-syn|tcp-ack)'
	lab_until 5 logged "dump$how" 'listening on' || fail "no tcpdump"
	lab_exec client curl -sS --max-time 10 "$(url 4)" >/dev/null
	lab_until 5 logged "dump$how" 'TS val' || fail "the first client after SIG$how got no timestamps"
done

# A damaged file is put aside.
lab_kill sluiced
echo '{' >"$LAB_RUN/state/servers.json"
lab_sluiced_start "$LAB_RUN/sluice.conf"
[ -e "$LAB_RUN/state/servers.json.bad" ] || fail "a damaged file was not put aside"
grep -q 'damaged' "$LAB_RUN/log/sluiced.log" || fail "nothing was said of the damaged file"
