# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Hosts, cables and addresses of the lab, good and bad ones. Sourced by scripts/lab.sh.

# lab_possible: whether this machine can carry a lab; if not, why and what mends it, on stderr.
lab_possible() {
	local tool probe

	[ "$(id -u)" -eq 0 ] ||
		lab_die "network namespaces need root: run it with sudo" || return
	for tool in ip ethtool nft jq; do
		command -v $tool >/dev/null ||
			lab_die "$tool is missing: ./scripts/setup installs it" || return
	done
	[ -d /proc/sys/net/ipv6 ] ||
		lab_die "this kernel has no IPv6 (ipv6.disable=1 on its command line?)" || return
	probe=sluice-probe-$$
	ip netns add $probe 2>/dev/null ||
		lab_die "no network namespaces here: a container needs --privileged" || return
	if ! ip -n $probe link add p0 type veth peer name p1 2>/dev/null; then
		ip netns del $probe
		lab_die "no veth devices here: modprobe veth"
		return
	fi
	ip netns del $probe
}

lab_is_up() {
	ip netns list 2>/dev/null | grep -q "^$LAB_NAME-box\b"
}

# lab_exec HOST CMD...: runs a command on a host of the lab.
lab_exec() {
	local host=$1

	shift
	ip netns exec "$LAB_NAME-$host" "$@"
}

# lab_sysctl HOST KEY=VALUE...
lab_sysctl() {
	local host=$1

	shift
	lab_exec "$host" sysctl -q -w "$@"
}

# lab_up [MTU]
lab_up() {
	local mtu=${1:-1500} host

	# Above 1900 a frame would not fit af_packet's ring (2,048 bytes with its own header), and
	# it loses such frames without a word; below 1280 there is no IPv6.
	[ "$mtu" -ge 1280 ] && [ "$mtu" -le 1900 ] ||
		lab_die "MTU $mtu: from 1280 to 1900 can be had" || return
	! lab_is_up || lab_die "'$LAB_NAME' is up: scripts/lab down --name $LAB_NAME" || return
	lab_run_dir || return

	echo "$mtu" >"$LAB_RUN/mtu"
	for host in "${LAB_HOSTS[@]}"; do
		ip netns add "$LAB_NAME-$host"
		ip -n "$LAB_NAME-$host" link set lo up
	done
	# The kernel of the box must say nothing on the wire: no address, no IPv6, no forwarding.
	lab_sysctl box net.ipv6.conf.default.disable_ipv6=1 net.ipv4.ip_forward=0
	lab_link client c0 out0 "$mtu"
	lab_link server s0 in0 "$mtu"
	lab_link client c1 host0 "$mtu"
	ip -n "$LAB_NAME-client" address add $LAB_NEAR4/24 dev c1
	ip -n "$LAB_NAME-client" address add $LAB_NEAR6/64 dev c1 nodad
	lab_address client
	lab_address server
}

# lab_dev client|server: the host's device.
lab_dev() {
	case $1 in
	client) echo c0 ;;
	server) echo s0 ;;
	*) lab_die "'$1' has no cable to the box: client or server" ;;
	esac
}

# lab_link HOST DEV BOXDEV MTU: a cable from a host to the box.
lab_link() {
	local host=$1 dev=$2 boxdev=$3 mtu=$4

	ip -n "$LAB_NAME-$host" link add "$dev" mtu "$mtu" type veth \
		peer name "$boxdev" mtu "$mtu" netns "$LAB_NAME-box"
	lab_exec box ethtool -K "$boxdev" tso off gso off gro off >/dev/null
	lab_sysctl box "net.ipv6.conf.$boxdev.disable_ipv6=1"
	lab_receive_on box "$boxdev"
	ip -n "$LAB_NAME-box" link set "$boxdev" promisc on up
	lab_host_link "$host" "$dev"
}

# lab_receive_on HOST DEV: what comes to a device is dealt with on a CPU that is not the worker's, and
# always on the same: in life a host has CPUs of its own, and a cable does not reorder, while a veth
# hands a frame over on whatever CPU it was sent from.
lab_receive_on() {
	local worker mask

	worker=$(lab_worker_cpu)
	mask=$((worker > 0 ? 1 << (worker - 1) : 1))
	lab_exec "$1" sh -c "printf %x $mask >/sys/class/net/$2/queues/rx-0/rps_cpus" 2>/dev/null || true
}

# lab_host_link HOST DEV: a host's end of its cable.
lab_host_link() {
	local host=$1 dev=$2

	# A veth leaves checksums to a NIC that is not there, and carries segments of 64 KiB. What
	# the box is to see is what a wire carries.
	lab_exec "$host" ethtool -K "$dev" tx off tso off gso off gro off >/dev/null
	lab_receive_on "$host" "$dev"
	ip -n "$LAB_NAME-$host" link set "$dev" up
}

# lab_address client|server: its addresses and routes.
lab_address() {
	local ns=$LAB_NAME-$1

	# A host that forwarded would send the box's answers to spoofed sources round in circles.
	lab_sysctl "$1" net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	case $1 in
	client)
		ip -n "$ns" address add $LAB_CLIENT4/24 dev c0
		ip -n "$ns" address add $LAB_CLIENT6/64 dev c0 nodad
		;;
	server)
		ip -n "$ns" address add $LAB_SERVER4/24 dev s0
		ip -n "$ns" address add $LAB_SERVER6/64 dev s0 nodad
		# Without a way back to any source, a flood that got through would cost the server
		# less than it does in life.
		ip -n "$ns" route add default via $LAB_CLIENT4
		ip -n "$ns" -6 route add default via $LAB_CLIENT6
		;;
	esac
}

# lab_is_impaired client|server
lab_is_impaired() {
	[ -e "/run/netns/$LAB_NAME-path-$1" ]
}

# lab_impair client|server ARG...: makes that host's cable a bad one, with these arguments of
# sluiceimpair; its first port is the host's, so --ab- is from the host to the box. When it is bad
# already, it is bad in this way from now on. The host's addresses, MACs and connections stay; for
# some milliseconds the cable is pulled.
lab_impair() {
	local host=$1 dev path log i

	shift
	dev=$(lab_dev "$host") || return
	[ -x "$LAB_SLUICEIMPAIR" ] ||
		lab_die "there is no $LAB_SLUICEIMPAIR: ./scripts/build makes it" || return
	lab_kill "impair-$host" || return
	lab_is_impaired "$host" || lab_path_up "$host" "$dev" || return
	path=path-$host
	log=$LAB_RUN/log/impair-$host.log
	# Before the worker, as sluiced is: a cable waits for no scheduler.
	lab_spawn "impair-$host" "$path" nice -n -10 "$LAB_SLUICEIMPAIR" --json \
		--router4 $LAB_ROUTER4 --router6 $LAB_ROUTER6 "$@" host box || return
	for ((i = 0; i < 100; i++)); do
		! grep -qs '^sluiceimpair: ready' "$log" || return 0
		lab_alive "impair-$host" || break
		sleep 0.1
	done
	sed 's/^/  /' "$log" >&2
	lab_unimpair "$host"
	lab_die "sluiceimpair does not run; its words stand above"
}

# lab_path_up HOST DEV: takes the host's end of the cable into a namespace of its own, under the
# name "box", and gives the host a new one, with the old MAC, that leads there.
lab_path_up() {
	local host=$1 dev=$2 path=path-$1 mtu mac

	mtu=$(cat "$LAB_RUN/mtu")
	mac=$(lab_exec "$host" cat "/sys/class/net/$dev/address")
	ip netns add "$LAB_NAME-$path"
	lab_sysctl "$path" net.ipv6.conf.default.disable_ipv6=1 net.ipv4.ip_forward=0
	ip -n "$LAB_NAME-$host" link set "$dev" netns "$LAB_NAME-$path" name box
	ip -n "$LAB_NAME-$host" link add "$dev" address "$mac" mtu "$mtu" type veth \
		peer name host mtu "$mtu" netns "$LAB_NAME-$path"
	lab_exec "$path" ethtool -K host tso off gso off gro off >/dev/null
	ip -n "$LAB_NAME-$path" link set host up
	ip -n "$LAB_NAME-$path" link set box up
	lab_host_link "$host" "$dev"
	lab_address "$host"
}

# lab_unimpair client|server: the cable is a good one again. What sluiceimpair has counted is in
# log/impair-HOST.log.
lab_unimpair() {
	local host=$1 dev path=path-$1

	dev=$(lab_dev "$host") || return
	lab_is_impaired "$host" || return 0
	lab_kill "impair-$host" || return
	ip -n "$LAB_NAME-$host" link del "$dev"
	ip -n "$LAB_NAME-$path" link set box netns "$LAB_NAME-$host" name "$dev"
	ip netns del "$LAB_NAME-$path"
	lab_host_link "$host" "$dev"
	lab_address "$host"
}

# lab_impair_stats client|server: what sluiceimpair has counted there so far, in JSON.
lab_impair_stats() {
	local log=$LAB_RUN/log/impair-$1.log before i

	lab_alive "impair-$1" || lab_die "the cable of $1 is not impaired" || return
	before=$(grep -c '^{' "$log") || true
	kill -s USR1 "$(lab_pid "impair-$1")"
	for ((i = 0; i < 50; i++)); do
		if [ "$(grep -c '^{' "$log")" -gt "$before" ]; then
			grep '^{' "$log" | tail -n 1
			return
		fi
		sleep 0.1
	done
	lab_die "sluiceimpair of $1 does not tell its statistics"
}

lab_down() {
	local host rc=0

	lab_kill_all || rc=1
	for host in "${LAB_HOSTS[@]}"; do
		[ -e "/run/netns/$LAB_NAME-$host" ] || continue
		# A namespace lives on while a process is in it; its links must not.
		case $host in
		client)
			ip -n "$LAB_NAME-$host" link del c0 2>/dev/null || true
			ip -n "$LAB_NAME-$host" link del c1 2>/dev/null || true
			;;
		server) ip -n "$LAB_NAME-$host" link del s0 2>/dev/null || true ;;
		esac
		ip netns del "$LAB_NAME-$host"
	done
	for host in client server; do
		lab_is_impaired "$host" || continue
		ip -n "$LAB_NAME-path-$host" link del host 2>/dev/null || true
		ip -n "$LAB_NAME-path-$host" link del box 2>/dev/null || true
		ip netns del "$LAB_NAME-path-$host"
	done
	[ ! -O "$LAB_RUN" ] || [ -L "$LAB_RUN" ] || rm -rf "$LAB_RUN"
	return $rc
}

lab_status() {
	local pidfile host

	lab_is_up || {
		echo "$LAB_NAME: down"
		return 1
	}
	echo "$LAB_NAME: up, files in $LAB_RUN"
	for host in "${LAB_HOSTS[@]}"; do
		ip -n "$LAB_NAME-$host" -brief address show | grep -v '^lo ' |
			sed "s/^/  $host  /" || true
	done
	for pidfile in "$LAB_RUN"/pids/*; do
		[ -e "$pidfile" ] || continue
		if lab_alive "${pidfile##*/}"; then
			echo "  process ${pidfile##*/}: pid $(cut -d' ' -f1 "$pidfile")"
		else
			echo "  process ${pidfile##*/}: ended"
		fi
	done
}
