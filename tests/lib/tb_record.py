# SPDX-License-Identifier: Apache-2.0
"""`taskbroker record` in a test, and its database by the sqlite3 of Python."""

import os
import signal
import sqlite3
import subprocess

from tb_daemon import executable
from tb_wait import TIMEOUT, wait_until


class Recorder:
    def __init__(self, daemon, path, *arguments, start=True, **kw):
        self.daemon, self.path, self.arguments, self.kw = daemon, path, arguments, kw
        self.process = None
        if start:
            self.start()

    def launch(self):
        self.process = subprocess.Popen(
            [executable("TASKBROKER", "command"), "--socket", str(self.daemon.path), "record", "--db", str(self.path),
             *self.arguments],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C.UTF-8"}, **self.kw,
        )
        self.said = b""
        os.set_blocking(self.process.stderr.fileno(), False)

    def start(self):
        self.launch()
        return self.wait_said("Recording into")

    def wait_said(self, words):
        """Waits for a message."""
        def look():
            try:
                self.said += self.process.stderr.read() or b""
            except BlockingIOError:
                pass
            if words.encode() in self.said:
                return True
            assert self.process.poll() is None, (self.process.returncode, self.said)
            return False
        wait_until(look, lambda: f"{words!r} in {self.said!r}")
        return self

    def query(self, sql, *values):
        """Rows as dictionaries; none while there is no database yet."""
        db = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=TIMEOUT)
        try:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, values)]
        finally:
            db.close()

    def wait(self, sql, predicate=bool):
        """Waits until what was committed satisfies @predicate; returns the rows."""
        rows = []

        def look():
            rows[:] = self.query(sql)
            return predicate(rows)
        wait_until(look, lambda: f"{sql}: {rows}")
        return rows

    def wait_ended(self, n):
        return self.wait("SELECT * FROM processes WHERE ended IS NOT NULL ORDER BY id", lambda rows: len(rows) == n)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def stop(self, code=0):
        """Ends it as a service manager does; returns what it said."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.finish(code)

    def finish(self, code=0):
        os.set_blocking(self.process.stderr.fileno(), True)
        try:
            err = self.process.communicate(timeout=TIMEOUT)[1] or b""
        finally:
            if self.process.poll() is None:
                self.process.kill()
        assert self.process.returncode == code, (self.process.returncode, self.said + err)
        return (self.said + err).decode()
