#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Data that comes before the server has answered: held by the box, then delivered. The server's
# SYNs are dropped for 2 s; the client's handshake does not wait for them.
#
# timeout: 60
# once
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

serve server 85 digest
for size in 1000 300000; do # what is held, and far more than that
	for family in 4 6; do
		filter server 'tcp dport 85'
		client early "$(address $family)" 85 $size >"$LAB_RUN/$CASE.out" &
		lab_until 2 at_least 1 stats .held || fail "IPv$family, $size bytes: nothing is held"
		sleep 1.5
		[ "$(filtered_packets server)" -ge 1 ] || fail "IPv$family: the box sent the server no SYN"
		unfilter server
		wait $! || fail "IPv$family, $size bytes: $(cat "$LAB_RUN/$CASE.out")"
		connected=$(sed -n 's/^connected //p' "$LAB_RUN/$CASE.out")
		before "$connected" 1 || fail "IPv$family: the handshake took $connected s"
	done
done
lab_until 5 is 0 stats .held || fail "$(stats .held) packets are held for ever"
