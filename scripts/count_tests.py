#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Counts what `meson test` did, case by case.

usage: count_tests.py MESON_LOGS

Reads testlog.json (a line for each test program: how it ended) and testlog.junit.xml (the cases
of Google Test inside). Prints a line for each suite: name, passed, failed, skipped.
"""
import collections
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree


def suite_of(test):
    """'sluice:unit / base' is of suite unit; of several, the first names it."""
    found = re.match(r"(?:[^:/]*:)?([^:/+]+?)(?:\+[^/]*)? / ", test)
    return found[1] if found else "other"


def gtest_cases(path):
    """Test program -> counts of its cases, for those that speak Google Test."""
    cases = collections.defaultdict(lambda: [0, 0, 0])
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        name = suite.get("name", "")
        if " / " not in name:  # the programs that are one case each stand under the project
            continue
        # 'sluice.sluice:unit / base.InternetChecksum'
        program = name.split(".", 1)[1].rsplit(".", 1)[0]
        for case in suite.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                cases[program][1] += 1
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                cases[program][2] += 1
            else:
                cases[program][0] += 1
    return cases


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    logs = sys.argv[1]
    junit = os.path.join(logs, "testlog.junit.xml")
    cases = gtest_cases(junit) if os.path.exists(junit) else {}
    totals = collections.defaultdict(lambda: [0, 0, 0])
    with open(os.path.join(logs, "testlog.json"), encoding="utf-8") as f:
        for line in f:
            test = json.loads(line)
            name, result = test["name"], test["result"]
            if result in ("OK", "EXPECTEDFAIL"):
                counts = cases.get(name, [1, 0, 0])
            elif result == "SKIP":
                counts = [0, 0, 1]
            else:
                # A program that crashed or hung leaves no results, or those of an earlier run.
                counts = cases.get(name, [0, 1, 0])
                if counts[1] == 0:
                    counts = [0, 1, 0]
            for i, n in enumerate(counts):
                totals[suite_of(name)][i] += n
    for suite in sorted(totals):
        print(suite, *totals[suite])


if __name__ == "__main__":
    main()
