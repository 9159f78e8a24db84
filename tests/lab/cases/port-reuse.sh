#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# timeout: 120
#
# Thousands of short connections a second from one address, each source port again after about a
# second, while its last connection is in TIME-WAIT at the server and in the box: with timestamps
# and without, over both families, none may fail.
. "$(dirname "$0")/../case.sh"

reuse=$LAB_BUILD/tests/lab/reuse
rate=${LAB_RATE:-5000}
seconds=${LAB_SECONDS:-3}
[ -x "$reuse" ] || fail "there is no $reuse: ./scripts/build makes it"

restore() {
	lab_sysctl client net.ipv4.tcp_timestamps=1
}
trap 'restore; tidy' EXIT

for timestamps in 1 0; do
	lab_sysctl client net.ipv4.tcp_timestamps=$timestamps
	for family in 4 6; do
		told=$(lab_exec client "$reuse" "$(address $family)" 80 20000 "$rate" "$rate" \
			"$seconds") || fail "IPv$family, timestamps $timestamps: $told"
		echo "IPv$family, timestamps $timestamps: $told"
		[ "$(jq .ok <<<"$told")" -eq $((rate * seconds)) ] ||
			fail "IPv$family, timestamps $timestamps: $told"
	done
done
