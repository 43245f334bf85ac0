# SPDX-License-Identifier: Apache-2.0
"""The harness itself: a fake kernel that is wrong would make right of wrong."""

import struct

import pytest

import tb_fields
import tb_kernel
from tb_kernel import FakeKernel, IGNORE, LISTEN
from tb_proc import FakeProc
from tb_protocol import broker_pb2, frame, parse_prefix, varint
from tb_wait import TIMEOUT


@pytest.fixture
def kernel():
    k = FakeKernel()
    yield k
    k.close()


def command(k, op, ack=7):
    k.broker_connector.send(tb_kernel.cn_message(0, struct.pack("=I", op), ack=ack))


def answer(k):
    k.broker_connector.settimeout(TIMEOUT)
    return k.broker_connector.recv(4096)


def silent(k, n):
    """After n commands were worked on, nothing was answered."""
    k.wait_for(lambda: len(k.requests) >= n, f"{n} commands")
    k.broker_connector.settimeout(0)
    with pytest.raises(BlockingIOError):
        k.broker_connector.recv(4096)


def test_listen_is_acknowledged(kernel):
    command(kernel, LISTEN, ack=41)
    data = answer(kernel)
    assert len(data) == 76
    assert struct.unpack_from("=IH", data) == (76, tb_kernel.NLMSG_DONE)
    idx, val, seq, ack, n, flags = struct.unpack_from("=IIIIHH", data, 16)
    assert (idx, val, seq, ack, n, flags) == (1, 1, 0, 42, 40, 0)
    assert struct.unpack_from("=I", data, 36) == (tb_kernel.NONE,)
    assert struct.unpack_from("=I", data, 52) == (0,)


def test_listening_twice_counts_once(kernel):
    command(kernel, LISTEN)
    answer(kernel)
    command(kernel, LISTEN)
    answer(kernel)
    assert kernel.listeners == 1


def test_muting_and_the_remedy(kernel):
    command(kernel, LISTEN)
    answer(kernel)
    kernel.mute()
    assert kernel.listeners == 0
    assert kernel.fork(5) is None
    command(kernel, LISTEN)
    silent(kernel, 2)
    assert kernel.listeners == 0
    # An invalid op lets the next LISTEN count anew.
    command(kernel, 99)
    silent(kernel, 3)
    command(kernel, LISTEN)
    answer(kernel)
    assert kernel.listeners == 1
    assert kernel.fork(5) is not None
    assert struct.unpack_from("=I", answer(kernel), 36) == (tb_kernel.FORK,)


def test_an_invalid_op_is_acknowledged_with_einval(kernel):
    command(kernel, LISTEN)
    answer(kernel)
    command(kernel, 99)
    assert struct.unpack_from("=I", answer(kernel), 52) == (tb_kernel.EINVAL,)


def test_ignore_takes_back(kernel):
    command(kernel, LISTEN)
    answer(kernel)
    command(kernel, IGNORE)
    silent(kernel, 2)
    assert kernel.listeners == 0


def test_mute_with_several_listeners(kernel):
    kernel.listeners = 3
    kernel.mute()
    assert kernel.listeners == 0


def test_numbers_run_on_per_cpu(kernel):
    kernel.listeners = 1
    kernel.fork(5, cpu=0)
    kernel.fork(6, cpu=1)
    kernel.fork(7, cpu=0)
    kernel.lose(1, 2)
    kernel.fork(8, cpu=1)
    seqs = [struct.unpack_from("=I", answer(kernel), 24)[0] for _ in range(4)]
    assert seqs == [0, 0, 1, 3]


@pytest.mark.parametrize("version, length", [(16, 596), (17, 724)])
def test_exit_message_has_the_kernels_length(kernel, version, length):
    kernel.broker_taskstats.settimeout(TIMEOUT)
    stats = kernel.make_stats(10)
    kernel.stats(stats, version=version)
    data = kernel.broker_taskstats.recv(8192)
    assert len(data) == struct.unpack_from("=I", data)[0] == length
    kernel.stats(stats, group=stats, version=version)
    assert len(kernel.broker_taskstats.recv(8192)) == 2 * length - 20
    assert data[36:38] == struct.pack("=H", version), "STATS data begin at 36"


def test_padding_attributes(kernel):
    kernel.broker_taskstats.settimeout(TIMEOUT)
    kernel.stats(kernel.make_stats(10), null_inside=True)
    data = kernel.broker_taskstats.recv(8192)
    assert len(data) == 600
    assert struct.unpack_from("=HH", data, 32) == (4, tb_kernel.NULL)
    kernel.stats(kernel.make_stats(10), null_before=True)
    data = kernel.broker_taskstats.recv(8192)
    assert struct.unpack_from("=HH", data, 20) == (4, tb_kernel.NULL)


def test_v15_differs_from_v16_in_place_not_in_size():
    stats = tb_fields.distinct(16, 1, 1)
    v15, v16 = tb_fields.pack(stats, 15), tb_fields.pack(stats, 16)
    assert len(v15) == len(v16) == 560
    assert v15[2:32] == v16[2:32]
    assert v15[32:] != v16[32:]
    assert struct.unpack_from("=I", v15, 176) == struct.unpack_from("=I", v16, 128) == (1,)


def test_framing():
    message = broker_pb2.ClientMessage(request_id=1 << 40)
    data = frame(message)
    n_prefix, n = parse_prefix(data)
    assert data[n_prefix:] == message.SerializeToString() and n == len(data) - n_prefix
    assert varint(300) == b"\xac\x02"
    assert parse_prefix(b"\xac") is None
    with pytest.raises(ValueError):
        parse_prefix(b"\xff" * 5)


def test_fake_proc(tmp_path):
    proc = FakeProc(tmp_path / "proc")
    proc.add(10, comm=b"a) (b", uid=5, euid=0)
    proc.add(10, tid=11)
    stat = (proc.root / "10" / "stat").read_bytes()
    assert stat.startswith(b"10 (a) (b) S 1 ") and len(stat.rsplit(b") ", 1)[1].split()) == 50
    assert b"Uid:\t5\t0\t0\t0\n" in (proc.root / "10" / "status").read_bytes()
    proc.remove(10)
    assert (proc.root / "10" / "task" / "11").exists(), "its thread lives on"
    proc.remove(10, 11)
    assert not (proc.root / "10").exists()
