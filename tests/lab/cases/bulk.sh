#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# 100 MiB up and 100 MiB down at once, over both families: what arrives is what was sent.
#
# timeout: 180
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

size=$((100 << 20))
up=$LAB_RUN/$CASE.up
down=$LAB_RUN/$CASE.down
trap 'rm -f "$up" "$down"; tidy' EXIT
head -c $size /dev/urandom >"$up"
head -c $size /dev/urandom >"$down"
up_sum=$(sha256sum <"$up" | cut -d' ' -f1)
down_sum=$(sha256sum <"$down" | cut -d' ' -f1)

arrived() {
	log server | grep -cx "eof $size $up_sum" || true
}

serve server 81 exchange "$down"
for family in 4 6; do
	got=$(client exchange "$(address $family)" 81 "$up")
	[ "$got" = "eof $size $down_sum" ] || fail "IPv$family, down: $got"
	lab_until 10 is $((family == 4 ? 1 : 2)) arrived || fail "IPv$family, up: $(log server | tail -n 1)"
done
