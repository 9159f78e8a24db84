#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What is missing is named, and how to get it: a device that does not exist, a NIC that carries the
# default route, no permission. None of it disturbs the daemon that runs.
#
# once
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

conf=$LAB_RUN/$CASE.conf
# with OUTSIDE: the suite's configuration for another device, beside the running daemon.
with() {
	sed "s|$LAB_SOCKET|$LAB_RUN/$CASE.sock|; s|--file-prefix=[^\"]*|--file-prefix=$LAB_NAME-m|
		s|iface=out0|iface=$1|" "$LAB_RUN/sluice.conf" >"$conf"
}

# refused WHAT PATTERN CMD...
refused() {
	local what=$1 pattern=$2 out rc=0

	shift 2
	out=$(lab_exec box timeout 20 "$@" "$LAB_SLUICED" -c "$conf" 2>&1) || rc=$?
	if [ $rc -eq 0 ] || [ $rc -ge 124 ]; then
		fail "$what: sluiced ends with $rc: $out"
	fi
	grep -Eqi -- "$pattern" <<<"$out" || fail "$what: nothing about '$pattern' in: $out"
}

with nosuch0
refused 'no such device' nosuch0 env
refused 'no such device, what to do' 'ip link' env

# The cable of this machine to the world, as far as sluiced can know.
ip -n "$LAB_NAME-box" link add world0 type veth peer name world1
tidy_world() {
	ip -n "$LAB_NAME-box" link del world0 2>/dev/null || true
	tidy
}
trap tidy_world EXIT
ip -n "$LAB_NAME-box" address add 198.51.100.2/24 dev world0
ip -n "$LAB_NAME-box" link set world0 up
ip -n "$LAB_NAME-box" link set world1 up
ip -n "$LAB_NAME-box" route add default via 198.51.100.1
with world0
refused 'the default route' 'default route' env

# out0 and in0 are free to be bound a second time; only the right to do so is missing.
with out0
refused 'no permission' 'root|sudo|CAP_NET|setcap|permi' setpriv --reuid 65534 --regid 65534 \
	--clear-groups
