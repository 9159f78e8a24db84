# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Processes that the lab starts, their record, and which CPU is whose. Sourced by scripts/lab.sh.

# The run directory may be in /tmp, where anyone may have been before us: it counts only when it
# is a directory of ours.
lab_run_dir() {
	mkdir -m 700 "$LAB_RUN" 2>/dev/null || true
	[ -d "$LAB_RUN" ] && [ ! -L "$LAB_RUN" ] && [ -O "$LAB_RUN" ] ||
		lab_die "$LAB_RUN belongs to someone else: take another --name" || return
	mkdir -p "$LAB_RUN/pids" "$LAB_RUN/log"
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

# lab_kill_all: ends every process that the lab has started.
lab_kill_all() {
	local pidfile left=()

	for pidfile in "$LAB_RUN"/pids/*; do
		[ -e "$pidfile" ] || continue
		lab_kill "${pidfile##*/}" || left+=("${pidfile##*/}")
	done
	[ ${#left[@]} -eq 0 ] || lab_die "these did not end: ${left[*]}"
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
