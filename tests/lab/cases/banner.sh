#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A server that speaks first: the client hears it without a word of its own.
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

serve server 82 banner
for family in 4 6; do
	got=$(client banner "$(address $family)" 82)
	[ "$(sed -n 1p <<<"$got")" = '220 ready' ] || fail "IPv$family: no banner: $got"
	[ "$(sed -n 3p <<<"$got")" = 'heard thanks' ] || fail "IPv$family: no answer: $got"
	after=$(sed -n 's/^after //p' <<<"$got")
	before "$after" 2 || fail "IPv$family: the banner took $after s"
done
