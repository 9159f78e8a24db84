#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Every core that the daemon was given works: with several, frames are handed to their owners, each
# has connections of its own, and what one gives another takes.
#
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

[ "$(stats '.workers | length')" = "$LAB_WORKERS" ] || fail "not $LAB_WORKERS workers"
spread=$(lab_ctl -j status | jq -r '.links[0] | .outside.spread, .inside.spread' | sort -u)
if [ "$LAB_WORKERS" = 1 ]; then
	[ -z "$spread" ] || fail "one worker, and its ports are '$spread'"
	exit 0
fi
[ "$(wc -l <<<"$spread")" = 2 ] || fail "both ports are '$spread'"
[ "$(grep -c '^handed over by core [0-9]*$' <<<"$spread")" = 2 ] || fail "the ports are '$spread'"

# 40 connections: that one of two workers has none of them happens once in 2^39 times.
for ((i = 0; i < 40; i++)); do
	lab_exec client curl -sS --max-time 10 -o /dev/null "$(url $((i % 2 == 0 ? 4 : 6)))"
done
cores=$({ lab_ctl -j connections service web4; lab_ctl -j connections service web6; } | jq -s '[.[].connections[].core] | unique | length')
[ "$cores" = "$LAB_WORKERS" ] || fail "connections on $cores of $LAB_WORKERS cores"

even() {
	[ "$(stats '.handed_in - .handed_out')" = 0 ]
}
lab_until 5 even || fail "handed in and out differ by $(stats '.handed_in - .handed_out')"
[ "$(stats .handed_in)" -gt 0 ] || fail "nothing was handed over"
