#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What tshark says of a clean path, on both sides of the box: no bad checksum, and no segment twice
# or out of order that is of the box's making: none on one side but those that are on the other.
#
# timeout: 120
# once
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

size=$((2 << 20))
data=$LAB_RUN/$CASE.data
trap 'rm -f "$data" "$LAB_RUN/$CASE".*.pcap; tidy' EXIT
head -c $size /dev/urandom >"$data"

# dump HOST DEV
dump() {
	start "dump$1" "$1" tcpdump -qni "$2" -B 65536 -s 0 -w "$LAB_RUN/$CASE.$1.pcap" 'tcp port 81'
	lab_until 5 logged "dump$1" 'listening on' || fail "no tcpdump: $(log "dump$1")"
}

# seen HOST FILTER: how many packets of the capture match.
seen() {
	tshark -r "$LAB_RUN/$CASE.$1.pcap" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
		-Y "$2" 2>/dev/null | wc -l
}

again='tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.out_of_order ||
	tcp.analysis.spurious_retransmission'

# Where the sum says 0x0000, a host whose NIC makes no checksums sends 0xffff (the kernel's
# skb_checksum_help), which is the same number in one's complement. tshark calls it bad, all the same.
bad='ip.checksum.status == "Bad" || (tcp.checksum.status == "Bad" &&
	!(tcp.checksum == 0xffff && tcp.checksum_calculated == 0))'

serve server 81 exchange "$data"
client exchange "$(address 4)" 81 "$data" >/dev/null # the box learns of the server
client exchange "$(address 6)" 81 "$data" >/dev/null
sleep 2.5 # and every worker of it: else one more would tell the server to begin again
dump client c0
dump server s0
for family in 4 6; do
	for ((i = 0; i < 3; i++)); do
		client exchange "$(address $family)" 81 "$data" >/dev/null || fail "IPv$family"
	done
done
sleep 1
for host in client server; do
	lab_kill "$CASE.dump$host"
	[ "$(seen $host tcp)" -gt 5000 ] || fail "$host: too little was captured"
	n=$(seen $host "$bad")
	[ "$n" -eq 0 ] || tshark -r "$LAB_RUN/$CASE.$host.pcap" -o tcp.check_checksum:TRUE -V -x \
		-o ip.check_checksum:TRUE -Y "$bad" 2>/dev/null
	[ "$n" -eq 0 ] || fail "$host: $n bad checksums"
done
# A segment that comes to the client twice was sent twice by the server, or the box did it.
for pair in "client 81 server" "server -81 client"; do
	read -r to port from <<<"$pair"
	if [ "$port" = 81 ]; then way='tcp.srcport == 81'; else way='tcp.dstport == 81'; fi
	sent=$(seen "$from" "($again) && $way")
	came=$(seen "$to" "($again) && $way")
	echo "to the $to: $came segments again or out of order, $sent of them sent so"
	[ "$came" -le "$sent" ] || fail "to the $to: $came segments again or out of order, $sent were sent so"
done
