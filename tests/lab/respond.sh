# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What ends in the box, for the cases of mode = "respond".

# ways: every way to such a service: on the wire and on the box's own address, over both families; as
# lines "NAME FAMILY ADDRESS", where NAME and FAMILY are the beginning and end of a service's name.
ways() {
	cat <<-WAYS
		- 4 $LAB_SERVER4
		- 6 $LAB_SERVER6
		own- 4 $LAB_BOX4
		own- 6 $LAB_BOX6
	WAYS
}

# service WAY NAME FAMILY
service() {
	echo "${1#-}$2$3"
}

# bracket ADDRESS: as it stands in a URL.
bracket() {
	case $1 in
	*:*) echo "[$1]" ;;
	*) echo "$1" ;;
	esac
}

# to_echo BYTES: makes a file of that size, until the case ends.
to_echo() {
	ECHO_FILE=$LAB_RUN/$CASE.data
	trap 'rm -f "$ECHO_FILE"; tidy' EXIT
	ECHO_SUM=$(head -c "$1" /dev/urandom | tee "$ECHO_FILE" | sha256sum)
}

# echoed TOOL ADDRESS PORT: sends that file and closes the direction; true when the same comes back
# until the box closes the other.
echoed() {
	local sum

	sum=$(case $1 in
		nc) lab_exec client nc -N "$2" "$3" <"$ECHO_FILE" ;;
		socat) lab_exec client socat -t 600 - "TCP:$(bracket "$2"):$3" <"$ECHO_FILE" ;;
	esac | sha256sum)
	[ "$sum" = "$ECHO_SUM" ] || fail "$1, $2 port $3: not what was sent"
}

# aborts ADDRESS: a client of chargen that resets it, which is counted.
aborts() {
	local before

	before=$(stats .events.connections_reset)
	client abort "$1" 19 >/dev/null || fail "chargen, $1: no greeting"
	lab_until 5 at_least $((before + 1)) stats .events.connections_reset ||
		fail "$1: a client's RST was not counted"
}

# page URL: fetches it.
page() {
	[ "$(lab_exec client curl -sS --max-time 60 -o /dev/null -w '%{http_code}' "$1")" = 200 ] ||
		fail "$1: no page"
}

# wrk_requests SECONDS CONNECTIONS URL [ARG...]: requests that wrk has had answered; fails when it
# reports errors.
wrk_requests() {
	local seconds=$1 connections=$2 url=$3 said

	shift 3
	said=$(lab_exec client wrk -t 1 -c "$connections" -d "$seconds" "$@" "$url")
	! grep -E 'Socket errors|Non-2xx' <<<"$said" >&2 || return
	sed -n 's/^ *\([0-9][0-9]*\) requests in .*/\1/p' <<<"$said"
}
