# SPDX-License-Identifier: Apache-2.0
"""
A program on a terminal, as a person sees it: keys in, lines out. The terminal is
tmux, with a server of its own for each test.
"""

import os
import pathlib
import shlex
import signal
import subprocess
import time

from tb_wait import TIMEOUT


class Terminal:
    def __init__(self, directory, command, columns=80, rows=24, utf8=True, environment=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.socket = self.directory / "tmux"
        self.status = self.directory / "status"
        self.errors = self.directory / "errors"
        variables = {
            "LC_ALL": "C.UTF-8" if utf8 else "C",
            "XDG_CONFIG_HOME": str(self.directory / "config"),
            "TERM": "tmux-256color",
            **dict(environment),
        }
        assignments = [f"{name}={value}" for name, value in variables.items()]
        # No shell stands between the terminal and the program while it runs. The screen stays when it has ended.
        line = (
            f"env {shlex.join(assignments + [str(word) for word in command])} 2>{shlex.quote(str(self.errors))}; "
            f"echo $? >{shlex.quote(str(self.status))}; stty -a >{shlex.quote(str(self.directory / 'stty'))}; "
            "printf '\\ndone\\n'; exec sleep 600"
        )
        # tmux's own locale decides what it takes from the program: it must be able to show everything.
        self.environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        self.environment.pop("TMUX", None)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "sh", "-c", line)

    def _tmux(self, *arguments):
        return subprocess.run(
            ["tmux", "-u", "-S", str(self.socket), *arguments],
            env=self.environment, check=True, timeout=TIMEOUT, stdout=subprocess.PIPE, text=True,
        ).stdout

    def keys(self, *keys):
        """As tmux names them: "F1", "Enter", "Space", "C-l"; or characters."""
        for key in keys:
            self._tmux("send-keys", key)

    def type(self, text):
        self._tmux("send-keys", "-l", text)

    def resize(self, columns, rows):
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def lines(self, escapes=False):
        return self._tmux("capture-pane", "-p", *(["-e"] if escapes else [])).split("\n")[:-1]

    def text(self):
        return "\n".join(self.lines())

    def cursor_visible(self):
        return self._tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"

    def alternate(self):
        return self._tmux("display-message", "-p", "#{alternate_on}").strip() == "1"

    def wait(self, what, *arguments):
        """
        Until what(lines) is true; a string: until it is to be seen. Returns the lines, or what was returned: of a pane
        that stood still from one look to the next, for a pane is also captured while a program draws.
        """
        predicate = (lambda lines: what in "\n".join(lines)) if isinstance(what, str) else what
        deadline = time.monotonic() + TIMEOUT
        before = None
        while True:
            lines = self.lines()
            found = predicate(lines, *arguments)
            if found and lines == before:
                return lines if found is True else found
            before = lines
            if time.monotonic() > deadline:
                errors = self.errors.read_text(errors="replace") if self.errors.exists() else ""
                raise AssertionError(f"never seen: {what!r}\n" + "\n".join(lines) + "\n" + errors)
            time.sleep(0.02)

    def wait_gone(self, text):
        return self.wait(lambda lines: text not in "\n".join(lines))

    def ended(self):
        """Waits for the end; returns the exit status and what it complained of."""
        deadline = time.monotonic() + TIMEOUT
        while not (self.status.exists() and self.status.read_text().strip()):
            assert time.monotonic() < deadline, "it does not end:\n" + self.text()
            time.sleep(0.05)
        return int(self.status.read_text()), self.errors.read_text(errors="replace")

    def stty(self):
        self.wait("done")
        return (self.directory / "stty").read_text()

    def pid(self):
        """The program's own."""
        (shell,) = self._tmux("list-panes", "-F", "#{pane_pid}").split()
        with open(f"/proc/{shell}/task/{shell}/children") as f:
            (child,) = f.read().split()
        return int(child)

    def close(self):
        # A running program is killed by a signal that it cannot handle. A terminal that closes sends two others: they
        # would meet the leak checker of a sanitized program at its work, and hang it.
        try:
            os.kill(self.pid(), signal.SIGKILL)
        except (ValueError, OSError, subprocess.SubprocessError):
            pass
        subprocess.run(
            ["tmux", "-S", str(self.socket), "kill-server"],
            env=self.environment, timeout=TIMEOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
