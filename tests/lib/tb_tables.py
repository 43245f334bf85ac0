# SPDX-License-Identifier: Apache-2.0
"""
The tables of proto/ as Python reads them: the rows of an X-macro list.

A list is `#define NAME(X)` and, behind it, rows `X(column, column, ...)` until the first
line without a backslash at its end. The columns are named by the comment of the file that
says `X(column, column, ...)`. tests/check-fields.py holds the .proto files and the public
header to these rows.
"""

import collections
import pathlib
import re

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def columns(text):
    """The columns of a row: split at commas outside of quotes and parentheses."""
    out, depth, quoted, start = [], 0, False, 0
    for at, c in enumerate(text + ","):
        if c == '"':
            quoted = not quoted
        elif not quoted and c in "()":
            depth += 1 if c == "(" else -1
        elif not quoted and not depth and c == ",":
            out.append(" ".join(text[start:at].split()).strip('"'))
            start = at + 1
    return out


def rows_of(text, name, may_be_empty=False):
    """The rows of the list @name in the file's @text, each a named tuple."""
    match = re.search(rf"^#define {name}\((\w+)\)((?:.*\\\n)*.*\n)", text, re.M)
    if not match:
        raise ValueError(f"there is no list {name}")
    letter, body = match.group(1), match.group(2).replace("\\\n", "\n")
    names = re.search(rf"^ \* {letter}\(([\w, \n*]+)\)", text, re.M)
    if not names:
        raise ValueError(f"no comment names the columns of {letter}()")
    row = collections.namedtuple(name.title().replace("_", ""), re.sub(r"[ \n*]+", "", names.group(1)))
    found, at = [], 0
    while (at := body.find(f"{letter}(", at)) >= 0:
        end, depth, quoted = at + len(letter) + 1, 1, False
        while depth:
            if body[end] == '"':
                quoted = not quoted
            elif not quoted:
                depth += {"(": 1, ")": -1}.get(body[end], 0)
            end += 1
        found.append(row(*columns(body[at + len(letter) + 1 : end - 1])))
        at = end
    if not found and not may_be_empty:
        raise ValueError(f"the list {name} has no rows")
    return found


def rows(file, name, may_be_empty=False):
    return rows_of((PROTO / file).read_text(), name, may_be_empty)
