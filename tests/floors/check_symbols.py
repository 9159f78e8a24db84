# SPDX-License-Identifier: BSD-3-Clause
"""Floors 0 to 2 know no DPDK, no clock, no system call, no allocation, no log.

Looks at what the archives leave undefined: each such symbol must be defined by another of them, or
be on the list below.
"""
import re
import subprocess
import sys

ALLOWED = re.compile(
    r"mem(cpy|set|cmp|move)|str(len|cmp|ncmp|chr)|memchr|inet_(pton|ntop)"
    r"|__stack_chk_fail|__assert_fail|_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|sanitizer|sancov|gcov)_\w+|__gcov\w*"
    r"|__(memcpy|memset|memmove)_chk|__cpu_model|__cpu_indicator_init|__tls_get_addr|llvm_\w+|__llvm_\w+"
)



def symbols(nm, archive, which):
    """Lines of nm for the symbols of one kind: (where it was seen, symbol)."""
    out = subprocess.run([nm, "-A", "-g", which, archive], check=True, capture_output=True, text=True)
    for line in out.stdout.splitlines():
        where, symbol = line.rsplit(None, 1)
        yield where.split()[0], symbol


nm, archives = sys.argv[1], sys.argv[2:]
ours = {symbol for a in archives for _, symbol in symbols(nm, a, "--defined-only")}
bad = []
for archive in archives:
    for where, symbol in symbols(nm, archive, "--undefined-only"):
        if symbol not in ours and not ALLOWED.fullmatch(symbol):
            bad.append(f"{where} {symbol}")
for b in bad:
    print(f"below floor 3, and yet: {b}")
print(f"{len(archives)} archives, {len(bad)} symbols that do not belong")
sys.exit(bool(bad) or not archives)
