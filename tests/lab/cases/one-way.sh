#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The server's answers go round the box. Seen within ten seconds, as an event and a warning; with
# one_way = "pass" the service then works unproxied, and is proxied again once its server is heard.
#
# timeout: 90
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

client_ns=$LAB_NAME-client
server_ns=$LAB_NAME-server
trap 'ip -n "$client_ns" link del r0 2>/dev/null || true; tidy' EXIT

# A cable beside the box, for the way back only.
round_the_box() {
	ip -n "$client_ns" link add r0 type veth peer name r1 netns "$server_ns"
	lab_sysctl client net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.r0.rp_filter=0
	lab_exec server ethtool -K r1 tx off tso off gso off gro off >/dev/null
	ip -n "$client_ns" link set r0 up
	ip -n "$server_ns" link set r1 up
	mac=$(ip -n "$client_ns" -j link show r0 | jq -r '.[0].address')
	ip -n "$server_ns" neigh replace $LAB_CLIENT4 lladdr "$mac" dev r1
	ip -n "$server_ns" -6 neigh replace $LAB_CLIENT6 lladdr "$mac" dev r1
	ip -n "$server_ns" route replace $LAB_CLIENT4/32 dev r1 src $LAB_SERVER4
	ip -n "$server_ns" -6 route replace $LAB_CLIENT6/128 dev r1 src $LAB_SERVER6
}

echoes() {
	client echo "$(address "$1")" 98 one two >"$LAB_RUN/$CASE.out" 2>&1
}

one_way() {
	lab_ctl -j stats | jq --arg name "oneway$1" \
		'[.services[] | select(.name == $name).events.one_way] | add'
}

serve server 98 echo
for family in 4 6; do
	echoes $family || fail "IPv$family: no echo before: $(cat "$LAB_RUN/$CASE.out")"
done
round_the_box
for family in 4 6; do
	[ "$(one_way $family)" = 0 ] || fail "IPv$family: an event too early"
	for n in 1 2 3; do
		start "try$n$family" client "${PEER[@]}" echo "$(address $family)" 98 one
	done
	lab_until 10 at_least 1 one_way $family || fail "IPv$family: no event within ten seconds"
	lab_ctl -j status | jq -e --arg s "service oneway$family:" \
		'[.warnings[] | select(startswith($s))] | length == 1' >/dev/null ||
		fail "IPv$family: no warning"
	# Every worker sees it for itself, a few seconds after its own first SYN.
	lab_until 25 echoes $family || fail "IPv$family: no service though it may pass: $(cat "$LAB_RUN/$CASE.out")"
done

ip -n "$client_ns" link del r0

# Every worker hears for itself: the first connection that it owns still passes.
answered() {
	local before

	before=$(stats .events.cookies_sent)
	echoes "$1" && at_least $((before + 1)) stats .events.cookies_sent
}

for family in 4 6; do
	lab_until 10 echoes $family || fail "IPv$family: no echo after: $(cat "$LAB_RUN/$CASE.out")"
	lab_until 10 answered $family || fail "IPv$family: not proxied again"
done
