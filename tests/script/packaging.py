#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""packaging.py SOURCE_DIR PROGRAM...: whether scripts/setup installs what is used, and no library
that is not; and whether the image and its commands in docker/README.md have the daemon's folders.
The first PROGRAM is sluiced."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(sys.argv[1])
PROGRAMS = sys.argv[2:]
# Drivers, buses and memory pools are loaded at run time; what these need comes with them.
LOADED = re.compile(r"librte-(net|bus|mempool|meta)-")
COMES_ALONG = re.compile(r"librte-|libc6|libbsd0")


def output(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout


def packages(group):
    return output(str(SOURCE / "scripts/setup"), "--list", group).split()


def files(package):
    """The files of a package; None when it is not installed."""
    listed = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True)
    return listed.stdout.splitlines() if listed.returncode == 0 else None


def needed():
    """The libraries that the programs are linked with."""
    names = set()
    for program in PROGRAMS:
        names |= set(re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d", program)))
    return names


def check_build():
    """Each package with headers has a module that some meson.build asks for."""
    asked = set()
    for path in SOURCE.rglob("meson.build"):
        asked |= set(re.findall(r"dependency\('([^']+)'", path.read_text()))
    for package in packages("build"):
        modules = {pathlib.Path(f).stem for f in files(package) or [] if f.endswith(".pc")}
        assert not modules or modules & asked, f"setup build: nothing uses {package}"


def check_run():
    """Each library is one that a program is linked with, and all of these are there."""
    names, named = needed(), packages("run")
    for package in named:
        if LOADED.match(package) or files(package) is None:
            continue
        brings = {os.path.basename(f) for f in files(package)}
        assert brings & names, f"setup run: nothing uses {package}"
    for name in names:
        found = subprocess.run(["dpkg", "-S", "*/" + name], capture_output=True, text=True)
        owners = {line.split(":")[0] for line in found.stdout.splitlines()}
        along = {o for o in owners if COMES_ALONG.match(o)}
        assert not owners or along or owners & set(named), f"setup run: lacks {owners} for {name}"


def folders():
    """Of the settings whose default is a path."""
    told = output(PROGRAMS[0], "--help-config")
    return {str(pathlib.Path(p).parent) if "." in p else p
            for p in re.findall(r"default: (/(?:run|var)/[^\s,]+)", told)}


def check_docker():
    image = (SOURCE / "docker/Dockerfile").read_text()
    commands = re.findall(r"docker run -d (?:.*\\\n)*.*", (SOURCE / "docker/README.md").read_text())
    assert folders() and commands
    for folder in folders():
        assert re.search(rf"mkdir.*{folder}\b", image), f"Dockerfile: no {folder}"
        for command in commands:
            assert f"-v {folder}:{folder}" in command, f"docker/README.md: not mounted: {folder}"


def main():
    check_docker()
    if shutil.which("dpkg") is None:
        print("skipped: not a Debian system; only the image was looked at")
        sys.exit(77)
    check_build()
    check_run()


main()
