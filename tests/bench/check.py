#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""check.py SLUICEBENCH: whether the bench does what it says. How fast, no test asks."""
import json
import os
import re
import subprocess
import sys
import tempfile

BENCH = sys.argv[1]
CASES = ["floor", "syn", "ack", "handshake", "relay", "lifecycle", "respond", "stream", "timers", "memory",
         "latency"]


def run(*args):
    return subprocess.run([BENCH, *args], capture_output=True, text=True, timeout=120)


def measured(*args):
    """The JSON of a run, and the rows of its table."""
    with tempfile.NamedTemporaryFile(suffix=".json") as f:
        done = run(*args, "--json", f.name)
        assert done.returncode == 0, done.stderr
        return json.load(f), done.stdout


def check_help():
    done = run("--help")
    assert done.returncode == 0
    for name in CASES:
        assert f"  {name} " in done.stdout, f"--help does not tell of {name}"


def check_hugepages():
    """A run asks for the number of hugepages that --help tells."""
    told = re.search(r"vm.nr_hugepages=(\d+)", run("--help").stdout).group(1)
    asked = re.search(r"vm.nr_hugepages=(\d+)", run("floor", "--passes", "9").stdout)
    assert asked is None or asked.group(1) == told, f"{asked.group(1)}, and --help tells {told}"


def check_usage():
    for args in (["nonsense"], ["--workers", "x"], ["--workers", "0"], ["--passes", "1"], ["--what"]):
        done = run(*args)
        assert done.returncode == 2, args
        assert done.stderr.startswith(("sluicebench: ", BENCH)), (args, done.stderr)


def check_figures():
    """The fields of design section 13; the worker's books have been looked at by the bench itself."""
    asked = ["floor", "syn", "ack", "handshake", "lifecycle", "respond", "stream", "timers"]
    figures, table = measured(*asked, "--passes", "9")
    assert isinstance(figures["cpu"], str) and isinstance(figures["features"], list)
    assert isinstance(figures["hugepages"], bool)
    assert figures["hugepages"] or "do not count" in table
    names = [case["name"] for case in figures["cases"]]
    assert sorted(set(names)) == sorted(asked), names
    families = {(c["name"], c["params"]["family"]) for c in figures["cases"]}
    assert ("syn", "ipv4") in families and ("syn", "ipv6") in families
    streams = {(c["params"]["direction"], c["params"]["connections"]) for c in figures["cases"]
               if c["name"] == "stream"}
    assert streams == {("in", 1), ("in", 64), ("out", 1), ("out", 64)}, streams
    for case in figures["cases"]:
        fields = {"name", "params", "ns", "mpps", "floor_ns", "ratio", "spread"}
        if case["name"] == "stream":
            fields.add("gbps")
            assert abs(case["gbps"] - case["mpps"] * case["params"]["bytes"] * 8 / 1000) < 0.01 * case["gbps"], case
        assert set(case) == fields, case
        # The ratio is the median of quotients, one a pass, not the quotient of the medians: how far
        # the two lie apart says how busy the host is, and nothing about the bench.
        assert case["ns"] > 0 and case["floor_ns"] > 0 and case["ratio"] > 0
        assert abs(case["mpps"] - 1000 / case["ns"]) < 0.01 * case["mpps"], case


def check_workers():
    if len(os.sched_getaffinity(0)) < 2:
        return
    figures, _ = measured("syn", "--workers", "2")
    assert figures["workers"] == 2
    for case in figures["cases"]:
        assert case["mpps"] > 1000 / case["ns"], "the figure is of all workers"


for check in (check_help, check_hugepages, check_usage, check_figures, check_workers):
    check()
    print("ok", check.__name__)
