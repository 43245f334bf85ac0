# SPDX-License-Identifier: Apache-2.0
"""
The exceptions of the package. Each error code of the broker has a class of its own.

Losses of events are no exceptions: they are values of a stream, in their place.
"""

from __future__ import annotations

import errno
import os


class Error(Exception):
    """The base of all exceptions of this package."""


class ConnectError(Error, ConnectionError):
    """There is no connection to the broker. `errno` has the reason."""


class ConnectionClosed(Error, ConnectionError):
    """The broker closed the connection, and the stream does not reconnect."""


class ProtocolError(Error):
    """The program that listens on the socket does not speak the protocol of taskbrokerd."""


class BrokerError(Error):
    """The broker refused a request, or gave the reason why it closed the connection."""

    code: int = 0

    def __init__(self, pb):
        super().__init__(pb.message or f"The broker sent the error {pb.code}.")
        self.code = pb.code
        self.message: str = pb.message
        # the path of the invalid field of the request, such as "subscribe.max_delay_ms"; None: no field
        self.field: str | None = pb.field or None
        self.closing: bool = pb.closing
        # the number of events that a strict stream lost
        self.lost: int | None = pb.lost or None

    @property
    def retryable(self) -> bool:
        """Whether the same request can succeed on a later connection."""
        return isinstance(self, RETRYABLE)


class BadFrame(BrokerError):
    """The input was no frame."""


class TooLarge(BrokerError):
    """The request was too large."""


class BadMessage(BrokerError):
    """The request was no ClientMessage."""


class UnknownField(BrokerError):
    """The broker is older than this request, and does not know a field of it."""


class BadValue(BrokerError, ValueError):
    """A value is not valid; `field` names it."""


class LimitReached(BrokerError):
    """A limit of the broker is reached; the text names it."""


class FellBehind(BrokerError):
    """A strict stream was read too slowly; `lost` is the number of lost events."""


class RequestTimeout(BrokerError):
    """A request stayed incomplete for too long."""


class Stopping(BrokerError):
    """The broker is stopping."""


class UnreadReplies(BrokerError):
    """The client left too many replies unread."""


class ResumeImpossible(BrokerError):
    """The broker no longer has the place where the stream was to continue."""


class QuotaReached(BrokerError):
    """The user has reached a quota; the text names it."""


class NotPermitted(BrokerError, PermissionError):
    """The client may not make this request."""


class AccessChanged(BrokerError):
    """The rights of clients have changed: connect again."""


BY_CODE: dict[int, type[BrokerError]] = {
    1: BadFrame,
    2: TooLarge,
    3: BadMessage,
    4: UnknownField,
    5: BadValue,
    7: LimitReached,
    8: FellBehind,
    9: RequestTimeout,
    10: Stopping,
    11: UnreadReplies,
    12: ResumeImpossible,
    13: QuotaReached,
    14: NotPermitted,
    15: AccessChanged,
}

RETRYABLE = (Stopping, LimitReached, RequestTimeout, UnreadReplies)


def of_message(pb) -> BrokerError:
    """Makes the exception of an Error message."""
    return BY_CODE.get(pb.code, BrokerError)(pb)


def of_connect(path: str, error: OSError) -> ConnectError:
    """Makes the exception of a failed connect, with the remedy in its text."""
    if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
        text = f"No broker listens on {path}: start taskbrokerd, or name its socket with TASKBROKER_SOCKET."
    elif error.errno in (errno.EACCES, errno.EPERM):
        text = f"You may not connect to {path}: ask the administrator of this machine to let you in."
    elif error.errno == errno.EAGAIN or isinstance(error, TimeoutError):
        text = f"The broker on {path} did not take the connection in time: it hangs, or too many connect at once."
    elif error.errno in (errno.EPROTOTYPE, errno.ENOTSOCK, errno.ENOTDIR):
        text = f"{path} is not a socket of taskbrokerd."
    else:
        text = f"Cannot connect to the broker on {path}: {error.strerror or os.strerror(error.errno or 0) or error}."
    made = ConnectError(text)
    made.errno = error.errno
    return made
