#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# kill -9 and a restart under connections that run. One that passed untranslated is taken in and
# goes on; one that was translated is reset at both ends within five seconds; new connections are
# served at once.
#
# timeout: 200
# once
# exclusive
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/ssh.sh
. "$HERE/ssh.sh"

size=${LAB_BYTES:-$((48 << 20))}
pace=${LAB_KBIT-80000}
file=$LAB_RUN/$CASE.file
conf=$LAB_RUN/sluice.conf
cp "$conf" "$conf.before"
restore() {
	cp "$conf.before" "$conf"
	lab_ctl reload >/dev/null || true
	rm -f "$file" "$file".*
}
trap 'restore; tidy' EXIT

kill_and_restart() {
	lab_kill sluiced KILL
	lab_sluiced_start "$conf"
}

head -c "$size" /dev/urandom >"$file"
sum=$(sha256sum <"$file")
ssh_serve 97
for family in 4 6; do
	# Untranslated: begun while the service passed.
	sed '/name = "ssh[46]"/s/mode = "[a-z]*"/mode = "pass"/' "$conf.before" >"$conf"
	lab_ctl reload >/dev/null
	ssh_copy "pass$family" $family 97 "$file" "$file.$family" ${pace:+-l "$pace"}
	sleep 1.5
	cp "$conf.before" "$conf"
	kill_and_restart
	lab_until 100 ssh_copied "pass$family" || fail "IPv$family: the one to be adopted hangs"
	[ "$(ssh_code "pass$family")" = 0 ] ||
		fail "IPv$family: the one to be adopted: $(log "pass$family")"
	[ "$(sha256sum <"$file.$family")" = "$sum" ] || fail "IPv$family: not what was sent"

	# Translated: nobody knows the numbers any more.
	ssh_copy "splice$family" $family 97 "$file" "$file.gone" ${pace:+-l "$pace"}
	sleep 1.5
	[ ! -e "$SSH_DIR/splice$family.rc" ] || fail "IPv$family: over too soon: $(log "splice$family")"
	kill_and_restart
	restarted=$EPOCHREALTIME
	ssh_copy "new$family" $family 97 "$file" "$file.new"
	lab_until 30 ssh_copied "splice$family" || fail "IPv$family: the translated one hangs"
	took=$(awk -v a="$restarted" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
	echo "IPv$family: reset $took s after the restart"
	[ "$(ssh_code "splice$family")" != 0 ] || fail "IPv$family: the translated one went on"
	before "$took" 5 || fail "IPv$family: reset only after $took s"
	lab_until 60 ssh_copied "new$family" || fail "IPv$family: a new one hangs"
	[ "$(ssh_code "new$family")" = 0 ] || fail "IPv$family: a new one: $(log "new$family")"
	[ "$(sha256sum <"$file.new")" = "$sum" ] || fail "IPv$family, new: not what was sent"
	at_least 1 stats .events.adoptions_refused || fail "IPv$family: no adoption was refused"
	for tag in pass splice new; do
		lab_kill "$CASE.$tag$family"
	done
done
