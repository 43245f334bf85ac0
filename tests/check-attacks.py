#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds docs/attacks.md to the tree: each row names the files that hold the attack, and tests
that show it, and all of them exist. SECURITY.md refers to the page.

    check-attacks.py                checks the page
    check-attacks.py --self-test    checks that each fault is found
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = "docs/attacks.md"

# A test: its file below tests/, and its name; a fuzz target is a file alone.
TEST = re.compile(r"^([\w/]+\.(?:py|c)):(\w+)$")
FUZZ_TARGET = re.compile(r"^fuzz/fuzz_\w+\.c$")


def test_fault(word):
    """The fault in the name of a test; None if there is no fault."""
    if FUZZ_TARGET.match(word):
        return None if (ROOT / "tests" / word).exists() else "there is no such fuzz target"
    found = TEST.match(word)
    if not found:
        return "this is no name of a test, such as kernel/test_owner.py:test_in_a_hurry"
    path, name = ROOT / "tests" / found[1], found[2]
    if not path.exists():
        return "there is no such file"
    begin = "def" if path.suffix == ".py" else "static void"
    return None if re.search(rf"^{begin} {name}\(", path.read_text(), re.M) else "there is no such test"


def row_faults(cells):
    """(word, fault) of each fault of a row: the attack, what holds it, the tests."""
    if len(cells) != 3:
        yield " | ".join(cells), "a row has an attack, what holds it, and tests"
        return
    holders, tests = (re.findall(r"`([^`]+)`", cell) for cell in cells[1:])
    if not holders or not tests:
        yield cells[0], "a row names files and tests"
    for path in holders:
        if "/" in path and not (ROOT / path).exists():
            yield path, "there is no such file"
    for word in tests:
        fault = test_fault(word)
        if fault:
            yield word, fault


def page_faults(text):
    """(line, word, fault) of each fault."""
    n_rows = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("| ") or line.startswith(("| attack |", "|---")):
            continue
        n_rows += 1
        for word, fault in row_faults([cell.strip() for cell in line.strip("|").split("|")]):
            yield number, word, fault
    if n_rows == 0:
        yield 1, PAGE, "the page has no rows"


SELF_TEST = {
    "| a | `broker/policy/policy.c` | `kernel/test_owner.py:test_in_a_hurry` |": 0,
    "| a | `broker/policy/policy.c` | `unit/policy/test_policy.c:test_view`, `fuzz/fuzz_join.c` |": 0,
    "| a | `broker/policy/nothing.c` | `kernel/test_owner.py:test_in_a_hurry` |": 1,
    "| a | `broker/policy/policy.c` | `kernel/test_owner.py:test_nothing` |": 1,
    "| a | `broker/policy/policy.c` | `kernel/test_nothing.py:test_a` |": 1,
    "| a | `broker/policy/policy.c` | `fuzz/fuzz_nothing.c` |": 1,
    "| a | `broker/policy/policy.c` | somebody tried it |": 1,
    "| a | `broker/policy/policy.c` |": 1,
    "no rows": 1,
}


def main():
    if sys.argv[1:] == ["--self-test"]:
        wrong = [text for text, due in SELF_TEST.items() if len(list(page_faults(text))) != due]
        print("\n".join(wrong) or f"{len(SELF_TEST)} examples")
        return 1 if wrong else 0
    faults = [f"{PAGE}:{line}: {word}: {fault}" for line, word, fault in page_faults((ROOT / PAGE).read_text())]
    if PAGE not in (ROOT / "SECURITY.md").read_text():
        faults.append(f"SECURITY.md: the reference to {PAGE} is missing")
    print("\n".join(faults) or "all files and tests exist")
    return 1 if faults else 0


sys.exit(main())
