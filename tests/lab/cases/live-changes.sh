#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Modes change under connections that run: scp uploads go on from pass over monitor and splice to
# pass, whether they began untranslated or translated, and what arrives is what was sent. What has
# been idle for longer than adopt_for in pass is known in splice, too.
#
# timeout: 400
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"
# shellcheck source=tests/lab/ssh.sh
. "$HERE/ssh.sh"

size=${LAB_BYTES:-$((48 << 20))}
pace=${LAB_KBIT-80000} # else it would be over before the first change
file=$LAB_RUN/$CASE.file
conf=$LAB_RUN/sluice.conf
cp "$conf" "$conf.before"
restore() {
	cp "$conf.before" "$conf"
	lab_ctl reload >/dev/null || true
	rm -f "$file" "$file".*
}
trap 'restore; tidy' EXIT

mode() {
	sed "/name = \"ssh[46]\"/s/mode = \"[a-z]*\"/mode = \"$1\"/" "$conf.before" >"$conf"
	lab_ctl reload >"$LAB_RUN/$CASE.reload" || fail "reload to $1 refused"
	is "\"$1\"" jq -c '.[] | select(.name == "ssh4").mode' <<<"$(lab_ctl -j services)" ||
		fail "the mode is not $1"
}

# Sessions that begin in pass, and say nothing until the service is spliced.
serve idler 105 hold
for family in 4 6; do
	start "idle$family" client "${PEER[@]}" hold "$(address $family)" 105 0 15
	lab_until 10 logged "idle$family" hello || fail "idle$family: no connection"
done
sed '/name = "changed[46]"/s/mode = "pass"/mode = "splice"/' "$conf.before" >"$conf"
sleep 4
lab_ctl reload >/dev/null || fail "reload to splice refused"
sleep 3 # adopt_for is 1 s
for family in 4 6; do
	is 2 legs changed$family ESTABLISHED || fail "idle$family: not known"
	lab_kill "$CASE.idle$family"
done
# Their FINs reach the server.
both_closed() {
	[ "$(log idler | grep -c 'ended: eof')" -eq 2 ]
}
lab_until 5 both_closed || fail "idle sessions: $(log idler)"
lab_kill "$CASE.idler"

adopted=$(stats .events.connections_adopted)
head -c "$size" /dev/urandom >"$file"
sum=$(sha256sum <"$file")
ssh_serve 97
for begin in pass splice; do
	for family in 4 6; do
		mode $begin
		ssh_copy "copy$family" $family 97 "$file" "$file.$begin$family" ${pace:+-l "$pace"}
		sleep 1
		for next in monitor splice pass splice pass; do
			mode $next
			[ ! -e "$SSH_DIR/copy$family.rc" ] ||
				fail "IPv$family, begun in $begin: over before $next"
			sleep 0.7
		done
		lab_until 300 ssh_copied "copy$family" || fail "IPv$family, begun in $begin: hangs"
		[ "$(ssh_code "copy$family")" = 0 ] ||
			fail "IPv$family, begun in $begin: $(log "copy$family")"
		[ "$(sha256sum <"$file.$begin$family")" = "$sum" ] ||
			fail "IPv$family, begun in $begin: not what was sent"
		lab_kill "$CASE.copy$family"
	done
done
is "$adopted" stats .events.connections_adopted || fail "what was known has been adopted"
