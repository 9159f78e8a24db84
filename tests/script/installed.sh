#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# installed.sh BUILD_DIR SOURCE_DIR
#
# What `meson install` puts in place serves: a program of somebody's own is compiled by what
# pkg-config says of the library, and runs; driver profiles, programs and pages are there.
set -euo pipefail
build=$1 sources=$2
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT

meson install -C "$build" --no-rebuild --destdir "$dest" >"$dest/log" || {
	cat "$dest/log"
	exit 1
}
# there PATTERN: some path that ends so.
there() {
	find "$dest" -path "*/$1" | grep -q . || {
		echo "not installed: $1"
		exit 1
	}
}
there bin/sluiced
there bin/sluicectl
there man8/sluiced.8
there man5/sluice.conf.5
for profile in "$sources"/drivers-config/*.cfg; do
	there "share/sluice/drivers-config/${profile##*/}"
done

pc=$(find "$dest" -name sluicetcp.pc)
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$dest
read -ra flags < <(pkg-config --cflags --libs sluicetcp)
cc -std=gnu11 -o "$dest/program" "$sources/tests/unit/stack/shared.c" "${flags[@]}"
LD_LIBRARY_PATH=$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=libdir sluicetcp)
LD_LIBRARY_PATH=$dest${LD_LIBRARY_PATH#"$dest"} "$dest/program"
