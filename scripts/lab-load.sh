# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What goes through the lab: a web server, floods, and what is counted of them. Sourced by
# scripts/lab.sh.

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
