#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The modes that do not answer for the server: tracked (cookies "never"), pass, monitor. All carry
# a connection; monitor counts what splice would have answered. And services of a prefix and a
# range of ports.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

would=$(stats .events.would_answer)
for port in 91 92 93; do
	serve server$port $port echo
	for family in 4 6; do
		client echo "$(address $family)" $port one two three >/dev/null ||
			fail "port $port, IPv$family: no echo"
	done
done
cookies=$(stats .events.cookies_sent)
for port in 9000 9005 9010; do
	serve server$port $port echo
	for family in 4 6; do
		client echo "$(address $family)" $port one >/dev/null || fail "port $port, IPv$family: no echo"
	done
done
at_least $((cookies + 6)) stats .events.cookies_sent || fail "the range is not served by cookie"
at_least $((would + 2)) stats .events.would_answer || fail "monitor did not count"

# A tracked connection is in the table while it lives.
lab_kill "$CASE.server91"
serve tracked 91 hold
for family in 4 6; do
	start "client$family" client "${PEER[@]}" hold "$(address $family)" 91 0 20
	lab_until 5 logged "client$family" hello || fail "tracked$family: no greeting"
	lab_until 2 is 2 legs tracked$family ESTABLISHED || fail "tracked$family: not tracked"
done
