#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# 2% loss, 1% duplication and 5% reordering each way on both sides of the box: data goes up and down
# at once, over both families, and what arrives is what was sent; both sides' own TCP repairs it.
# LAB_BYTES: how much each way (16 MiB unless said).
#
# timeout: 600
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

size=${LAB_BYTES:-$((16 << 20))}
up=$LAB_RUN/$CASE.up
down=$LAB_RUN/$CASE.down
trap 'rm -f "$up" "$down"; tidy' EXIT
head -c "$size" /dev/urandom >"$up"
head -c "$size" /dev/urandom >"$down"
up_sum=$(sha256sum <"$up" | cut -d' ' -f1)
down_sum=$(sha256sum <"$down" | cut -d' ' -f1)

arrived() {
	log server | grep -cx "eof $size $up_sum" || true
}

serve server 81 exchange "$down"
bad=(--loss 2% --dup 1% --reorder 5%)
impair client "${bad[@]}" --seed 7
impair server "${bad[@]}" --seed 8
for family in 4 6; do
	got=$(client exchange "$(address $family)" 81 "$up")
	[ "$got" = "eof $size $down_sum" ] || fail "IPv$family, down: $got"
	lab_until 10 is $((family == 4 ? 1 : 2)) arrived || fail "IPv$family, up: $(log server | tail -n 1)"
done

# That the cables were bad: else this shows nothing.
for host in client server; do
	path $host '.ab, .ba | select(.lost == 0 or .duplicated == 0 or .reordered == 0
		or .kernel_dropped + .refused > 0
		or .received + .duplicated != .sent + .lost + .queued)' >"$LAB_RUN/$CASE.off"
	[ ! -s "$LAB_RUN/$CASE.off" ] || fail "the cable of $host: $(cat "$LAB_RUN/$CASE.off")"
done
