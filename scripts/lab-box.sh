# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The daemon in the middle: its configuration, start and books. Sourced by scripts/lab.sh.

# lab_config: the part of a configuration that is the same for everyone in the lab; services and
# limits are the caller's. The ports are of DRIVER: af_packet (the default) or af_xdp. The rings are
# longer than af_packet's default of 512 frames: on a machine with few cores the worker may wait for
# its turn while the flood goes on.
# lab_config [DRIVER]
lab_config() {
	local driver=net_${1:-af_packet} ring= mtu cpus

	[ "$driver" != net_af_packet ] || ring=,framesz=2048,framecnt=8192,blocksz=65536

	mtu=$(cat "$LAB_RUN/mtu" 2>/dev/null) || mtu=1500
	cpus=$(lab_worker_cpus) || return
	cat <<-CONFIG
		eal = [ "--no-pci", "--no-huge", "--no-shconf", "--file-prefix=$LAB_NAME", "-m", "256",
		        "--vdev=${driver}0,iface=out0$ring",
		        "--vdev=${driver}1,iface=in0$ring",
		        "--vdev=${driver}2,iface=host0$ring" ];
		workers = { cores = [ $cpus ]; connections = 100000; };
		links = ( { name = "edge"; type = "wire"; outside = "${driver}0";
		            inside = "${driver}1"; default = "pass"; link_follow = false;
		            mtu = $mtu; },
		          { name = "own"; type = "host"; port = "${driver}2"; mtu = $mtu;
		            addresses = [ "$LAB_BOX4", "$LAB_BOX6" ]; } );
		control = { socket = "$LAB_SOCKET"; state_dir = "$LAB_RUN/state"; };
	CONFIG
}

# lab_services NAME PORT [SETTINGS]: two rows of `services`, NAME4 and NAME6: that port of the
# server over either family.
lab_services() {
	local settings=${3:-}

	cat <<-CONFIG
		{ name = "${1}4"; address = "$LAB_SERVER4"; port = $2; $settings },
		{ name = "${1}6"; address = "$LAB_SERVER6"; port = $2; $settings }
	CONFIG
}

# lab_own_services NAME PORT [SETTINGS]: likewise two rows, on the box's own addresses.
lab_own_services() {
	local settings=${3:-}

	cat <<-CONFIG
		{ name = "${1}4"; address = "$LAB_BOX4"; port = $2; $settings },
		{ name = "${1}6"; address = "$LAB_BOX6"; port = $2; $settings }
	CONFIG
}

# lab_sluiced_start CONFIG: starts the daemon in the box and waits until it forwards.
lab_sluiced_start() {
	local log=$LAB_RUN/log/sluiced.log i

	[ -x "$LAB_SLUICED" ] ||
		lab_die "there is no $LAB_SLUICED: ./scripts/build makes it" || return
	# What an earlier run in this lab has logged stays; only this run's "ready" may count.
	[ ! -e "$log" ] || cat "$log" >>"$LAB_RUN/log/sluiced.earlier.log"
	: >"$log"
	# A worker has its core to itself in life; here it shares it, and goes first.
	lab_spawn sluiced box nice -n -10 "$LAB_SLUICED" -c "$1" || return
	for ((i = 0; i < 300; i++)); do
		if grep -qs 'sluiced: ready$' "$log"; then
			return 0
		fi
		lab_alive sluiced || break
		sleep 0.1
	done
	if lab_alive sluiced; then
		echo "lab: sluiced is not ready after 30 s; its log:" >&2
		lab_kill sluiced || true
	else
		echo "lab: sluiced ended before it was ready; its log:" >&2
	fi
	# All of it, or where it begins and where it ends: what matters may stand in either.
	awk 'NR <= 30 { print; next } { late[NR] = $0 }
		END { first = NR > 60 ? NR - 29 : 31
		      if (first > 31) print "..."
		      for (i = first; i <= NR; i++) print late[i] }' "$log" | sed 's/^/  /' >&2
	return 1
}

# lab_has_af_xdp: whether the kernel has AF_XDP sockets (address family 44).
lab_has_af_xdp() {
	python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW, 0)' 2>/dev/null
}

# lab_ctl ARG...: sluicectl of this lab's daemon.
lab_ctl() {
	"$LAB_SLUICECTL" -s "$LAB_SOCKET" "$@"
}

# What `sluicectl -j stats` must satisfy, in jq: for every worker and for the sum, to the packet.
# Prints one line for each account that is off, and nothing when all is well.
# shellcheck disable=SC2016 # $all and the like are jq's
LAB_IDENTITY='
	def terms: ["rx", "handed_in", "answered", "relayed", "delivered", "passed", "held",
	            "handed_out"];
	def drops: [.dropped[]] | add // 0;
	def balance: .rx + .handed_in - (.answered + .relayed + .delivered + .passed + .held
	             + .handed_out + drops);
	. as $all
	| (if (.workers | length) > 0 then empty else "no worker in the stats" end),
	  (if balance == 0 then empty else "sum: off by \(balance)" end),
	  (.workers[] | select(balance != 0) | "worker of core \(.core): off by \(balance)"),
	  (terms[] as $t | select(([$all.workers[][$t]] | add) != $all[$t])
	   | "\($t): the workers do not add up to the sum"),
	  (if ([.workers[] | drops] | add) == drops then empty
	   else "dropped: the workers do not add up to the sum" end)'

# lab_identity: checks the books; prints what is off. The counters are read one by one while
# packets may be under way, so an account that is off is read again, for 3 s: one that is really
# off stays off.
lab_identity() {
	local i off=

	for ((i = 0; i < 15; i++)); do
		off=$(lab_ctl -j stats | jq -r "$LAB_IDENTITY") || off="no stats from sluicectl"
		[ -n "$off" ] || return 0
		sleep 0.2
	done
	echo "$off"
	return 1
}
