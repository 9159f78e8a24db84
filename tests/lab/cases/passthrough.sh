#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What is of no service passes untouched: ARP, neighbour discovery, ping, UDP, TCP to another
# port. Every frame that the client's device sent or got is found, byte by byte, at the server's.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

# captured HOST: its frames, one a line, in an order of their own.
captured() {
	tcpdump -r "$LAB_RUN/$CASE.$1.pcap" -nn -t -xx 2>/dev/null |
		awk '/^\t0x/ { sub(/^.*:  /, ""); printf "%s ", $0; next } { printf "\n" }' | sort
}

passed=$(stats .passed)
# What hosts say by themselves when a link comes up, from no address or one of the link, may come while
# only one of the two captures runs.
wanted='tcp port 8080 or udp port 7777 or arp or icmp or
	icmp6 and not (ip6 src net fe80::/10 or ip6 src host ::)'
for host in client server; do
	dev=$([ $host = client ] && echo c0 || echo s0)
	start "tcpdump-$host" $host tcpdump -i "$dev" -U -w "$LAB_RUN/$CASE.$host.pcap" "$wanted"
	lab_until 5 logged "tcpdump-$host" listening || fail "tcpdump: $(log "tcpdump-$host")"
done
for host in client server; do
	ip -n "$LAB_NAME-$host" neighbour flush all
done
serve tcp 8080 echo
start udp server socat UDP6-RECVFROM:7777,ipv6only=0,fork PIPE
sleep 0.5
for family in 4 6; do
	address=$(address $family)
	lab_exec client ping -q -c 3 -i 0.2 -W 2 -s 1400 "$address" >/dev/null ||
		fail "IPv$family: no answer to ping"
	client echo "$address" 8080 hello >/dev/null || fail "IPv$family: no TCP to port 8080"
	[ $family = 4 ] || address="[$address]"
	got=$(echo datagram | lab_exec client socat -t 1 - "UDP$family:$address:7777")
	[ "$got" = datagram ] || fail "IPv$family: no answer over UDP"
done
sleep 0.5
for host in client server; do
	lab_kill "$CASE.tcpdump-$host"
done

captured client >"$LAB_RUN/$CASE.client"
captured server >"$LAB_RUN/$CASE.server"
frames=$(grep -c . "$LAB_RUN/$CASE.client" || true)
[ "$frames" -ge 30 ] || fail "only $frames frames were captured"
if ! diff "$LAB_RUN/$CASE.client" "$LAB_RUN/$CASE.server"; then
	fail "frames differ between the two sides of the box"
fi
at_least $((passed + frames)) stats .passed || fail "fewer counted as passed than the $frames seen"
