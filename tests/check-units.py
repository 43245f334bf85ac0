#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds the units against systemd's own opinion: they can be loaded without a
complaint, and the service's exposure is below 2.0 of 10.

    check-units.py PROGRAM SERVICE UNIT...    exits 77 where systemd is not installed

PROGRAM stands in for the installed programs. The service needs the other units.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LIMIT = 2.0


def main():
    program, service, *others = (pathlib.Path(name).resolve() for name in sys.argv[1:])
    if not shutil.which("systemd-analyze"):
        print("skipped: systemd-analyze is missing: apt-get install systemd")
        return 77
    with tempfile.TemporaryDirectory() as directory:
        # verify wants the program to be there, which it is only once installed
        units = []
        for unit in (service, *others):
            text = re.sub(r"^ExecStart=\S+", f"ExecStart={program}", unit.read_text(), flags=re.M)
            units.append(pathlib.Path(directory) / unit.name)
            units[-1].write_text(text)
        verified = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    complaints = (verified.stdout + verified.stderr).strip()
    if verified.returncode or complaints:
        print(f"systemd-analyze verify: {complaints or verified.returncode}")
        return 1

    judged = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=yes", service],
                            capture_output=True, text=True)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged.stdout)
    if not found:
        print(f"systemd-analyze security: {judged.stdout}{judged.stderr}")
        return 1
    exposure = float(found.group(1))
    print(f"exposure {exposure}")
    if exposure >= LIMIT:
        print(judged.stdout)
        return 1
    return 0


sys.exit(main())
