#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What tshark says of what the servers in the box send on a clean path: no bad checksum, no segment
# again or out of order but those that the peer's own silence or closed window asked for; and whether they say what RFC 9293 has them say to nmap's and hping3's odd
# packets.
#
# timeout: 180
# once
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/respond.sh
. "$HERE/respond.sh"

to_echo $((4 << 20))
trap 'rm -f "$ECHO_FILE" "$LAB_RUN/$CASE".again "$LAB_RUN/$CASE".*.pcap; tidy' EXIT

# dump DEV
dump() {
	start "dump-$1" client tcpdump -qni "$1" -B 65536 -s 0 -w "$LAB_RUN/$CASE.$1.pcap" \
		'tcp port 7 or tcp port 8007 or tcp port 8088 or tcp port 13 or tcp port 9'
	lab_until 5 logged "dump-$1" 'listening on' || fail "no tcpdump: $(log "dump-$1")"
}

# seen DEV FILTER: packets of the box's in a capture that match.
seen() {
	tshark -r "$LAB_RUN/$CASE.$1.pcap" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
		-Y "tcp.srcport < 10000 && ($2)" 2>/dev/null | wc -l
}

# again DEV: a line for each segment that the box sent again or out of order and should not have. A
# machine that takes a host off its CPU makes a silent peer or a closed window of it, and for these the
# RFCs have us send again (RFC 6298, RFC 8985 section 7, RFC 9293 section 3.8.6.1): what had not been
# acknowledged for 20 ms, a tail probe's time, when the box looked; and what follows a probed window.
again() {
	tshark -r "$LAB_RUN/$CASE.$1.pcap" -Y tcp -T fields -e frame.time_relative -e tcp.stream \
		-e tcp.srcport -e tcp.seq_raw -e tcp.len -e tcp.ack_raw -e tcp.window_size_value \
		-e tcp.analysis.retransmission -e tcp.analysis.out_of_order 2>/dev/null |
		awk -F'\t' '
			function before(a, b) { return (a - b + 2 ^ 32) % 2 ^ 32 >= 2 ^ 31 }
			# What had come from the peer when the box looked, 10 ms ago at the worst.
			function acked(stream, now,    i) {
				for (i = n[stream]; i > 1 && came[stream, i] > now - 0.01; i--)
					;
				return ack[stream, i]
			}
			$3 >= 10000 {
				came[$2, ++n[$2]] = $1
				ack[$2, n[$2]] = $6
				if ($7 == 0) closed[$2] = $6
				next
			}
			$8 == "" && $9 == "" { fresh[$2] = sent[$2, $4] = $1; next }
			{ since = ($2, $4) in sent ? sent[$2, $4] : fresh[$2] }
			!before($4, acked($2, $1)) && $1 - since > 0.02 { next }
			$2 in closed && ($4 == closed[$2] || $4 == closed[$2] + 1) { next }
			{ print }'
}

dump c0
dump c1
while read -r _ _ address; do
	for port in 7 8007; do
		echoed nc "$address" $port
	done
	lab_exec client nc -N "$address" 9 <"$ECHO_FILE"
	lab_exec client nc -d "$address" 13 >/dev/null
	lab_exec client curl -sS -o /dev/null -o /dev/null "http://$(bracket "$address"):8088/" \
		"http://$(bracket "$address"):8088/"
done < <(ways)
sleep 1
for dev in c0 c1; do
	lab_kill "$CASE.dump-$dev"
	[ "$(seen $dev tcp)" -gt 5000 ] || fail "$dev: too little was captured"
	n=$(seen $dev 'ip.checksum.status == "Bad" || tcp.checksum.status == "Bad"')
	[ "$n" -eq 0 ] || fail "$dev: $n bad checksums"
	again $dev >"$LAB_RUN/$CASE.again"
	head -n 20 "$LAB_RUN/$CASE.again"
	n=$(wc -l <"$LAB_RUN/$CASE.again")
	[ "$n" -eq 0 ] || fail "$dev: $n segments of the box's again or out of order"
done

# said ARG...: the flags of the one answer to one packet of hping3's, or "-".
said() {
	local flags

	flags=$({ lab_exec client hping3 -n -c 1 "$@" "$LAB_BOX4" 2>/dev/null || true; } |
		sed -n 's/.* flags=\([A-Z]*\) .*/\1/p' | head -n 1)
	echo "${flags:--}"
}

# Where nobody listens (10), and where somebody does: RFC 9293 sections 3.10.7.1 and 3.10.7.2.
while read -r port want args; do
	# shellcheck disable=SC2086
	got=$(said -p "$port" $args)
	[ "$got" = "$want" ] || fail "hping3 $args to port $port: $got, RFC 9293 says $want"
done <<-ODD
	10 RA -S
	10 R -A
	10 RA -F
	10 RA
	10 RA -F -P -U
	10 RA -S -F
	10 R -S -A
	10 - -R
	8007 SA -S
	8007 R -A
	8007 R -S -A
	8007 -
	8007 - -F
	8007 - -F -P -U
	8007 - -R
ODD

# What is for another station is not the box's to answer, though its port hears it.
ip -n "$LAB_NAME-client" neigh replace "$LAB_BOX4" lladdr 02:00:00:00:00:99 dev c1 nud permanent
got=$(said -p 10 -S)
ip -n "$LAB_NAME-client" neigh del "$LAB_BOX4" dev c1
[ "$got" = - ] || fail "a SYN for another station is answered: $got"

# What nmap makes of it.
for scan in sS sT sN sF sX; do
	found=$(lab_exec client nmap -n -Pn -$scan --max-retries 1 -p 7,9,10,13 -oG - "$LAB_BOX4" | grep Ports:)
	case $scan in
	sS | sT) want=open ;;
	*) want='open|filtered' ;;
	esac
	for port in 7 9 13; do
		grep -q " $port/$want/" <<<"$found" || fail "nmap -$scan: port $port is not $want: $found"
	done
	grep -q ' 10/closed/' <<<"$found" || fail "nmap -$scan: port 10 is not closed: $found"
done
lab_exec client nmap -n -6 -Pn -sS -p 7,10 -oG - "$LAB_BOX6" | grep -q ' 7/open/.* 10/closed/' ||
	fail "nmap -6: ports 7 and 10"
# Its guess of the operating system sends what else there is; the box lives, and the books balance.
lab_exec client nmap -n -Pn -O --max-os-tries 1 -p 7,10 "$LAB_BOX4" >"$LAB_RUN/log/$CASE.os.log" 2>&1 || true
page "http://$LAB_BOX4:8088/"
