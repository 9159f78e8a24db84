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

# random_file FILE BYTES: prints its SHA-256.
random_file() {
	head -c "$2" /dev/urandom | tee "$1" | sha256sum | cut -d' ' -f1
}

# echo_by TOOL ADDRESS PORT FILE: sends it, closes that direction, and prints the SHA-256 of what comes
# back until the box closes the other.
echo_by() {
	case $1 in
	nc) lab_exec client nc -N "$2" "$3" <"$4" ;;
	socat) lab_exec client socat -t 600 - "TCP:$(bracket "$2"):$3" <"$4" ;;
	esac | sha256sum | cut -d' ' -f1
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
