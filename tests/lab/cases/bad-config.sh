#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A bad configuration is refused whole: file, line, what was expected; exit 1, nothing started.
#
# once
# shellcheck source=tests/lab/case.sh
. "$(dirname "$0")/../case.sh"

conf=$LAB_RUN/broken.conf
good() {
	sed "s|$LAB_SOCKET|$LAB_RUN/broken.sock|; s|--file-prefix=[^\"]*|--file-prefix=$LAB_NAME-b|" \
		"$LAB_RUN/sluice.conf"
}

# refused WHAT LINE PATTERN: the file is refused at that line (0: any), in words like these.
refused() {
	local what=$1 line=$2 pattern=$3 out rc how

	for how in --check ''; do
		rc=0
		# shellcheck disable=SC2086 # an empty word is no argument
		out=$(lab_exec box timeout 20 "$LAB_SLUICED" $how -c "$conf" 2>&1) || rc=$?
		[ $rc -eq 1 ] || fail "$what: sluiced $how ends with $rc, not 1: $out"
		if [ "$line" -gt 0 ]; then
			grep -q "broken.conf:$line\b" <<<"$out" || fail "$what: line $line is not named: $out"
		fi
		grep -Eqi -- "$pattern" <<<"$out" || fail "$what: no '$pattern' in: $out"
		! grep -q 'sluiced: ready$' <<<"$out" || fail "$what: it started"
		[ ! -e "$LAB_RUN/broken.sock" ] || fail "$what: a socket was made"
	done
}

line_of() {
	grep -n -m 1 -- "$1" "$conf" | cut -d: -f1
}

good >"$conf"
lab_exec box "$LAB_SLUICED" --check -c "$conf" >/dev/null || fail "a good file is refused by --check"

good | sed 's|\(name = "banner4".*mode = \)"splice"|\1"spilce"|' >"$conf"
refused 'a misspelt mode' "$(line_of spilce)" 'spilce.*splice|splice.*spilce'

good | sed 's|\(name = "banner4".*port = \)82|\1 81|' >"$conf"
refused 'a service twice' "$(line_of 'name = "banner4"')" 'bulk4|banner4'

good | sed 's|\(name = "banner4"; \)|\1 colour = "red"; |' >"$conf"
refused 'an unknown key' "$(line_of colour)" colour

good | sed 's|\(name = "banner4".*port = \)82|\1 70000|' >"$conf"
refused 'an impossible port' "$(line_of 70000)" '65535|range|port'

good | sed 's|\(name = "banner4"; address = \)"[^"]*"|\1"192.0.2.999"|' >"$conf"
refused 'an impossible address' "$(line_of 192.0.2.999)" 'address'

good | sed 's|inside = "net_af_packet1"|inside = |' >"$conf"
refused 'a syntax error' "$(line_of 'inside = ')" 'syntax|expected'

good | sed 's|inside = "net_af_packet1"|inside = "net_af_packt1"|' >"$conf"
refused 'a misspelt port' "$(line_of net_af_packt1)" 'did you mean "net_af_packet1"'

good | sed 's|cores = \[[^]]*\]|cores = [ 77 ]|' >"$conf"
refused 'a core that is not there' "$(line_of 'cores = ')" 'cores has 77.*CPUs of this machine are'

good | sed 's|iface=in0|iface=nosuch0|' >"$conf"
refused 'an interface that is not there' "$(line_of nosuch0)" 'nosuch0.*ip link'

good | sed 's|"-m", "[0-9]*"|"-m", "64"|' >"$conf"
grep -q '"-m", "64"' "$conf" || fail "the lab's configuration has no -m"
refused 'too little memory' 0 'eal has -m 64.*at least -m|raise -m in eal'

# What only EAL knows is one line of its own, and not its manual behind it.
good | sed 's|"--no-shconf"|"--no-shconf", "--nosuch"|' >"$conf"
rc=0
out=$(lab_exec box timeout 20 "$LAB_SLUICED" -c "$conf" 2>&1) || rc=$?
[ $rc -eq 1 ] || fail "an option that EAL does not know: sluiced ends with $rc: $out"
grep -q 'nosuch' <<<"$out" || fail "an option that EAL does not know is not named: $out"
[ "$(wc -l <<<"$out")" -lt 15 ] || fail "EAL prints its manual: $out"

rm -f "$conf"
refused 'a missing file' 0 'broken.conf'
