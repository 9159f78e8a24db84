#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What may happen to the box's neighbours. A cable is pulled for some seconds: connections live on.
# With link_follow the other side sees it. A server's MAC moves under a connection. An interface
# vanishes: the daemon says so and lives.
#
# timeout: 120
# once
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

conf=$LAB_RUN/sluice.conf
cp "$conf" "$conf.before"
restore() {
	cp "$conf.before" "$conf"
	ip -n "$LAB_NAME-server" link set s0 up
	lab_ctl reload >/dev/null || true
}
trap 'restore; tidy' EXIT

# has_carrier HOST DEV
has_carrier() {
	[ "$(lab_exec "$1" cat "/sys/class/net/$2/carrier" 2>/dev/null)" = 1 ]
}

no_carrier() {
	! has_carrier "$@"
}

# warns PATTERN
warns() {
	lab_ctl -j status | jq -e --arg p "$1" '.warnings | any(test($p))' >/dev/null
}

# The IPv6 address of an interface that goes down is lost.
server_up() {
	ip -n "$LAB_NAME-server" link set s0 up
	ip -n "$LAB_NAME-server" -6 addr replace $LAB_SERVER6/64 dev s0 nodad
	ip -n "$LAB_NAME-server" route replace default via $LAB_CLIENT4
	ip -n "$LAB_NAME-server" -6 route replace default via $LAB_CLIENT6
}

# A cable pulled for some seconds, under a transfer that is paced.
serve late 96 late 8 1
for family in 4 6; do
	start "half$family" client "${PEER[@]}" half "$(address $family)" 96
done
sleep 1.5
ip -n "$LAB_NAME-server" link set s0 down
lab_until 5 warns 'net_af_packet1 has no link' || fail "no warning: $(lab_ctl status)"
lab_ctl ports | grep -q 'net_af_packet1.*DOWN' || fail "the port is not shown as down"
sleep 2
server_up
lab_until 5 eval '! warns "net_af_packet1 has no link"' || fail "the warning stays"
for family in 4 6; do
	lab_until 30 ended "half$family" || fail "IPv$family: hangs after the cable is back"
	logged "half$family" '^eof after 64 bytes' || fail "IPv$family: $(log "half$family")"
done
lab_kill "$CASE.late"

# link_follow: the client's side sees that the server's has gone.
sed 's/link_follow = false/link_follow = true/' "$conf.before" >"$conf"
lab_ctl reload >/dev/null
ip -n "$LAB_NAME-server" link set s0 down
lab_until 5 no_carrier client c0 || fail "the client's cable still has its carrier"
lab_until 5 warns 'net_af_packet0 is taken down' || fail "no warning of it"
server_up
lab_until 5 has_carrier client c0 || fail "the client's cable has no carrier again"
ip -n "$LAB_NAME-client" link set c0 down
lab_until 5 no_carrier server s0 || fail "the server's cable still has its carrier"
ip -n "$LAB_NAME-client" link set c0 up
ip -n "$LAB_NAME-client" -6 addr replace $LAB_CLIENT6/64 dev c0 nodad
lab_until 5 has_carrier server s0 || fail "the server's cable has no carrier again"
server_up
lab_until 25 lab_exec client curl -sS --max-time 4 "$(url 4)" || fail "no service afterwards"
lab_until 25 lab_exec client curl -sS --max-time 4 "$(url 6)" || fail "no service afterwards, IPv6"
# A kill -9 while a port is taken down: it comes up at the next start.
ip -n "$LAB_NAME-server" link set s0 down
lab_until 5 no_carrier client c0 || fail "not followed"
lab_kill sluiced KILL
server_up
lab_sluiced_start "$conf"
lab_until 5 has_carrier client c0 || fail "a port was left down"
cp "$conf.before" "$conf"
lab_ctl reload >/dev/null

# The server's MAC moves: probes and answers find it.
serve hold 89 hold
start talker client "${PEER[@]}" hold "$(address 4)" 89 0 30
lab_until 10 logged talker hello || fail "no greeting: $(log talker)"
ip -n "$LAB_NAME-server" link set s0 down
ip -n "$LAB_NAME-server" link set s0 address 02:00:00:00:77:01
server_up
ip -n "$LAB_NAME-client" neigh flush dev c0
lab_until 10 lab_exec client curl -sS --max-time 2 "$(url 4)" || fail "no service after the MAC moved"
sleep 8
ended talker && fail "the idle connection was ended after the MAC moved: $(log talker)"

# An interface vanishes, and the daemon lives.
rx=$(stats .rx)
ip -n "$LAB_NAME-server" link del s0
lab_until 5 warns 'net_af_packet1 is gone' || fail "no warning that the port is gone"
lab_alive sluiced || fail "the daemon has died"
lab_link server s0 in0 "$(cat "$LAB_RUN/mtu")"
lab_address server s0 $LAB_SERVER4 $LAB_SERVER6
server_up
ip -n "$LAB_NAME-client" neigh flush dev c0
lab_kill sluiced
lab_sluiced_start "$conf"
lab_until 10 lab_exec client curl -sS --max-time 2 "$(url 4)" || fail "no service after a restart"
[ "$rx" -gt 0 ]
