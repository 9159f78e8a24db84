# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What every case of the lab suite begins with. A case is a script in cases/: it succeeds when it
# comes to its end; `fail` and any command that fails make it fail. What it started on the hosts is
# ended, and its packet filters are removed, however it ends.
#
# First lines that the runner reads:
#   # timeout: N      it may take N seconds (default 60)
#   # background      it takes long and does little: runs beside the others
#   # once            however many workers there are: --short leaves it out
#   # exclusive       it stops the daemon or pulls a cable: runs alone, after all others
set -Eeuo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lab.sh
. "$HERE/../../scripts/lab.sh"
lab_use "${LAB_NAME:?run cases with tests/lab/run}"
CASE=$(basename "$0" .sh)
# What is slow may be the machine: a case waits longer than it should have to, never shorter.
LAB_PATIENCE=3
PEER=(python3 "$HERE/peer.py")
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

began=$EPOCHREALTIME
started=()
filtered=()
impaired=()

fail() {
	echo "why: $*" >&2
	exit 1
}

# What this machine cannot do is not tried. The case counts as skipped, not as passed.
skip() {
	echo "why: $*" >&2
	exit 77
}

# A command that failed without a word of its own says at least where in the case.
oops() {
	local i

	for ((i = ${#BASH_SOURCE[@]} - 1; i > 0; i--)); do
		[ "${BASH_SOURCE[i]}" != "$0" ] || break
	done
	echo "why: line ${BASH_LINENO[i - 1]}: $1: failed" >&2
}
trap 'oops "$BASH_COMMAND"' ERR
trap 'exit 143' TERM
trap 'tidy' EXIT

tidy() {
	local tag host

	trap - ERR
	trap '' TERM
	for tag in "${started[@]}"; do
		lab_kill "$tag" || true
	done
	for host in "${filtered[@]}"; do
		lab_exec "$host" nft delete table inet "$CASE" 2>/dev/null || true
	done
	for host in "${impaired[@]}"; do
		lab_unimpair "$host" || true
	done
	awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "took: %.1f\n", b - a }'
}

# start TAG HOST CMD...: a process on a host, until the case ends. Its output: `log TAG`.
start() {
	local tag=$CASE.$1

	shift
	started+=("$tag")
	lab_spawn "$tag" "$@"
}

log() {
	cat "$LAB_RUN/log/$CASE.$1.log"
}

# logged TAG PATTERN: whether a line of its output matches.
logged() {
	grep -q -- "$2" "$LAB_RUN/log/$CASE.$1.log"
}

# ended TAG: whether that process has ended.
ended() {
	! lab_alive "$CASE.$1"
}

# serve TAG PORT BEHAVIOUR [ARG...]: peer.py on the server; waits until it listens.
serve() {
	local tag=$1 port=$2 behaviour=$3

	shift 3
	start "$tag" server "${PEER[@]}" serve "$behaviour" "$port" "$@"
	lab_until 10 logged "$tag" listening || fail "no server on port $port: $(log "$tag")"
}

# client BEHAVIOUR ADDRESS PORT [ARG...]: peer.py on the client.
client() {
	lab_exec client "${PEER[@]}" "$@"
}

# filter HOST RULE...: drops on a host what a rule matches, both ways, until `unfilter HOST` or
# the case's end. Rules are nft's: "tcp dport 87".
filter() {
	local host=$1 hook rule

	shift
	filtered+=("$host")
	{
		echo "table inet $CASE {"
		for hook in prerouting output; do
			echo "chain $hook { type filter hook $hook priority -300;"
			for rule in "$@"; do
				echo "$rule counter drop"
			done
			echo "}"
		done
		echo "}"
	} | lab_exec "$host" nft -f -
}

# filtered_packets HOST: how many packets the filter has dropped.
filtered_packets() {
	lab_exec "$1" nft -j list table inet "$CASE" | jq '[.. | .counter? | .packets? // 0] | add'
}

unfilter() {
	lab_exec "$1" nft delete table inet "$CASE"
}

# impair HOST ARG...: a bad cable between host and box (lab_impair) until `unimpair HOST` or the case's
# end. It pulls the cable: the case is `# exclusive`.
impair() {
	impaired+=("$1")
	lab_impair "$@"
}

unimpair() {
	lab_unimpair "$1"
}

# path HOST EXPRESSION: of what the bad cable has done, in jq: path client .ab.lost
path() {
	lab_impair_stats "$1" | jq -r "$2"
}

# stats EXPRESSION: of `sluicectl -j stats`, in jq: stats .events.cookies_sent
stats() {
	lab_ctl -j stats | jq -r "$1"
}

# legs SERVICE STATE: how many legs of a service are in a state.
legs() {
	lab_ctl -j states "$1" | jq --arg state "$2" '.client[$state] + .server[$state]'
}

# leg SERVICE client|server STATE
leg() {
	lab_ctl -j states "$1" | jq --arg leg "$2" --arg state "$3" '.[$leg][$state]'
}

# entries SERVICE: legs of its connections that live: in any state but LISTEN and CLOSED (the
# tombstones of what was reset).
entries() {
	lab_ctl -j states "$1" | jq '[.client, .server | to_entries[]
		| select(.key != "LISTEN" and .key != "CLOSED") | .value] | add'
}

# `is WANT COMMAND...`: whether a command prints that; `lab_until 5 is 0 legs idle4 ESTABLISHED`.
is() {
	local want=$1

	shift
	[ "$("$@")" = "$want" ]
}

# at_least N COMMAND...: whether a command prints that number or a higher one.
at_least() {
	local least=$1

	shift
	[ "$("$@")" -ge "$least" ]
}

# address 4|6: the server's.
address() {
	case $1 in
	4) echo "$LAB_SERVER4" ;;
	6) echo "$LAB_SERVER6" ;;
	esac
}

# url 4|6 [PATH]
url() {
	case $1 in
	4) echo "http://$LAB_SERVER4/${2:-}" ;;
	6) echo "http://[$LAB_SERVER6]/${2:-}" ;;
	esac
}

# before SECONDS LIMIT, both with decimals: whether the first is below the second.
before() {
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'
}
