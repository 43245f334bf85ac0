# SPDX-License-Identifier: Apache-2.0
"""Going on where a former connection ended: from any number, in the middle of a frame too, and what is refused."""

import pytest

from tb_client import BrokerError, brief
from tb_protocol import broker_pb2


@pytest.fixture
def former(daemon):
    """A subscription that received three forks in one frame, and whose connection has ended."""
    client = daemon.subscriber(max_delay_ms=200)
    for tid in (100, 101, 102):
        daemon.kernel.fork(tid)
    assert brief(client.take(3)) == [("fork", tid) for tid in (100, 101, 102)]
    place = client.place()
    client.close()
    return place


@pytest.mark.parametrize("n_got", [0, 1, 2, 3])
def test_goes_on(daemon, former, n_got):
    client = daemon.client()
    client.subscribe(resume=former._replace(next_number=1 + n_got))
    daemon.kernel.fork(103)
    assert brief(client.take(4 - n_got)) == [("fork", tid) for tid in range(100 + n_got, 104)]
    assert client.status().resumed == 1


@pytest.mark.parametrize("change, arguments, code, field", [
    (lambda place: place._replace(epoch=place.epoch ^ 1), {}, "RESUME_IMPOSSIBLE", "subscribe.resume.epoch"),
    (lambda place: place._replace(feed=place.feed + 1), {}, "RESUME_IMPOSSIBLE", "subscribe.resume.feed"),
    (lambda place: place, {"threads": True}, "RESUME_IMPOSSIBLE", "subscribe.resume.feed"),
    (lambda place: place, {"filter": {"uids": [1]}}, "RESUME_IMPOSSIBLE", "subscribe.resume.feed"),
    (lambda place: place._replace(next_number=place.next_number + 1), {}, "BAD_VALUE", "subscribe.resume.next_number"),
    (lambda place: place._replace(next_number=0), {}, "BAD_VALUE", "subscribe.resume.next_number"),
], ids=["epoch", "feed", "threads", "filter", "beyond", "zero"])
def test_refused(daemon, former, change, arguments, code, field):
    """The error names the field, and the connection goes on: with a snapshot, say."""
    client = daemon.client()
    with pytest.raises(BrokerError) as caught:
        client.subscribe(resume=change(former), **arguments)
    error = caught.value.error
    assert (error.code, error.field, error.closing) == (broker_pb2.ErrorCode.Value("ERROR_CODE_" + code), field, False)
    assert error.message.endswith(".")
    client.subscribe(snapshot=True)
    assert {task.tid for task in client.snapshot()} == {1, 100, 101, 102}
