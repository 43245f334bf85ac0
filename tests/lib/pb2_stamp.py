#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Build step: writes the generated Python modules below a directory, then the stamp that meson looks at."""

import os
import pathlib
import subprocess
import sys

protoc, proto_root, directory, stamp, *files = sys.argv[1:]
os.makedirs(directory, exist_ok=True)
subprocess.run([protoc, f"--proto_path={os.path.abspath(proto_root)}", f"--python_out={directory}"] + [os.path.abspath(file) for file in files], check=True)
pathlib.Path(stamp).touch()
