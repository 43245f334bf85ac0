# SPDX-License-Identifier: Apache-2.0
"""
Reads one struct out of a kernel's BTF (/sys/kernel/btf/vmlinux).

BTF is a sequence of records without lengths: whoever does not know a kind cannot
step over it. Kinds up to 19 (ENUM64) are known here; at a newer one reading
stops, which matters only if the struct comes after it.
"""

import collections
import struct

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT = range(1, 12)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)

# Bytes behind the 12 of every record: (fixed, per element).
EXTRA = {
    INT: (4, 0), PTR: (0, 0), ARRAY: (12, 0), STRUCT: (0, 12), UNION: (0, 12), ENUM: (0, 8), FWD: (0, 0),
    TYPEDEF: (0, 0), VOLATILE: (0, 0), CONST: (0, 0), RESTRICT: (0, 0), FUNC: (0, 0), FUNC_PROTO: (0, 8),
    VAR: (4, 0), DATASEC: (0, 12), FLOAT: (0, 0), DECL_TAG: (4, 0), TYPE_TAG: (0, 0), ENUM64: (0, 12),
}

Member = collections.namedtuple("Member", "name offset size signed")


class NotFound(Exception):
    pass


class Btf:
    def __init__(self, data):
        for order in "<>":
            magic, version, _, hdr_len = struct.unpack_from(order + "HBBI", data)
            if magic == 0xEB9F:
                break
        else:
            raise NotFound("this is no BTF")
        if version != 1:
            raise NotFound(f"BTF version {version} is not known")
        self.order = order
        self.data = data
        type_off, type_len, str_off, str_len = struct.unpack_from(order + "IIII", data, 8)
        self.strings = data[hdr_len + str_off:hdr_len + str_off + str_len]
        self.places = [None]            # by type id: where its record is
        self.stopped_at = None          # the first kind that is not known
        head = struct.Struct(order + "III")
        at, end = hdr_len + type_off, hdr_len + type_off + type_len
        while at < end:
            _, info, _ = head.unpack_from(data, at)
            kind = (info >> 24) & 0x1F
            if kind not in EXTRA:
                self.stopped_at = kind
                break
            self.places.append(at)
            fixed, each = EXTRA[kind]
            at += 12 + fixed + each * (info & 0xFFFF)

    def name(self, offset):
        return self.strings[offset:self.strings.index(b"\0", offset)].decode()

    def record(self, ident):
        """(name, kind, vlen, kind flag, size or type, where the rest is)"""
        if not 0 < ident < len(self.places):
            raise NotFound(f"type {ident} lies beyond the kind {self.stopped_at}, which is not known")
        at = self.places[ident]
        name, info, size = struct.unpack_from(self.order + "III", self.data, at)
        return self.name(name), (info >> 24) & 0x1F, info & 0xFFFF, info >> 31, size, at + 12

    def size_of(self, ident):
        """(size, signed) of a type; signed only of integers."""
        while True:
            _, kind, _, _, size, rest = self.record(ident)
            if kind in (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG):
                ident = size
            elif kind == ARRAY:
                element, _, count = struct.unpack_from(self.order + "III", self.data, rest)
                return self.size_of(element)[0] * count, False
            elif kind == INT:
                encoding, = struct.unpack_from(self.order + "I", self.data, rest)
                return size, bool((encoding >> 24) & 1)
            else:
                return size, False

    def members(self, name):
        """(size, [Member]) of struct `name`."""
        wanted = name.encode()
        for ident in range(1, len(self.places)):
            at = self.places[ident]
            offset, info, size = struct.unpack_from(self.order + "III", self.data, at)
            if (info >> 24) & 0x1F != STRUCT:
                continue
            if not self.strings.startswith(wanted + b"\0", offset):
                continue
            found = []
            for i in range(info & 0xFFFF):
                n, kind, bits = struct.unpack_from(self.order + "III", self.data, at + 12 + 12 * i)
                if info >> 31:
                    bits &= 0xFFFFFF
                found.append(Member(self.name(n), bits // 8, *self.size_of(kind)))
            return size, found
        raise NotFound(
            f"no struct {name}" + (f" before kind {self.stopped_at}, which is not known" if self.stopped_at else "")
        )
