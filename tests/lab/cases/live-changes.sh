#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Modes change under connections that run: scp uploads go on from pass over monitor and splice to
# pass, whether they began untranslated or translated, and what arrives is what was sent.
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
at_least 2 stats .events.connections_adopted || fail "nothing was adopted"
