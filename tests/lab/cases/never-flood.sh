#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# SYNs from forged addresses to a service with cookies = "never", beside one with "always", for clients
# that are 100 ms away: 200 of 200 requests of each come through, with the suite's table and with one of
# 20,000 connections. LAB_LONG=1 (with --timeout 500): 50,000 SYNs a second.
#
# timeout: 180
# once
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

requests=200
at_once=10
always=85
never=91
rate=6000 # over each family
lead=4    # seconds of flood before the first request
if [ "${LAB_LONG:-}" ]; then
	rate=25000
	lead=10
fi
conf=$LAB_RUN/sluice.conf
cp "$conf" "$conf.before"
restore() {
	cp "$conf.before" "$conf"
	lab_kill sluiced
	lab_sluiced_start "$conf"
}
trap 'tidy; restore' EXIT

# serves WHEN: whether all requests of both services succeed, over both families at once.
serves() {
	local port family tag

	for port in $always $never; do
		for family in 4 6; do
			start "requests$port.$family" client "${PEER[@]}" requests "$(address $family)" $port \
				$((requests / 2)) $((at_once / 2))
		done
	done
	for port in $always $never; do
		for family in 4 6; do
			tag=requests$port.$family
			lab_until 60 ended "$tag" || fail "$1, port $port, IPv$family: requests take too long"
			echo "$1, port $port, IPv$family: $(log "$tag" | tail -n 1)"
			logged "$tag" "^$((requests / 2)) of" || failed+=("$1, port $port, IPv$family: $(log "$tag" | tail -n 1)")
		done
	done
}

failed=()
serve always $always echo
serve never $never echo
impair client --delay 50ms
for connections in 100000 20000; do
	sed "s/connections = [0-9]*/connections = $connections/" "$conf.before" >"$conf"
	lab_kill sluiced
	lab_sluiced_start "$conf"
	serves "$connections connections, no flood"
	for family in 4 6; do
		started+=("$CASE.flood$family")
		lab_flood_of "$CASE.flood$family" client --rate $rate c0 "$(address $family)" $never
	done
	sleep "$lead"
	serves "$connections connections, flood"
	lab_ctl stats >"$LAB_RUN/log/$CASE.stats.$connections"
	for family in 4 6; do
		lab_alive "$CASE.flood$family" || fail "the flood has ended too early"
		lab_kill "$CASE.flood$family"
		log "flood$family" | tail -n 1
	done
done
[ ${#failed[@]} -eq 0 ] || fail "${failed[@]}"
