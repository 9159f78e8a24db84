# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The lab: three hosts in network namespaces, and sluiced in the middle as a bump in the wire.
# Shell functions, sourced by scripts/lab, scripts/demo and tests/lab; beside it, by concern:
# lab-net.sh (hosts and cables), lab-processes.sh, lab-box.sh (the daemon), lab-load.sh (servers and
# floods).
#
#     NAME-client                  NAME-box                  NAME-server
#     c0 ---------------- out0     sluiced     in0 ---------------- s0
#     192.0.2.1/24                no address                 192.0.2.2/24
#     2001:db8::1/64              no address                 2001:db8::2/64
#     c1 ---------------- host0
#     198.51.100.1/24             198.51.100.2, the box's own
#     2001:db8:1::1/64            2001:db8:1::2
#
# Client and server are on one subnet and know nothing of the box. By a second cable the client
# reaches the box itself, as a host. A host's cable to the box can be
# a bad one for a while (lab_impair): then sluiceimpair stands in it, in a namespace of its own,
#
#     NAME-client          NAME-path-client               NAME-box
#     c0 ---------------- host    sluiceimpair    box ---------------- out0
#
# and while it does not, nothing of it is there. Nothing of the lab is visible
# outside its namespaces: the veth pairs are made inside them.
#
# What the lab started is written down in its run directory, process by process, and ended by
# that record, never by name: two labs on one machine don't touch each other.

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAB_HOSTS=(client box server)
LAB_CLIENT4=192.0.2.1
LAB_SERVER4=192.0.2.2
LAB_CLIENT6=2001:db8::1
LAB_SERVER6=2001:db8::2
# The second cable: the client's end, and the box's own addresses.
LAB_NEAR4=198.51.100.1
LAB_NEAR6=2001:db8:1::1
LAB_BOX4=198.51.100.2
LAB_BOX6=2001:db8:1::2
# Who speaks for a cable that carries less than the hosts think.
LAB_ROUTER4=192.0.2.254
LAB_ROUTER6=2001:db8::fe

lab_die() {
	echo "lab: $*" >&2
	return 1
}

# lab_use NAME: which lab the functions below speak of.
lab_use() {
	[[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$ ]] ||
		lab_die "'$1' can't name a lab: letters, digits, '-', '_' and '.', at most 32" || return
	LAB_NAME=$1
	LAB_RUN=${XDG_RUNTIME_DIR:-/tmp}/sluice-lab-$LAB_NAME
	LAB_SOCKET=$LAB_RUN/control.sock
	LAB_BUILD=${LAB_BUILD:-$LAB_ROOT/build}
	LAB_SLUICED=$LAB_BUILD/app/sluiced/sluiced
	LAB_SLUICECTL=$LAB_BUILD/app/sluicectl/sluicectl
	LAB_SLUICEIMPAIR=$LAB_BUILD/app/sluiceimpair/sluiceimpair
	LAB_WORKERS=${LAB_WORKERS:-1}
	export LAB_NAME LAB_BUILD LAB_WORKERS
}

for LAB_PART in net processes box load; do
	# shellcheck source=/dev/null # they are checked by themselves
	. "$LAB_ROOT/scripts/lab-$LAB_PART.sh"
done
unset LAB_PART
