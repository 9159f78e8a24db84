#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The HTTP server in the box, by curl and wrk: on the wire and on the box's own addresses, over both
# families, behind cookies and with real half-open connections; and its errors.
#
# timeout: 120
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/respond.sh
. "$HERE/respond.sh"

# status URL [ARG...]: what curl has got.
status() {
	local url=$1

	shift
	lab_exec client curl -sS --max-time 10 -o /dev/null -w '%{http_code}' "$@" "$url"
}

while read -r way family address; do
	for port in 8088 8081; do
		url=http://$(bracket "$address"):$port/
		page=$(lab_exec client curl -sS --max-time 10 "$url")
		grep -q "^client .*${LAB_CLIENT4%.*}\|^client .*$LAB_CLIENT6\|^client .*$LAB_NEAR4\|^client .*$LAB_NEAR6" <<<"$page" ||
			fail "$url: the page does not know its client: $page"
		opened='by cookie'
		[ $port = 8088 ] || opened='by handshake'
		grep -q "^opened  *$opened" <<<"$page" || fail "$url: not opened $opened: $page"
		# Two requests on one connection.
		reused=$(lab_exec client curl -sS --max-time 10 -o /dev/null -o /dev/null \
			-w '%{num_connects} ' "$url" "$url")
		[ "$reused" = '1 0 ' ] || fail "$url: connections made: $reused"
		for want in "404 ${url}nothing" "405 $url -X DELETE" "405 $url -d x=y" "200 $url --http1.0" \
			"200 $url -I" "501 $url -X BREW"; do
			read -r code u args <<<"$want"
			# shellcheck disable=SC2086
			[ "$(status "$u" $args)" = "$code" ] || fail "$u $args: not $code"
		done
		printf 'X: %s\n' "$(head -c 50000 /dev/zero | tr '\0' a)" >"$LAB_RUN/$CASE.long"
		[ "$(status "$url" -H "@$LAB_RUN/$CASE.long")" = 431 ] || fail "$url: a head of 50,000 bytes"
	done
	n=$(wrk_requests 1 50 "http://$(bracket "$address"):8088/") || fail "wrk, $address: errors"
	closing=$(wrk_requests 1 20 "http://$(bracket "$address"):8088/" -H 'Connection: close') ||
		fail "wrk, a connection each, $address: errors"
	echo "$address: $n requests in 1 s over 50 connections, $closing in 1 s of a connection each"
	[ "$n" -gt 1000 ] || fail "wrk, $address: $n requests"
	[ "$closing" -gt 100 ] || fail "wrk, a connection each, $address: $closing requests"
	lab_until 10 is 0 legs "$(service "$way" http "$family")" ESTABLISHED ||
		fail "$(service "$way" http "$family") keeps connections"
done < <(ways)
rm -f "$LAB_RUN/$CASE.long"
