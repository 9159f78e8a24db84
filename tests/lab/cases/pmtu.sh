#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A path that carries less than the hosts think: a router behind the box, then one before it, answers
# what is longer than 1400 bytes by ICMP, which comes through the box. Path MTU discovery works: data
# goes up and down at once over both families, and what arrives is what was sent. Where the routers'
# ICMP is lost, mss_max does it.
#
# timeout: 120
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

size=$((4 << 20))
up=$LAB_RUN/$CASE.up
down=$LAB_RUN/$CASE.down
conf=$LAB_RUN/sluice.conf
cp "$conf" "$conf.before"
restore() {
	cp "$conf.before" "$conf"
	lab_ctl reload >/dev/null || true
	rm -f "$up" "$down"
}
trap 'restore; tidy' EXIT
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

# A black hole: what is too long vanishes without a word. (Else the kernel would find out by itself.)
for host in client server; do
	lab_sysctl $host net.ipv4.tcp_mtu_probing=0
done
sed '/name = "bulk[46]"/s/mode = /mss_max = 1320; mode = /' "$conf.before" >"$conf"
lab_ctl reload >/dev/null || fail "mss_max is not taken"
for host in server client; do
	impair $host --mtu 1400 --mtu-silent
	for family in 4 6; do
		got=$(client exchange "$(address $family)" 81 "$up")
		[ "$got" = "eof $size $down_sum" ] || fail "IPv$family, down, silent $host: $got"
		rounds=$((rounds + 1))
		lab_until 20 is $rounds arrived ||
			fail "IPv$family, up, silent $host: $(log server | tail -n 1)"
	done
	[ "$(path $host '.ab.too_big + .ba.too_big')" = 0 ] || fail "segments were too long for $host"
	unimpair $host
done
