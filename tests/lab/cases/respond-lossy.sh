#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# 2% loss, 1% duplication and 5% reordering each way between the client and the servers in the box:
# what is echoed comes back to the byte, pages come, and the box's own TCP repairs what is lost on its
# side. LAB_BYTES: how much is echoed (4 MiB unless said).
#
# timeout: 600
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/respond.sh
. "$HERE/respond.sh"

to_echo "${LAB_BYTES:-$((4 << 20))}"

impair client --loss 2% --dup 1% --reorder 5% --seed 9
again=$(stats .events.tcp_retransmits)
for address in "$LAB_SERVER4" "$LAB_SERVER6"; do
	for port in 7 8007; do
		for tool in nc socat; do
			echoed $tool "$address" $port
		done
	done
	url=http://$(bracket "$address"):8088/
	for ((i = 0; i < 20; i++)); do
		page "$url"
	done
	n=$(wrk_requests 3 20 "$url" --timeout 20s) || fail "wrk, $address: errors"
	echo "$address: $n requests in 3 s"
	client abort "$address" 19 >/dev/null || fail "chargen, $address: no greeting"
done
again=$(($(stats .events.tcp_retransmits) - again))
[ $again -gt 100 ] || fail "the box has sent $again segments again: the path was none that shows anything"
echo "$again segments sent again, $(stats .events.tcp_timeouts) timeouts"
path client '.ab, .ba | select(.lost == 0 or .duplicated == 0 or .reordered == 0)' >"$LAB_RUN/$CASE.off"
[ ! -s "$LAB_RUN/$CASE.off" ] || fail "the cable: $(cat "$LAB_RUN/$CASE.off")"
