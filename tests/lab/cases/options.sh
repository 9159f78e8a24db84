#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Timestamps, SACK and window scaling switched off in turn on the client and on the server: data
# goes both ways at once over both families, and what arrives is what was sent.
#
# timeout: 600
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

size=${LAB_BYTES:-$((8 << 20))}
data=$LAB_RUN/$CASE.data
names=(timestamps sack window_scaling)
restore() {
	local host name

	for host in client server; do
		for name in "${names[@]}"; do
			lab_sysctl $host net.ipv4.tcp_$name=1
		done
	done
	rm -f "$data"
}
trap 'restore; tidy' EXIT
head -c "$size" /dev/urandom >"$data"
sum=$(sha256sum <"$data" | cut -d' ' -f1)
n=0

# transfer WHAT
transfer() {
	local family got began

	for family in 4 6; do
		began=$EPOCHREALTIME
		got=$(client exchange "$(address $family)" 99 "$data")
		[ "$got" = "eof $size $sum" ] || fail "$1, IPv$family, down: $got"
		n=$((n + 1))
		lab_until 10 arrived || fail "$1, IPv$family, up: $(log server | tail -n 1)"
		awk -v what="$1, IPv$family" -v a="$began" -v b="$EPOCHREALTIME" -v size="$size" \
			'BEGIN { printf "%s: %.0f MB/s both ways together\n", what, 2 * size / (b - a) / 1e6 }'
	done
}

arrived() {
	[ "$(log server | grep -cx "eof $size $sum")" -eq $n ]
}

serve server 99 exchange "$data"
transfer 'all on'
for host in client server; do
	for name in "${names[@]}"; do
		lab_sysctl $host net.ipv4.tcp_$name=0
		transfer "$name off on the $host"
		lab_sysctl $host net.ipv4.tcp_$name=1
	done
done
for name in "${names[@]}"; do
	lab_sysctl client net.ipv4.tcp_$name=0
	lab_sysctl server net.ipv4.tcp_$name=0
done
transfer 'all off'
