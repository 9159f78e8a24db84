# SPDX-License-Identifier: BSD-3-Clause
"""man.py NAME SECTION SUMMARY VERSION PROGRAM [ARG...]: a manual page of what a program prints.

The help comes from the tables that the program itself works by, so the page can't disagree.
"""
import subprocess
import sys

SEE = {"sluiced": 8, "sluicectl": 8, "sluiceimpair": 8, "sluicebench": 8, "sluice.conf": 5}


def escape(line):
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + line if line.startswith((".", "'")) else line


name, section, summary, version, *command = sys.argv[1:]
text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
print(f'.TH {name.upper()} {section} "" "sluice {version}" "sluice"')
print(f".SH NAME\n{name} \\- {escape(summary)}")
print(".SH DESCRIPTION\n.nf")
for text_line in text.splitlines():
    print(escape(text_line))
print(".fi\n.SH SEE ALSO")
print(",\n".join(f".BR {n} ({s})" for n, s in SEE.items() if n != name))
