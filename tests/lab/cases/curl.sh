#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Pages come through the box over both families, every SYN of theirs is answered by cookie, and
# nothing stays behind but TIME-WAIT.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

cookies=$(stats .events.cookies_sent)
for family in 4 6; do
	for ((i = 0; i < 10; i++)); do
		page=$(lab_exec client curl -sS --max-time 10 "$(url $family)")
		[ "$page" = 'served from behind the box' ] || fail "IPv$family: got '$page'"
	done
done
grown=$(($(stats .events.cookies_sent) - cookies))
[ $grown -ge 20 ] || fail "20 connections, but $grown SYNs answered by cookie"
for family in 4 6; do
	lab_until 5 is 0 legs web$family ESTABLISHED || fail "web$family keeps closed connections"
done
