#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The other servers in the box: what nc and socat send to echo, and half-close behind, comes back to
# the byte; discard takes it; daytime speaks and closes; a client that aborts with linger 0 is
# forgotten; one that says nothing is reclaimed, one that is idle is probed. LAB_BYTES: how much is
# echoed each time (16 MiB unless said).
#
# timeout: 400
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/respond.sh
. "$HERE/respond.sh"

size=${LAB_BYTES:-$((16 << 20))}
to_echo "$size"

while read -r way family address; do
	for tool in nc socat; do
		for port in 7 8007; do
			since=$EPOCHREALTIME
			echoed $tool "$address" $port
			awk -v n="$size" -v a="$since" -v b="$EPOCHREALTIME" -v what="$tool, $address port $port" \
				'BEGIN { printf "%s: %.0f MB in %.1f s\n", what, n / 1e6, b - a }'
		done
	done
	lab_exec client nc -N "$address" 9 <"$ECHO_FILE" | cmp - /dev/null || fail "discard, $address: says something"
	[[ $(lab_exec client nc -d "$address" 13) =~ ^[A-Z][a-z]+day,\ .*\ 20[0-9][0-9]\ .*-UTC ]] ||
		fail "daytime, $address: not the time"
	aborts "$address"
	for name in echo discard daytime chargen half-echo; do
		lab_until 10 is 0 legs "$(service "$way" $name "$family")" ESTABLISHED ||
			fail "$(service "$way" $name "$family") keeps connections"
	done
	lab_until 5 at_least 1 leg "$(service "$way" daytime "$family")" client TIME-WAIT ||
		fail "daytime, $address: who closes first waits 2MSL"
done < <(ways)

# One that says nothing: limits.silent is 2 s there.
silent=$(stats .events.reclaimed_silent)
start mute client nc -d "$LAB_BOX4" 8009
lab_until 10 at_least $((silent + 1)) stats .events.reclaimed_silent || fail "a silent client stays"
lab_until 5 ended mute || fail "the silent client was not told"

# One that has spoken and then goes, without a word: idle 2 s, 2 probes a second apart.
idle=$(stats .events.reclaimed_idle)
start gone client sh -c "(echo hello; sleep 60) | nc $LAB_BOX4 8009"
lab_until 5 logged gone hello || fail "no echo before it goes"
lab_ctl -j connections state ESTABLISHED service own-hushed4 |
	jq -e '.connections[0].tcp | .opened == "cookie" and .mss == 1448 and .send_queue == 0 and .rto_us >= 200000
		and (.rtt_us | . == null or . < 1000000)' >/dev/null || fail "connections does not show its TCP"
lab_ctl -j status | jq -e '.endpoints.responding >= 1 and .endpoints.current <= .endpoints.capacity
		and .stream_buffers.capacity > 0' >/dev/null || fail "status does not count it"
sleep 3 # it is probed, and answers
[ "$(stats .events.reclaimed_idle)" = "$idle" ] || fail "one that answers probes was reclaimed"
filter client "tcp sport 8009" "tcp dport 8009"
lab_until 15 at_least $((idle + 1)) stats .events.reclaimed_idle || fail "one that is gone stays"
unfilter client
