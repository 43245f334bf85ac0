#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds the manual pages against the programs: what --help knows is in the manual and
what is in the manual --help knows (options, columns, verbs), and each line of
`taskbroker status` is explained.

    check-manual.py DOCS TASKBROKERD TASKBROKER CLIENTS    CLIENTS has the sources of the command
"""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))

import tb_tables  # noqa: E402

errors = []

# Every verb has these options; the manual describes them once.
COMMON = {"-h", "--help", "--socket"}
# Options that select tasks; the manual describes them under Filters, for watch.
FILTERS = {f"--{row.option}" for row in tb_tables.rows("filter_criteria.h", "FILTER_CRITERIA")}


def differ(where, have, due, what):
    for name in sorted(due - have):
        errors.append(f"{where}: {what} {name} is missing")
    for name in sorted(have - due):
        errors.append(f"{where}: {what} {name} is in no --help")


def help_of(program, *verb):
    return subprocess.run([program, *verb, "--help"], check=True, capture_output=True, text=True).stdout


def help_options(text):
    """The options that lines begin with, as sets of names of the same."""
    found = []
    for line in text.split("Columns:")[0].splitlines():
        names = re.match(r"  +((?:-\w|--[\w-]+)(?:, --[\w-]+)*)", line)
        if names:
            found.append(frozenset(names.group(1).split(", ")))
    return found


def manual_options(lines, macros=(".It",)):
    """The names behind each Fl of an item, or of a synopsis' parts."""
    found = set()
    for line in lines:
        macro, *words = line.split(" ")
        if macro not in macros:
            continue
        flag = False
        for word in words:
            if word == "Fl":
                flag = True
            elif word in ("Ar", "Ns", "Op", "Oo", "Oc", "Cm"):
                flag = False
            elif flag and word not in (",", "|", "="):
                found.add("-" + word)
    return found


def manual_names(lines):
    """The names behind Cm of an item: `.It Cm a , b`."""
    found = set()
    for line in lines:
        if line.startswith(".It Cm "):
            found |= {name.strip() for name in line[len(".It Cm "):].split(" , ")}
    return found


def section(lines, title):
    begin = lines.index(title) + 1
    rest = lines[begin:]
    ends = [i for i, line in enumerate(rest) if line.startswith(".Sh") or line.startswith(".Ss")]
    return rest[:ends[0] if ends else len(rest)]


def synopsis(lines, verb):
    begin = lines.index(f".Cm {verb}") + 1
    return lines[begin:lines.index(".Nm", begin)]


def clusters(names, known):
    """-abc in a synopsis stands for -a -b -c."""
    out = set()
    for name in names:
        if not name.startswith("--") and name not in known and len(name) > 2:
            out |= {"-" + letter for letter in name[1:]}
        elif name != "--":
            out.add(name)
    return out


def check_verb(page, command, verb):
    text = help_of(command, verb)
    groups = help_options(text)
    due = set().union(*groups) - COMMON
    body = section(page, f".Ss {verb}")
    have = manual_options(body)
    if verb == "watch":
        have |= manual_options(section(page, ".Ss Filters"))
    # The manual describes the long forms of top by the options of watch.
    aliases = {"--uid", "--pid"} if verb == "top" else set()
    differ(f"taskbroker.1, {verb}", have | aliases, due, "option")

    have = clusters(manual_options(synopsis(page, verb), (".Op", ".Ar", ".Fl")), due)
    differ(f"taskbroker.1, synopsis of {verb}", have & due, have, "option")
    for group in groups:
        names = group - COMMON
        if names and not names & have and not (verb == "watch" and names <= FILTERS):
            errors.append(f"taskbroker.1, synopsis of {verb}: option {'/'.join(sorted(names))} is missing")

    if "Columns:" in text:
        columns = set(re.findall(r"^  ([\w]+) ", text.split("Columns:")[1], re.M))
        differ(f"taskbroker.1, {verb}", manual_names(body), columns, "column")


def check_own_page(path, command, verb):
    """A verb with a page of its own: all options stand in OPTIONS and in the synopsis."""
    page = path.read_text().splitlines()
    due = set().union(*help_options(help_of(command, verb))) - COMMON
    differ(path.name, manual_options(section(page, ".Sh OPTIONS")) - COMMON, due, "option")
    have = manual_options(section(page, ".Sh SYNOPSIS"), (".Op", ".Ar", ".Fl")) - COMMON
    for group in help_options(help_of(command, verb)):
        names = group - COMMON
        if names and not names & have:
            errors.append(f"{path.name}, synopsis: option {'/'.join(sorted(names))} is missing")
    differ(f"{path.name}, synopsis", have & due, have, "option")


def check_status(page):
    """Labels are taken from the table: a status has no lines that a broker could be asked to print."""
    due = {row.label for row in tb_tables.rows("status_counters.h", "STATUS_COUNTERS") if row.label}
    due |= {row.label for row in tb_tables.rows("status_counters.h", "STATUS_SOURCE_COUNTERS")}
    differ("taskbroker.1, status", manual_names(section(page, ".Ss status")), due, "line")


def main():
    docs, daemon, command, clients = (pathlib.Path(name) for name in sys.argv[1:])
    page = (docs / "man/taskbroker.1").read_text().splitlines()
    verbs = re.findall(r"^  (\w+) ", help_of(command).split("Options:")[0], re.M)
    described = [line.split()[1] for line in page if line.startswith(".Ss ")]
    for verb in verbs:
        if verb not in described:
            errors.append(f"taskbroker.1: verb {verb} is missing")
        elif (own := docs / f"man/taskbroker-{verb}.1").exists():
            check_own_page(own, command, verb)
        else:
            check_verb(page, command, verb)
    check_status(page)
    readme = (docs / "../README.md").read_text()
    for verb in verbs:
        if f"taskbroker {verb}" not in readme:
            errors.append(f"README.md: verb {verb} is missing")

    page = (docs / "man/taskbrokerd.8").read_text().splitlines()
    due = set(re.findall(r"--[\w-]+", "".join(line for line in help_of(daemon).splitlines(True) if line.startswith("  --"))))
    differ("taskbrokerd.8", manual_options(section(page, ".Sh OPTIONS")), due, "option")
    have = manual_options(section(page, ".Sh SYNOPSIS"), (".Op", ".Fl"))
    have |= {"-" + word for line in section(page, ".Sh SYNOPSIS") if line.startswith(".Fl ")
             for word in re.findall(r"-[\w-]+", line)}
    differ("taskbrokerd.8, synopsis", have, due, "option")
    table = set(re.findall(r"^\| `(--[\w-]+)", readme, re.M))
    differ("README.md", table & due, table, "option")

    for error in errors:
        print(error)
    return 1 if errors else 0


sys.exit(main())
