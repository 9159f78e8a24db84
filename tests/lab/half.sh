# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Half-closed connections, both ways over both families at once, for two cases.

# half_closes SERVICE PORT SERVICE PORT COUNT INTERVAL: through the first service the client closes
# its direction first (nc -N) and the server sends COUNT pieces, one each INTERVAL; through the
# second the server closes first (nc -N) and the client sends them.
half_closes() {
	local by_client=$1 client_port=$2 by_server=$3 server_port=$4 count=$5 interval=$6
	local family i pieces pids=()

	pieces=$(for ((i = 0; i < count; i++)); do echo "piece $i"; done)
	serve late "$client_port" late "$count" "$interval"
	for family in 4 6; do
		start "nc$family" server nc -$family -n -N -l "$(address $family)" "$server_port"
	done
	lab_until 5 lab_listens server "$server_port" || fail "nc does not listen"

	for family in 4 6; do
		echo request | lab_exec client nc -n -N "$(address $family)" "$client_port" \
			>"$LAB_RUN/$CASE.down$family" &
		pids+=($!)
		client late "$(address $family)" "$server_port" "$count" "$interval" \
			>"$LAB_RUN/$CASE.up$family" &
		pids+=($!)
	done

	# To the client the box is the server, and the other way round (RFC 9293 section 3.3.2).
	for family in 4 6; do
		lab_until 5 is 1 leg "$by_client$family" client CLOSE-WAIT ||
			fail "client's FIN, IPv$family: its leg is not in CLOSE-WAIT"
		lab_until 5 is 1 leg "$by_client$family" server FIN-WAIT-2 ||
			fail "client's FIN, IPv$family: the server's leg is not in FIN-WAIT-2"
		lab_until 5 is 1 leg "$by_server$family" server CLOSE-WAIT ||
			fail "server's FIN, IPv$family: its leg is not in CLOSE-WAIT"
		lab_until 5 is 1 leg "$by_server$family" client FIN-WAIT-2 ||
			fail "server's FIN, IPv$family: the client's leg is not in FIN-WAIT-2"
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "an end reports an error: $(cat "$LAB_RUN/$CASE".up?)"
	done

	for family in 4 6; do
		[ "$(cat "$LAB_RUN/$CASE.down$family")" = "$pieces" ] ||
			fail "IPv$family, down: $(wc -l <"$LAB_RUN/$CASE.down$family") pieces of $count"
		lab_until 5 ended "nc$family" || fail "IPv$family: the server never saw the client's FIN"
		i=$(log "nc$family" | grep -c '^piece ' || true)
		[ "$(log "nc$family" | grep '^piece ')" = "$pieces" ] ||
			fail "IPv$family, up: $i pieces of $count"
		for i in "$by_client$family" "$by_server$family"; do
			lab_until 5 is 0 legs "$i" CLOSE-WAIT || fail "$i: a leg stays in CLOSE-WAIT"
		done
	done
}
