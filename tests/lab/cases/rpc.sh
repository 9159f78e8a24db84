#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The socket is robust: garbage, a huge line, half a line, slow and vanishing clients, a hundred
# idle ones. Others are served meanwhile, and the daemon does not grow.
#
# timeout: 60
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

rss() {
	awk '/^VmRSS/ { print $2 }' "/proc/$(lab_pid sluiced)/status"
}

before_kib=$(rss)
python3 "$HERE/rpc_abuse.py" "$LAB_SOCKET" || fail "see above"
lab_ctl status >/dev/null || fail "sluicectl is not served any more"
grown=$(($(rss) - before_kib))
[ $grown -lt 16384 ] || fail "sluiced grew by $grown KiB"
