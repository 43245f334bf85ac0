# SPDX-License-Identifier: Apache-2.0
"""The programs that the README shows, as they stand there, with nothing but the socket's path put in."""

import os
import re
import shlex
import subprocess
import time

import pytest

import tb_fields
from tb_protocol import SOURCE_ROOT

README = (SOURCE_ROOT / "README.md").read_text()


def program(language, old, new):
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)
    assert text.count(old) >= 1
    return text.replace(old, new)


@pytest.fixture
def start(daemon):
    processes = []

    def start(*command):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        processes.append(process)
        status = daemon.client()
        while not status.status().subscribers:
            assert process.poll() is None, "it ended"
            time.sleep(0.01)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def end_one(daemon):
    """A process ends with 7, and had run for 2.5 ms."""
    daemon.kernel.fork(100)
    daemon.kernel.comm(100, comm=b"worker")
    daemon.kernel.stats(tb_fields.Stats(
        ac_pid=100, ac_tgid=100, comm=b"worker", cpu_run_virtual_total_ns=2_500_000, hiwater_rss_kib=321, ac_exitcode=7 << 8))
    daemon.kernel.exit(100, code=7 << 8)


def test_in_c(daemon, start, tmp_path):
    source = tmp_path / "used.c"
    source.write_text(program("c", "tb_connect(NULL", f'tb_connect("{daemon.path}"'))
    library = os.environ["LIBTASKBROKER"]
    subprocess.run(
        [*shlex.split(os.environ["CC_OF_BUILD"]), "-I", SOURCE_ROOT / "include", source, "-L", library, "-ltaskbroker",
         f"-Wl,-rpath,{library}", "-Wall", "-Werror", "-o", tmp_path / "used"], check=True)
    process = start(tmp_path / "used")
    end_one(daemon)
    assert process.stdout.readline() == "    100 worker             2.500 ms, 321 KiB at most\n"


def test_in_python(daemon, start, tmp_path):
    source = tmp_path / "used.py"
    source.write_text(program("python", "connect()", f'connect("{daemon.path}")'))
    process = start("env", f"PYTHONPATH={SOURCE_ROOT / 'clients' / 'python'}", "/usr/bin/python3", source)
    end_one(daemon)
    assert process.stdout.readline() == "100 worker 2.500 ms status 7\n"
    # No record, and a signal: what is missing is not printed as 0.
    daemon.kernel.fork(101)
    daemon.kernel.comm(101, comm=b"killed")
    daemon.kernel.exit(101, code=9)
    assert process.stdout.readline() == "101 killed unknown time signal 9\n"
