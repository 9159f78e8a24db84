#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# sluiceimpair by itself: what it is not told to impair passes byte by byte, tags and all, or is
# booked; and each impairment on the path is one that hosts see.
#
# timeout: 60
# once
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

# Two cables of the client's own, from0 to mid0 and mid1 to to0, joined by sluiceimpair. The ends
# carry more than 1500 bytes, so that frames too long for the middle can be sent at all.
uncable() {
	ip -n "$LAB_NAME-client" link del from0 2>/dev/null || true
	ip -n "$LAB_NAME-client" link del to0 2>/dev/null || true
}
trap 'uncable; tidy' EXIT
ip -n "$LAB_NAME-client" link add from0 mtu 1600 type veth peer name mid0 mtu 1600
ip -n "$LAB_NAME-client" link add to0 mtu 1600 type veth peer name mid1 mtu 1500
for dev in from0 mid0 mid1 to0; do
	lab_sysctl client net.ipv6.conf.$dev.disable_ipv6=1
	ip -n "$LAB_NAME-client" link set $dev up
done
start cable client "$LAB_SLUICEIMPAIR" --json mid0 mid1
lab_until 5 logged cable '^sluiceimpair: ready' || fail "no cable: $(log cable)"
got=$(lab_exec client python3 "$HERE/frames.py" from0 to0)
want='short ok
full ok
tagged ok
tagged-full ok
qinq ok
qinq-full ok
too-long lost'
[ "$got" = "$want" ] || fail "frames: $got"
lab_kill "$CASE.cable"
logged cable 'mid1: a frame of 1522 bytes is too long' || fail "nothing is said of the frame too long"
[ "$(log cable | grep '^{' | jq '.ab | .received - .sent, .refused' | tr '\n' ' ')" = '1 1 ' ] ||
	fail "the frame too long is not booked: $(log cable)"

# ping_server ARG...: succeeds when an answer comes.
ping_server() {
	lab_exec client ping -c 1 -W 1 "$@" >"$LAB_RUN/$CASE.ping" 2>&1
}

# no_way COMMAND...: it must fail.
no_way() {
	! "$@" || fail "$* got through"
}

for family in 4 6; do
	server=$(address $family)
	impair client --ab-delay 30ms --ba-delay 20ms
	ping_server "$server" || fail "IPv$family: no answer over a slow cable"
	before 50 "$(sed -n 's/.*time=\([0-9.]*\) ms.*/\1/p' "$LAB_RUN/$CASE.ping")" ||
		fail "IPv$family: $(cat "$LAB_RUN/$CASE.ping")"

	# One direction is cut; ARP and neighbour discovery go on.
	impair client --ba-loss 100%
	ip -n "$LAB_NAME-client" neighbour flush all
	no_way ping_server "$server"
	is 0 path client .ab.lost || fail "IPv$family: the other direction is cut, too"
	at_least 1 path client .ba.lost || fail "IPv$family: nothing was lost"
	lab_exec client ip neighbour show "$server" | grep -q lladdr ||
		fail "IPv$family: no neighbour over a cable that is cut for IP"

	# Too big: a router answers, or a black hole does not. The first packet learns the MTU.
	impair client --mtu 1400
	ping_server -M 'do' -s 1300 "$server" || fail "IPv$family: 1300 bytes did not pass"
	no_way ping_server -M 'do' -s 1400 "$server"
	grep -q "From \($LAB_ROUTER4\|$LAB_ROUTER6\) .*mtu *= *1400" "$LAB_RUN/$CASE.ping" ||
		fail "IPv$family: no word from the router: $(cat "$LAB_RUN/$CASE.ping")"
	impair client --mtu 1380 --mtu-silent
	no_way ping_server -M 'do' -s $((family == 4 ? 1380 - 28 + 1 : 1380 - 48 + 1)) "$server"
	is '1 0' path client '.ab | "\(.too_big) \(.icmp_sent)"' || fail "IPv$family: no black hole"
	lab_exec client ip route flush cache
	lab_exec client ip -6 route flush cache
done

# Some frames have a flipped bit: no host takes a broken one for a whole one.
serve digest 8080 digest
impair client --corrupt 10% --seed 1
client early "$LAB_SERVER4" 8080 100000 >/dev/null || fail "data was broken, or did not come"
at_least 1 path client '.ab.corrupted' || fail "nothing was corrupted"

# The line carries 8 Mbit/s: 500 kB take half a second.
impair client --rate 8mbit --queue 50
took=$(client early "$LAB_SERVER4" 8080 500000 | sed -n 's/^answered //p')
before 0.5 "${took:-0}" || fail "500 kB took ${took:-no time} over 8 Mbit/s"

unimpair client
ping_server "$LAB_SERVER4" || fail "no answer over the cable that is whole again"
