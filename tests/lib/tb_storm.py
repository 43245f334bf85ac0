# SPDX-License-Identifier: Apache-2.0
"""
Things happen at random while subscribers come; at the end everybody's account of it
is held against one that saw it all, and that one's against the machine itself.
"""

from tb_client import ALL_KINDS, what
from tb_oracle import Oracle, Reader, check
from tb_table import Table, differences


def kernels(events):
    """Without the names that the broker read later in /proc."""
    return [e for e in events if not (e.synthesised and what(e) == "comm_change")]


class Storm:
    """On a started daemon, whose /proc has what `machine` began with, and no more."""

    def __init__(self, daemon, machine):
        self.daemon, self.machine = daemon, machine
        self.observer = daemon.subscriber(ALL_KINDS, threads=True, programs=True, snapshot=True)
        self.tasks = self.observer.snapshot()
        self.events = []
        self.clients = []       # (topic, client)
        self.joins = []         # (topic, step) of those whose set is made when they are first asked for

    def join(self, topic, **kw):
        """Asks for a snapshot of a topic and for the events after it; the messages are read at the end."""
        client = self.daemon.client(welcome=False)
        client.ask(snapshot=True, **topic.arguments(), **kw)
        self.clients.append((topic, client))
        return client

    def sync(self):
        """Waits until the broker has reported all that has happened."""
        while len(kernels(self.events)) < len(self.machine.told):
            self.events.append(self.observer.event())

    def found(self, topic):
        """The first to ask for a topic with subtrees, at a moment that is known."""
        self.sync()
        client = self.join(topic)
        client.greet()
        client.answered()
        self.joins.append((topic, len(self.events)))
        return client

    def run(self, n_steps, topics, n_joins):
        """That many steps, and that many subscribers at random moments."""
        rng = self.machine.rng
        joins = sorted((rng.randrange(n_steps), i) for i in range(n_joins))
        for step in range(n_steps):
            while joins and joins[0][0] == step:
                self.join(topics[joins.pop(0)[1] % len(topics)])
            self.machine.step()

    def finish(self):
        """Everybody reads to the end, and is held to it."""
        self.sync()
        # The broker takes its time with requests of a user who makes many: the mark is for those who have their answers.
        for _, client in self.clients:
            if client.welcome is None:
                client.greet()
                client.answered()
        mark = self.daemon.kernel.mark()
        events, _ = self.observer.until_mark(mark)
        self.events += events
        told = [(what(e), e.tid, e.pid) for e in kernels(self.events)]
        due = self.machine.told + [("ptrace", 1, 1)]
        for i, (a, b) in enumerate(zip(told, due)):
            assert a == b, f"event {i}: after {told[max(0, i - 8):i]} came {a}, due was {due[i:i + 4]}"
        assert len(told) == len(due)
        table = Table(self.tasks, threads=True).apply_all(self.events)
        found = differences(table.rows, self.machine.rows())
        assert not found, "the observer's table at the end:\n" + "\n".join(found)

        readers = []
        for topic, client in self.clients:
            readers.append(Reader(topic, client, mark))
        check(Oracle(self.tasks, self.events), readers, self.joins)
        return readers
