#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Half-close both ways, over both families, with the default limits: the other side goes on
# sending for longer than a minute.
#
# timeout: 130
# background
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/half.sh
. "$HERE/half.sh"

half_closes long 84 longs 96 70 1
