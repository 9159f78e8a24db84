#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Half-close both ways, over both families, with limits of 3 s for half-closed states: the other
# side goes on sending for 8 s, and all of it arrives, because every segment restarts the limit.
#
# timeout: 40
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/half.sh
. "$HERE/half.sh"

half_closes half 83 halfs 95 16 0.5
