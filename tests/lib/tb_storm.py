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
        self.clients = []       # (subscription, client)
        self.joins = []         # (subscription, step) of those whose set is made when they are first asked for

    def join(self, subscription, **kw):
        """Asks for a snapshot of a subscription and for the events after it; the messages are read at the end."""
        client = self.daemon.client(welcome=False)
        client.ask(snapshot=True, **subscription.arguments(), **kw)
        self.clients.append((subscription, client))
        return client

    def sync(self):
        """Waits until the broker has reported all that has happened."""
        while len(kernels(self.events)) < len(self.machine.expected):
            self.events.append(self.observer.event())

    def found(self, subscription):
        """The first to ask for a subscription with subtrees, at a moment that is known."""
        self.sync()
        client = self.join(subscription)
        client.greet()
        client.answered()
        self.joins.append((subscription, len(self.events)))
        return client

    def run(self, n_steps, subscriptions, n_joins):
        """That many steps, and that many subscribers at random moments."""
        rng = self.machine.rng
        joins = sorted((rng.randrange(n_steps), i) for i in range(n_joins))
        for step in range(n_steps):
            while joins and joins[0][0] == step:
                self.join(subscriptions[joins.pop(0)[1] % len(subscriptions)])
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
        came = [(what(e), e.tid, e.pid) for e in kernels(self.events)]
        due = self.machine.expected + [("ptrace", 1, 1)]
        for i, (a, b) in enumerate(zip(came, due)):
            assert a == b, f"event {i}: after {came[max(0, i - 8):i]} came {a}, due was {due[i:i + 4]}"
        assert len(came) == len(due)
        table = Table(self.tasks, threads=True).apply_all(self.events)
        found = differences(table.rows, self.machine.rows())
        assert not found, "the observer's table at the end:\n" + "\n".join(found)

        readers = []
        for subscription, client in self.clients:
            readers.append(Reader(subscription, client, mark))
        check(Oracle(self.tasks, self.events), readers, self.joins)
        return readers
