# SPDX-License-Identifier: Apache-2.0
"""
The privileges that the broker gives up, as the kernel sees it, and that it can still do its work.
In all other tests of this suite the broker runs as nobody, too: in storms, in losses, and while
the connector is mute.
"""

import os
import pwd
import shutil
import subprocess
import sys

import pytest
import support
from reckoning import check_complete
from support import Collecting
from tb_protocol import event_pb2

NOBODY = pwd.getpwnam("nobody")
NET_ADMIN, SYS_PTRACE = 1 << 12, 1 << 19


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f)


def capabilities_of(status):
    return {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}


def check_confined(pid, user, kept=NET_ADMIN, bounding=0, groups=()):
    status = status_of(pid)
    assert status["Uid"].split() == [str(user.pw_uid)] * 4
    assert status["Gid"].split() == [str(user.pw_gid)] * 4
    assert status["Groups"].split() == list(map(str, groups))
    assert capabilities_of(status) == dict(CapInh=0, CapPrm=kept, CapEff=kept, CapBnd=bounding, CapAmb=0)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == ("2" if os.environ["WITH_SECCOMP"] == "1" else "0")
    # it is not dumpable, so its memory and descriptors belong to root
    assert os.stat(f"/proc/{pid}/mem").st_uid == 0


def check_works(broker, directory, beside):
    """All events of a small storm come, with their statistics."""
    end = support.unique_name()
    collect = beside(Collecting, broker, end)
    truth, name = support.storm(directory, "fork", 200, workers=2)
    support.marker(end)
    check_complete(collect.finish(), truth, name, 2)
    status = broker.status()
    assert status.connector.lost == 0 and status.taskstats.lost == 0


def test_becomes_the_user(make_broker, directory, beside):
    broker = make_broker("--user", "nobody")
    check_confined(broker.process.pid, NOBODY)
    check_works(broker, directory, beside)


def test_without_a_user(make_broker, directory, beside):
    """As on a machine where nobody installed anything: as root, without what makes root mighty."""
    try:
        user = pwd.getpwnam("taskbroker")
    except KeyError:
        user = pwd.getpwuid(0)
    broker = make_broker(user=None)
    check_confined(broker.process.pid, user)
    assert ("There is no user 'taskbroker'" in broker.log()) == (user.pw_uid == 0)
    check_works(broker, directory, beside)


def test_stays_root_where_asked(make_broker):
    broker = make_broker("--user", "root")
    check_confined(broker.process.pid, pwd.getpwuid(0))
    assert "There is no user" not in broker.log()


def test_begins_with_one_capability(make_broker, directory, beside):
    """As a service manager starts it: never root."""
    # A copy: nobody may be unable to enter the directory in which it was built.
    copy = directory / "taskbrokerd"
    shutil.copy(os.environ["TASKBROKERD"], copy)
    broker = make_broker(
        user=None,
        program=copy,
        prefix=["setpriv", "--reuid", "nobody", "--regid", str(NOBODY.pw_gid), "--clear-groups",
                "--inh-caps", "-all,+net_admin", "--ambient-caps", "-all,+net_admin",
                "--bounding-set", "-all,+net_admin"],
    )
    # without CAP_SETPCAP the bounding set stays; there is nothing to be gained by it any more
    check_confined(broker.process.pid, NOBODY, bounding=NET_ADMIN)
    check_works(broker, directory, beside)


def test_no_such_user(directory):
    path = directory / "no-user.sock"
    result = subprocess.run(
        [os.environ["TASKBROKERD"], "--socket", str(path), "--user", "nobody-has-this-name"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=support.TIMEOUT,
    )
    assert result.returncode == 1
    assert "There is no user 'nobody-has-this-name'" in result.stdout and "useradd" in result.stdout
    assert not path.exists()


def test_stale_socket_is_replaced(make_broker):
    """The user may not write to root's directory, so the file stays, and is no obstacle."""
    first = make_broker("--user", "nobody")
    first.stop()
    assert first.path.exists()
    second = support.Broker(first.directory, "--user", "nobody")
    try:
        assert second.status()
    finally:
        second.stop()


def program_of(broker, pid):
    with broker.client() as client:
        client.subscribe(("exit",), snapshot=True, programs=True)
        (task,) = [task for task in client.snapshot() if task.pid == pid]
        return task.program


@pytest.mark.parametrize("keep", [False, True])
def test_programs(make_broker, keep):
    """A snapshot has command line and cgroup of root's processes; with --keep-ptrace also the executable."""
    broker = make_broker("--user", "nobody", *(["--keep-ptrace"] if keep else []))
    check_confined(broker.process.pid, NOBODY, kept=NET_ADMIN | (SYS_PTRACE if keep else 0))
    program = program_of(broker, os.getpid())
    assert program.state == event_pb2.PROGRAM_STATE_CAPTURED
    with open("/proc/self/cmdline", "rb") as f:
        assert program.cmdline == f.read()[:2048]
    assert program.exe.decode() == (os.path.realpath(sys.executable) if keep else "")


def hidden(options):
    """A command in front of another, which then sees a /proc of its own."""
    return ["unshare", "--mount", "sh", "-c", f'mount -t proc -o {options} proc /proc && exec "$@"', "sh"]


def test_hidepid(make_broker, directory, beside):
    """The group that /proc hides nothing from is the one that is kept."""
    broker = make_broker("--user", "nobody", prefix=hidden("hidepid=2,gid=4711"))
    check_confined(broker.process.pid, NOBODY, groups=[4711])
    check_works(broker, directory, beside)
    assert program_of(broker, os.getpid()).state == event_pb2.PROGRAM_STATE_CAPTURED


def test_hidepid_without_exception(make_broker, directory, beside):
    """With hidepid=ptraceable no group helps: it says so, or has the capability."""
    path = directory / "blind.sock"
    result = subprocess.run(
        [*hidden("hidepid=4"), os.environ["TASKBROKERD"], "--socket", str(path), "--user", "nobody"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=support.TIMEOUT,
    )
    support.remove_starts(path)
    assert result.returncode == 1
    assert "hidepid" in result.stdout and "--keep-ptrace" in result.stdout

    broker = make_broker("--user", "nobody", "--keep-ptrace", prefix=hidden("hidepid=4"))
    check_confined(broker.process.pid, NOBODY, kept=NET_ADMIN | SYS_PTRACE)
    check_works(broker, directory, beside)
