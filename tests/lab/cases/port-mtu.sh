#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The server's interface takes less than the box's. What is too long is dropped and its sender told,
# and the port lives on. A frame that got into the port before the box knew blocks the port: the box
# notices, says so, and starts the port again.
#
# timeout: 90
# once
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

restore() {
	ip -n "$LAB_NAME-server" link set s0 mtu 1500
	lab_exec client ip route flush cache
	lab_exec client ip -6 route flush cache
	lab_until 5 knows 1500 || true
}
trap 'restore; tidy' EXIT

# port EXPRESSION: of the inside port, in jq.
port() {
	lab_ctl -j ports | jq -r ".[] | select(.name == \"net_af_packet1\") | $1"
}

knows() {
	is "$1" port .mtu
}

# pings ARG...: whether the server answers a ping from the client.
pings() {
	lab_exec client ping -c 1 -W 1 "$@" >/dev/null
}

pings "$LAB_SERVER4" && pings "$LAB_SERVER6" || fail "no ping at all"
ip -n "$LAB_NAME-server" link set s0 mtu 1400
lab_until 5 knows 1400 || fail "the MTU of the other end is not seen: $(lab_ctl ports)"

# Known in time: nothing too long gets into the port.
dropped=$(stats .dropped.above_mtu)
told=$(stats .events.too_big_sent)
out=$(lab_exec client ping -M do -c 1 -W 1 -s 1450 "$LAB_SERVER4" 2>&1) || true
grep -q "From $LAB_SERVER4.*mtu = 1400" <<<"$out" || fail "the sender is not told: $out"
out=$(lab_exec client ping -M do -c 1 -W 1 -s 1450 "$LAB_SERVER6" 2>&1) || true
grep -qi "mtu.*1400" <<<"$out" || fail "the sender is not told, IPv6: $out"
lab_exec client ip route flush cache
! pings -M dont -s 1450 "$LAB_SERVER4" || fail "what can't be sent is answered"
[ "$(stats .dropped.above_mtu)" -eq $((dropped + 3)) ] || fail "not counted: $(lab_ctl stats)"
[ "$(stats .events.too_big_sent)" -eq $((told + 2)) ] || fail "told: $(stats .events.too_big_sent)"
pings "$LAB_SERVER4" && pings "$LAB_SERVER6" || fail "the port does not send any more"
pings -s 1372 "$LAB_SERVER4" || fail "what just fits does not pass"
[ "$(port .restarts)" -eq 0 ] || fail "started again without need"

# A page of more than one segment, from a server that has not heard of it.
lab_exec client curl -sS --max-time 10 -o /dev/null "$(url 4)" || fail "no page"

# Too late: the frame is in the port before the box can know.
blocked() {
	ip -n "$LAB_NAME-server" link set s0 mtu 1500
	lab_until 5 knows 1500 || fail "the MTU of the other end is not seen to rise"
	ip -n "$LAB_NAME-server" link set s0 mtu 1400
	pings -M dont -s 1450 "$LAB_SERVER4"
	! pings "$LAB_SERVER4"
}
lab_until 20 blocked || fail "the port can't be blocked: nothing to see"
start pings client ping -i 0.3 "$LAB_SERVER4"
lab_until 15 eval 'lab_ctl -j status | jq -e ".warnings | any(test(\"net_af_packet1 does not send\"))"' ||
	fail "no warning: $(lab_ctl status)"
lab_until 15 at_least 1 port .restarts || fail "it was not started again: $(lab_ctl ports)"
lab_until 10 pings "$LAB_SERVER4" || fail "it does not send again: $(lab_ctl ports)"
lab_until 10 is false port .silent || fail "it is still called silent"
grep -q 'net_af_packet1: started again' "$LAB_RUN/log/sluiced.log" || fail "no line in the log"
