# SPDX-License-Identifier: Apache-2.0
"""bash completes what --help knows: verbs, the options of each, and words that stand behind some."""

import os
import re
import shlex
import subprocess

import pytest

from tb_daemon import executable
from tb_protocol import SOURCE_ROOT

def help_of(*words):
    return subprocess.run([executable("TASKBROKER", "command"), *words, "--help"], check=True, capture_output=True,
                          text=True).stdout


VERBS = ["watch", "ps", "top", "iotop", "run", "stats", "status"]
# A build without SQLite lacks these.
VERBS += [verb for verb in ["record", "history"] if re.search(f"^  {verb} ", help_of(), re.M)]


def completed(*words):
    """The completions that bash offers for the last of the words."""
    line = [executable("TASKBROKER", "command"), *words]
    script = (
        f"source {shlex.quote(str(SOURCE_ROOT / 'clients' / 'cli' / 'taskbroker.bash-completion'))}; compopt() {{ :; }}; "
        f"COMP_WORDS=({shlex.join(map(str, line))}); COMP_CWORD={len(words)}; _taskbroker; "
        r"""printf '%s\n' "${COMPREPLY[@]}" """
    )
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [word for word in done.stdout.split("\n") if word]


def test_verbs():
    assert completed("") == re.findall(r"^  ([a-z]+)  ", help_of(), re.M) == VERBS
    assert completed("--socket", "/x", "st") == ["stats", "status"]
    assert completed("--") == ["--socket", "--help", "--version"]


@pytest.mark.parametrize("verb", VERBS)
def test_options(verb):
    options = re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", help_of(verb), re.M)
    assert len(options) >= 3 and "--socket" in options and "--help" in options
    assert completed(verb, "--") == options
    assert completed("--socket", "/x", verb, "--so") == [option for option in options if option.startswith("--so")]


def test_words_behind_options():
    assert "root" in completed("watch", "--uid", "ro")
    assert str(os.getpid()) in completed("top", "--tree", str(os.getpid())[:1])
    assert all(word.isdigit() for word in completed("watch", "--pid", ""))
    assert "bash" in completed("run", "bas") and "--json" in completed("run", "--js")
    assert completed("watch", "wo") == []
    assert completed("watch", "--time", "") == ["time", "date", "epoch", "utc", "iso"]
    assert completed("watch", "--time", "=") == ["time", "date", "epoch", "utc", "iso"]
    assert completed("watch", "--time", "=", "e") == ["epoch"]
    assert completed("iotop", "--time", "--to") == []
