#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A path that carries less than the hosts think: a router behind the box, then one before it, answers
# what is longer than 1400 bytes by ICMP, which comes through the box. Path MTU discovery works: data
# goes up and down at once over both families, and what arrives is what was sent.
#
# timeout: 120
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

size=$((4 << 20))
up=$LAB_RUN/$CASE.up
down=$LAB_RUN/$CASE.down
trap 'rm -f "$up" "$down"; tidy' EXIT
head -c $size /dev/urandom >"$up"
head -c $size /dev/urandom >"$down"
up_sum=$(sha256sum <"$up" | cut -d' ' -f1)
down_sum=$(sha256sum <"$down" | cut -d' ' -f1)
rounds=0

arrived() {
	log server | grep -cx "eof $size $up_sum" || true
}

# What the hosts have learned of the path.
forget() {
	local host family

	for host in client server; do
		for family in -4 -6; do
			lab_exec "$host" ip "$family" route flush cache
		done
	done
}

serve server 81 exchange "$down"
for host in server client; do
	impair $host --mtu 1400
	for family in 4 6; do
		forget
		got=$(client exchange "$(address $family)" 81 "$up")
		[ "$got" = "eof $size $down_sum" ] || fail "IPv$family, down, $host: $got"
		rounds=$((rounds + 1))
		lab_until 20 is $rounds arrived ||
			fail "IPv$family, up, $host: $(log server | tail -n 1)"
	done
	# What comes from the box and is too long is answered through the box.
	[ "$(path $host .ba.icmp_sent)" -gt 0 ] || fail "the cable of $host answered nothing"
	unimpair $host
done
forget
