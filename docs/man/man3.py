#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Makes the manual pages of section 3 from the comments of the public header: taskbroker(3) from the
comment at its head, and a page for each function from the comment in front of it.

    man3.py HEADER --list                 prints the names of the files
    man3.py HEADER VERSION PAGE FOLDER    writes them, with the date of another page
    man3.py HEADER --check SYMBOLS        fails if an exported function has no page, or a page no text

The form of a comment: sentences, then `@name: text` for parameters, then `Return: text`. Two functions
without an empty line between them share a comment.
"""

import pathlib
import re
import sys

# a comment, and the declarations that follow it without an empty line
PIECE = re.compile(r"/\*\n?(?P<comment>(?:(?!\*/).)*)\*/\n(?P<declarations>(?:[^/#\n}{][^{}/]*?;\n)+)", re.S)
DECLARATION = re.compile(r"(?P<type>[^;(]*?[\s*])(?P<name>tb_\w+)\((?P<parameters>[^;]*)\);", re.S)

LIBRARY = [".Sh LIBRARY", "libtaskbroker (pkg-config: taskbroker)"]


def text_of(comment):
    """The lines of a comment without their frame."""
    lines = [re.sub(r"^ \* ?", "", line).rstrip() for line in comment.strip("\n").split("\n")]
    return "\n".join(lines).strip(" \n")


def escape(text):
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e"), flags=re.M)


def paragraphs(text):
    """Text as mdoc: code is what has more indent than the rest."""
    out = []
    for part in re.split(r"\n\n+", text):
        if not part.strip():
            continue
        if all(line.startswith("      ") for line in part.split("\n")):
            out += [".Bd -literal -offset 2n", escape(re.sub(r"^ {8}", "", part, flags=re.M)), ".Ed"]
        else:
            out += [".Pp", sentences(part)]
    return out


def sentences(text):
    """One sentence a line."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"@(\w+)", r"\1", text)
    return escape(re.sub(r"([.:]) (?=[A-Z])", r"\1\n", text))


class Page:
    def __init__(self, comment, functions):
        text = text_of(comment)
        text, _, self.returned = text.partition("Return:")
        found = re.split(r"^@(\w+): ", text, flags=re.M)
        self.parameters = []
        rest = [found[0]]
        for name, described in zip(found[1::2], found[2::2]):
            own, gap, after = described.partition("\n\n")
            self.parameters.append((name, own))
            rest.append(after)
        self.text = "\n\n".join(part for part in rest if part.strip())
        self.functions = functions
        # sentences about the value begin so when there is no more to say
        first = re.split(r"(?<=\.)\s", self.text.strip(), maxsplit=1)[0].rstrip(".")
        first = re.sub(r"\s+", " ", first).split(":")[0].split(";")[0]
        self.about = re.sub(r"@(\w+)", r"\1", first[:1].lower() + first[1:])

    def write(self, name, head, others):
        out = [*head(name.upper()), ".Sh NAME", f".Nm {name}", f".Nd {escape(self.about)}", *LIBRARY, ".Sh SYNOPSIS", ".In taskbroker/taskbroker.h"]
        for kind, function, parameters in self.functions:
            out += [f'.Ft "{kind}"', f".Fo {function}"]
            out += [f'.Fa "{parameter}"' for parameter in parameters]
            out.append(".Fc")
        out.append(".Sh DESCRIPTION")
        out += paragraphs(self.text)[1:] or [sentences(self.text)]
        if self.parameters:
            out += [".Pp", "The parameters:", ".Bl -tag -width Ds"]
            for parameter, text in self.parameters:
                out += [f".It Fa {parameter}", sentences(text)]
            out.append(".El")
        if self.returned:
            out += [".Sh RETURN VALUES", sentences(self.returned)]
        out.append(".Sh SEE ALSO")
        names = [*(f".Xr {other} 3" for other in others if other != name), ".Xr taskbroker 3"]
        return "\n".join([*out, *(line + " ," for line in names[:-1]), names[-1]]) + "\n"


def functions_of(declarations):
    for match in DECLARATION.finditer(declarations):
        kind = re.sub(r"\s+", " ", match["type"]).strip()
        parameters = re.sub(r"\s+", " ", match["parameters"]).split(", ")
        yield kind, match["name"], parameters


def pages_of(header):
    pages = {}
    for piece in PIECE.finditer(header):
        functions = list(functions_of(piece["declarations"]))
        page = Page(piece["comment"], functions)
        for _, name, _ in functions:
            pages[name] = page
    return pages


def overview(header, names, head):
    comment = text_of(re.search(r"#pragma once\n\n/\*\n(.*?)\*/", header, re.S)[1])
    _, _, first = comment.partition(": ")
    about, _, rest = first.partition("\n\n")
    out = [*head("TASKBROKER"), ".Sh NAME", ".Nm taskbroker", f".Nd {sentences(about).rstrip('.')}", *LIBRARY,
           ".Sh SYNOPSIS", ".In taskbroker/taskbroker.h", ".Pp", "cc program.c",
           ".Li `pkg-config --cflags --libs taskbroker`", ".Sh DESCRIPTION", *paragraphs(rest)[1:], ".Sh SEE ALSO"]
    links = [*(f".Xr {name} 3" for name in names), ".Xr taskbroker-protocol 7", ".Xr taskbrokerd 8"]
    return "\n".join([*out, *(line + " ," for line in links[:-1]), links[-1]]) + "\n"


def check(pages, symbols):
    """Returns the exported functions without a page, and the pages without a text."""
    exported = set(re.findall(r"^ +(tb_\w+);", symbols, re.M))
    return sorted(exported ^ set(pages)) + sorted(name for name, page in pages.items() if not page.text.strip())


def main():
    header = pathlib.Path(sys.argv[1]).read_text()
    pages = pages_of(header)
    if sys.argv[2] == "--list":
        print("\n".join(f"{name}.3" for name in ["taskbroker", *sorted(pages)]))
        return
    if sys.argv[2] == "--check":
        wrong = check(pages, pathlib.Path(sys.argv[3]).read_text())
        sys.exit(f"no manual page, or no text in it: {', '.join(wrong)}" if wrong else 0)
    version, dated, folder = sys.argv[2], pathlib.Path(sys.argv[3]).read_text(), pathlib.Path(sys.argv[4])
    date = re.search(r"^\.Dd .*", dated, re.M)[0]

    def head(title):
        return [".\\\" Made from taskbroker.h by man3.py.", date, f".Dt {title} 3", f".Os taskbroker {version}"]

    for name, page in pages.items():
        others = [function for _, function, _ in page.functions]
        (folder / f"{name}.3").write_text(page.write(name, head, others))
    (folder / "taskbroker.3").write_text(overview(header, sorted(pages), head))


if __name__ == "__main__":
    main()
