# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The lab: three hosts in network namespaces, and sluiced in the middle as a bump in the wire.
# Shell functions, sourced by scripts/lab, scripts/demo and tests/lab.
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

# The run directory may be in /tmp, where anyone may have been before us: it counts only when it
# is a directory of ours.
lab_run_dir() {
	mkdir -m 700 "$LAB_RUN" 2>/dev/null || true
	[ -d "$LAB_RUN" ] && [ ! -L "$LAB_RUN" ] && [ -O "$LAB_RUN" ] ||
		lab_die "$LAB_RUN belongs to someone else: take another --name" || return
	mkdir -p "$LAB_RUN/pids" "$LAB_RUN/log"
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

# lab_kill_all: ends every process that the lab has started.
lab_kill_all() {
	local pidfile left=()

	for pidfile in "$LAB_RUN"/pids/*; do
		[ -e "$pidfile" ] || continue
		lab_kill "${pidfile##*/}" || left+=("${pidfile##*/}")
	done
	[ ${#left[@]} -eq 0 ] || lab_die "these did not end: ${left[*]}"
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

# lab_proc PID: prints a process's state letter and start time, which tell it from a later one of
# the same number; fails when there is none.
lab_proc() {
	local line

	read -r line 2>/dev/null <"/proc/$1/stat" || return 1
	line=${line##*) } # the command's name may hold anything
	# shellcheck disable=SC2086 # the fields of /proc/PID/stat
	set -- $line
	echo "$1 ${20}"
}

# lab_spawn TAG HOST CMD...: starts a process on a host, in the background; its output goes to
# log/TAG.log in the run directory. Stdin is empty. Sets LAB_PID.
lab_spawn() {
	local tag=$1 host=$2 proc

	shift 2
	! lab_alive "$tag" || lab_die "$tag runs already" || return
	# A session of its own: Ctrl-C in the terminal goes to the script, which ends what it
	# started in order.
	setsid ip netns exec "$LAB_NAME-$host" "$@" </dev/null >"$LAB_RUN/log/$tag.log" 2>&1 &
	LAB_PID=$!
	proc=$(lab_proc $LAB_PID) || proc="Z 0"
	echo "$LAB_PID ${proc#* }" >"$LAB_RUN/pids/$tag"
}

# lab_alive TAG: whether that process is still the one that was started.
lab_alive() {
	local pid start proc

	read -r pid start 2>/dev/null <"$LAB_RUN/pids/$1" || return 1
	proc=$(lab_proc "$pid") || return 1
	[ "${proc#* }" = "$start" ] && [ "${proc% *}" != Z ]
}

# lab_pid TAG
lab_pid() {
	cut -d' ' -f1 "$LAB_RUN/pids/$1"
}

# lab_kill TAG [SIGNAL]: ends a process in order, and if it won't within 5 s, by force.
lab_kill() {
	local tag=$1 signal=${2:-TERM} i pid

	if lab_alive "$tag"; then
		pid=$(lab_pid "$tag")
		kill -s "$signal" "$pid" 2>/dev/null || true
		for ((i = 0; i < 100; i++)); do
			lab_alive "$tag" || break
			[ $i -ne 50 ] || kill -s KILL "$pid" 2>/dev/null || true
			sleep 0.1
		done
		! lab_alive "$tag" || return 1
	fi
	rm -f "$LAB_RUN/pids/$tag"
}

# lab_until SECONDS CMD...: waits until a command succeeds; fails when it does not in time, which is
# LAB_PATIENCE times as long.
lab_until() {
	local end=$((SECONDS + $1 * ${LAB_PATIENCE:-1}))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt "$end" ] || return 1
		sleep 0.1
	done
}

# lab_listens HOST PORT: whether someone listens on that TCP port.
lab_listens() {
	lab_exec "$1" ss -Hltn "sport = :$2" | grep -q .
}

# The CPU for the worker: the last one, so that the flood and the servers have the others.
lab_worker_cpu() {
	taskset -pc $$ | sed 's/.*[^0-9]\([0-9][0-9]*\)$/\1/'
}

# lab_worker_cpus: LAB_WORKERS CPUs, the last ones, as the configuration lists them.
lab_worker_cpus() {
	local last n=${LAB_WORKERS:-1}

	last=$(lab_worker_cpu)
	[ "$n" -le $((last + 1)) ] || lab_die "$n workers need $n CPUs" || return
	seq -s ', ' $((last - n + 1)) "$last"
}

# lab_other_cpus: the others as a list for taskset, or the only one there is.
lab_other_cpus() {
	local worker

	worker=$(lab_worker_cpu)
	if [ "$worker" -gt 0 ]; then
		echo "0-$((worker - 1))"
	else
		echo 0
	fi
}

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

# lab_nginx_start PAGE: a web server on port 80 of the server, both families, that serves this text;
# its requests are in log/access.log.
lab_nginx_start() {
	local www=$LAB_RUN/www

	mkdir -p "$www"
	printf '%s\n' "$1" >"$www/index.html"
	cat >"$LAB_RUN/nginx.conf" <<-NGINX
		daemon off;
		user root;
		worker_processes 1;
		pid $LAB_RUN/nginx.pid;
		error_log stderr;
		events { worker_connections 4096; }
		http {
			access_log $LAB_RUN/log/access.log;
			client_body_temp_path $www/body;
			proxy_temp_path $www/proxy;
			fastcgi_temp_path $www/fastcgi;
			scgi_temp_path $www/scgi;
			uwsgi_temp_path $www/uwsgi;
			server { listen 80; listen [::]:80; root $www; }
		}
	NGINX
	lab_spawn nginx server nginx -e stderr -c "$LAB_RUN/nginx.conf" || return
	lab_until 10 lab_listens server 80 ||
		lab_die "nginx does not listen: $(cat "$LAB_RUN/log/nginx.log")"
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

# lab_flood TAG SECONDS [PORT]: SYNs from random sources to port 80 (or PORT) of the server, over IPv4 (hping3) and
# IPv6, as fast as the lab can send, in the background (processes TAG4 and TAG6). They end by
# themselves. They run beside the worker's CPU and at a low priority: what is measured is the box,
# not the scheduler's fairness between the flood and the clients and servers of the same lab. Where
# the workers have all CPUs they keep to about 10,000 a second each: else the kernel's side of the
# flood takes a worker's CPU, and its ring overflows before the box has seen a frame.
lab_flood() {
	local tag=$1 seconds=$2 port=${3:-80} cpus pace4=(--flood) pace6=()

	cpus=$(lab_other_cpus)
	if [ "${LAB_WORKERS:-1}" -gt "$(lab_worker_cpu)" ]; then
		pace4=(-i u100)
		pace6=(--rate 10000)
	fi
	lab_spawn "${tag}4" client taskset -c "$cpus" nice -n 10 timeout -k 2 "$seconds" \
		hping3 "${pace4[@]}" --rand-source -S -p "$port" -q -c 100000000 $LAB_SERVER4 || return
	lab_spawn "${tag}6" client taskset -c "$cpus" nice -n 10 \
		python3 "$LAB_ROOT/scripts/flood.py" --seconds "$seconds" "${pace6[@]}" c0 \
		$LAB_SERVER6 "$port"
}

# lab_flood_of TAG HOST ARG...: a flood of any kind from a host, by scripts/flood.py with these arguments,
# in the background (process TAG) until lab_kill; beside the worker's CPU and at a low priority, as
# lab_flood. Returns when the first frames are sent. The box has to forward at the beginning: the
# flood's sender asks for a link-layer address.
lab_flood_of() {
	local tag=$1 host=$2

	shift 2
	lab_spawn "$tag" "$host" taskset -c "$(lab_other_cpus)" nice -n 10 \
		python3 "$LAB_ROOT/scripts/flood.py" --seconds 600 "$@" || return
	lab_until 20 grep -q flooding "$LAB_RUN/log/$tag.log" ||
		lab_die "no flood: $(tail -n 1 "$LAB_RUN/log/$tag.log")"
}

# lab_wire_frames: how many frames have come to the box's two devices, whether or not it took them.
lab_wire_frames() {
	lab_exec box ip -s -j link show |
		jq '[.[] | select(.ifname == ("out0", "in0")) | .stats64.rx.packets] | add'
}

# lab_count_syns: makes the server count the SYNs that reach it: those with the client's own
# addresses, and all others. Before anything of the server's kernel may drop them.
lab_count_syns() {
	lab_exec server nft -f - <<-NFT
		table inet syns
		delete table inet syns
		table inet syns {
			counter own4 { }
			counter own6 { }
			counter foreign { }
			chain arriving {
				type filter hook prerouting priority -300;
				meta l4proto != tcp return
				tcp flags & (syn | ack) != syn return
				ip saddr $LAB_CLIENT4 counter name own4 return
				ip6 saddr $LAB_CLIENT6 counter name own6 return
				counter name foreign
			}
		}
	NFT
}

# lab_syns WHICH: one of those counters: own4, own6, foreign.
lab_syns() {
	lab_exec server nft -j list counter inet syns "$1" |
		jq '[.nftables[].counter | select(.)][0].packets'
}
