# SPDX-License-Identifier: Apache-2.0
"""A user who takes all that the broker gives, beside a storm of which root misses nothing."""

import pytest
from tb_users import end_attack, start_attack
from test_storm import ROOM, check_all, storm_and_collect


@pytest.mark.parametrize("means", [
    ("connections", "feeds", "requests"),
    ("readers", "patterns", "subtrees"),
    ("hold", "stats", "samples"),
    ("sweeps", "patterns"),
], ids="-".join)
def test_root_misses_nothing(directory, make_broker, beside, means):
    broker = make_broker(*ROOM)
    attack = start_attack(broker, 10, *means)
    truth, name, streams = storm_and_collect(directory, broker, beside, "fork", 15_000, n_subscribers=1)
    done = end_attack(attack)
    assert all(done.values()), done
    status = broker.status()
    for source in (status.connector, status.taskstats):
        assert (source.lost, source.dropped, source.truncated, source.malformed) == (0,) * 4, source
    check_all(truth, name, streams)
