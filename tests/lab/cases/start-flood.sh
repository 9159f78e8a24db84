#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A flood that runs while sluiced starts. Of every kind of segment, from outside and from inside, with
# and without data: the server gets no more than the ration of adoption lets through. Transfers that
# ran before the start go on: 500 under a flood of ACKs, and under any flood those in which the server
# sends. (Where the client sends next, its data needs a place in the ration beside the flood's data.)
# LAB_LONG=1 (with --timeout 900): each kind alone, at 50,000 a second.
#
# timeout: 180
# once
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

ration=1000     # a second and service, as the default of adopt_rate
all=250         # transfers of each kind, half of them over each family
mixes=S,A,PA,R,RA,SA,F,FA,UA,none,FPU,SF
rate=6000       # over each family
seconds=2
conf=$LAB_RUN/sluice.conf
cp "$conf" "$conf.before"
restore() {
	cp "$conf.before" "$conf"
	lab_ctl reload >/dev/null || true
}
trap 'restore; tidy' EXIT

# Counts what comes to the server over TCP from anybody but the client.
count_strangers() {
	filtered+=(server)
	lab_exec server nft -f - <<-NFT
		table inet $CASE
		delete table inet $CASE
		table inet $CASE {
			chain arriving {
				type filter hook prerouting priority -300;
				ip saddr $LAB_CLIENT4 return
				ip6 saddr $LAB_CLIENT6 return
				meta l4proto tcp counter
			}
		}
	NFT
}

declare -A marks=([down]=0 [both]=0)

# begin KIND: transfers of transfers.py.
begin() {
	start "$1" client python3 "$HERE/transfers.py" $((all / 2)) "$1" 92 $LAB_SERVER4 $LAB_SERVER6
	lab_until 20 logged "$1" running || fail "no transfers: $(log "$1")"
}

# move KIND: whether each of them gets on from now.
move() {
	marks[$1]=$((marks[$1] + 1))
	kill -s USR1 "$(lab_pid "$CASE.$1")"
	lab_until 15 logged "$1" "^mark ${marks[$1]}: $all of $all"
}

# finish KIND: they come to their end, and all was right.
finish() {
	kill -s TERM "$(lab_pid "$CASE.$1")"
	lab_until 30 ended "$1" || fail "$1: the transfers do not end"
	logged "$1" "^whole $all of $all" || fail "$1: $(log "$1" | tail -n 1)"
}

# flood client|server MIX,... BYTES,...: from outside to the service, or from the service to anybody.
flood() {
	local family via address

	for family in 4 6; do
		via=() address=$(address $family)
		case $1:$family in
		server:4) via=(--from-service --via "$LAB_CLIENT4") ;;
		server:6) via=(--from-service --via "$LAB_CLIENT6") ;;
		esac
		started+=("$CASE.flood$family")
		lab_flood_of "$CASE.flood$family" "$1" --rate $rate --flags "$2" --payload "$3" "${via[@]}" \
			"$(lab_dev "$1")" "$address" 92
	done
}

# restart_under client|server MIX,... BYTES,... KIND...: kill -9 and a start under such a flood; these
# kinds of transfers go on.
restart_under() {
	local kind="$2 with $3 bytes from the $1" began reached most transfer

	flood "$1" "$2" "$3"
	shift 3
	lab_kill sluiced KILL
	count_strangers
	began=$EPOCHREALTIME
	lab_sluiced_start "$conf"
	sleep $seconds
	reached=$(filtered_packets server)
	most=$(awk -v a="$began" -v b="$EPOCHREALTIME" -v n=$((2 * ration)) 'BEGIN { print int(n * (b - a + 1)) }')
	echo "$kind: $reached came to the server, at most $most may"
	for transfer in "$@"; do
		move "$transfer" || fail "$kind: $transfer: transfers stand still: $(log "$transfer" | tail -n 1)"
	done
	for family in 4 6; do
		lab_kill "$CASE.flood$family"
		logged "flood$family" '^sent [1-9]' || fail "$kind: no flood"
	done
	[ "$reached" -le "$most" ] || fail "$kind: $reached came to the server, at most $most may"
}

start server server python3 "$HERE/transfers.py" serve 92
lab_until 10 logged server listening || fail "no server: $(log server)"
begin down
begin both
sed '/name = "passed[46]"/s/mode = "pass"/mode = "splice"/' "$conf.before" >"$conf"
restart_under client A 0 down both
finish both
if [ "${LAB_LONG:-}" ]; then
	rate=25000
	seconds=5
	for host in client server; do
		for bytes in 0 100; do
			for mix in ${mixes//,/ }; do
				restart_under $host "$mix" $bytes down
			done
		done
	done
else
	restart_under client $mixes 0,100 down
	restart_under server $mixes 0,100 down
fi
finish down
