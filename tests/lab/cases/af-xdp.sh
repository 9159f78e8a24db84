#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# All three ports of the lab on AF_XDP sockets: pages come over both families, spliced, from the box
# itself and by both cables.
#
# once
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/services.sh
. "$HERE/services.sh"

lab_has_af_xdp || skip "this kernel has no AF_XDP sockets"

restore() {
	lab_kill sluiced
	lab_sluiced_start "$LAB_RUN/sluice.conf"
}
trap 'restore; tidy' EXIT

lab_kill sluiced
suite_config af_xdp >"$LAB_RUN/$CASE.conf"
lab_sluiced_start "$LAB_RUN/$CASE.conf" || fail "sluiced does not start on AF_XDP"
for url in "$(url 4)" "$(url 6)" "http://$LAB_BOX4:8088/" "http://[$LAB_BOX6]:8088/"; do
	lab_exec client curl -sS --max-time 10 -o /dev/null --fail "$url" || fail "no page from $url"
done
[ "$(lab_ctl -j ports | jq -r '[.[] | .driver] | unique | join(" ")')" = net_af_xdp ] ||
	fail "the ports are not of AF_XDP: $(lab_ctl ports)"
lab_identity || fail "the packet counters do not add up"
