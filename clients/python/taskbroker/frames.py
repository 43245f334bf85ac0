# SPDX-License-Identifier: Apache-2.0
"""
Framing: a length as a varint, then a message of that many bytes.

FrameReader takes bytes in any pieces and returns whole messages. It knows nothing else.
"""

from __future__ import annotations

from .errors import ProtocolError

MAX_FROM_BROKER = 1024 * 1024
MAX_PREFIX = 5


def encode(message: bytes) -> bytes:
    """Returns the frame of a message."""
    out = bytearray()
    n = len(message)
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out) + message


class FrameReader:
    """Cuts the broker's bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Takes received bytes."""
        if self._at:
            del self._buffer[: self._at]
            self._at = 0
        self._buffer += data

    @property
    def partial(self) -> bool:
        """Whether a part of a message is left."""
        return len(self._buffer) > self._at

    def next(self) -> bytes | None:
        """Returns the next whole message; None: more bytes are needed. A bad length raises ProtocolError."""
        buffer, at = self._buffer, self._at
        length = shift = 0
        for i in range(at, min(at + MAX_PREFIX, len(buffer))):
            byte = buffer[i]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        else:
            if len(buffer) - at >= MAX_PREFIX:
                raise ProtocolError("The broker's bytes are not a frame of the protocol.")
            return None
        if not length:
            raise ProtocolError("The broker's bytes are not a frame of the protocol.")
        if length > MAX_FROM_BROKER:
            raise ProtocolError("A frame is larger than the protocol allows.")
        begin = i + 1
        if len(buffer) - begin < length:
            return None
        self._at = begin + length
        return bytes(buffer[begin : begin + length])
