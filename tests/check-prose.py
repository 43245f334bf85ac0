#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds every text that a person reads against the plain-English rules.

The texts are comments in C, .proto, Python, shell, meson and unit files,
messages in C, Markdown, and manual pages. CONTRIBUTING.md explains the rules.

    check-prose.py                checks the tree, and the subjects of commits
    check-prose.py PATH...        checks exactly these files and folders
    check-prose.py --self-test    checks that each pattern finds its example
"""

import ast
import io
import pathlib
import re
import subprocess
import sys
import textwrap
import tokenize

ROOT = pathlib.Path(__file__).resolve().parents[1]

# Texts whose sentences have at most MAX_WORDS words: names with a slash are from the root.
MEASURED = re.compile(r"^(README|SECURITY|CONTRIBUTING|NEWS)\.md$|^docs/.*\.(md|[1-8])$|\.proto$|^include/.*\.h$")
MAX_WORDS = 25
HASH_SUFFIXES = (".in", ".socket", ".conf", ".sh", ".bash-completion")
IGNORED = r"(^|/)(build[^/]*|\.[^/]+|__pycache__|corpus|data|subprojects|node_modules|dist)/|^LICENSE$"
MAX_SUBJECT = 72
# The history before this commit is not held to any rule.
OLD_HISTORY = "eb54670"
# Published commits that came before the check.
EXEMPT = ["a60280e"]

BE = r"\b(?:is|are|was|were|be|been|becomes?|became|stays?)(?: not| also| then| still| all)?"
END = r"(?=\s*[.,;:)]|\s*$|\s+(?:that|which|who|and|or|too|but|if|unless|until|alone|at|in|from|to)\b)"
HEADLESS = r"(?:who|whom|whose|what|which|whoever|whatever|that which|those|of (?:those|these|them|what|whom))\b"

# A sentence begins with a capital, a mark, or a name such as tb_next().
SENTENCE_END = r"(?<!e\.g)(?<!i\.e)[.!?][\"')\]*]*\s+(?=[^a-z\s]|[a-z]+[_(.])"

# Name: (regular expression over a sentence, remedy). Case counts where (?i) is absent.
PATTERNS = {
    "P1": (rf"(?i)^{HEADLESS}[^?]*$|; {HEADLESS}[^?]*$", "begin with a noun, not with a relative"),
    "P2": (
        rf"(?i)\b(?:that|those|the same) of\b|\b(?:is|are|was|were) (?:one|ones|none){END}|\bas such\b"
        rf"|\bsuch (?:is|are|was|were|has|have|ones?)\b|\bthe (?:former|latter)\b(?! \w+s?\b)",
        "repeat the noun instead of the pronoun",
    ),
    "P3": (r"(?i)\b(?:un)?(?:tell|tells|told|telling)\b", "say send, report, emit, log, print, return or distinguish"),
    "P4": (
        rf"(?i){BE} (?:(?:the|a|an|its|their|our|one|some|any) )?\w+(?:'s|s'){END}"
        rf"|{BE} of\b(?! (?:type|the form|no use|use|size))|\bof (?:the |a |an )?\w+'s{END}",
        "use a verb: belongs to, owns, contains, matches",
    ),
    "P5": (
        r"(?i)^(?:of|that of|and|or|nor|but|so that|because|though|lest)\b",
        "write a sentence that begins with what",
    ),
    "P6": (
        r"(?i)\b(?:tired|rests|rested|resting|doubts?|doubtful|doubted|glances?|glanced|bury|buried|patience|impatient"
        r"|entrance|dearest|riddle|whomever|kinfolk|hearsay|heard of|in vain)\b|\b(?:hides?|hid) (?:itself|himself)\b"
        r"|\bis to be had\b|\bcan(?:not)? be had\b|\bcould not be had\b|\band its kin\b|\ba finding that\b",
        "use the standard term of the glossary",
    ),
}
# P5 holds for sentences; a cell or a message may be a fragment.
NOT_IN = {"P5": ["cell", "message"]}


class Block:
    """A paragraph, with the line that each part of it stands in."""

    def __init__(self, kind, measured=True):
        self.kind, self.measured, self.parts = kind, measured, []

    def sentences(self):
        """Yields (line, sentence)."""
        text, starts = "", []
        for line, part in self.parts:
            starts.append((len(text), line))
            text += part.strip() + " "
        begin = 0
        for match in list(re.finditer(SENTENCE_END, text)) + [None]:
            sentence = text[begin:match.end() if match else None].strip()
            if sentence:
                yield max(s for s in starts if s[0] <= begin)[1], sentence
            begin = match.end() if match else begin


def paragraphs(lines, kind):
    """Yields the blocks of a comment, given as (line, text) without the comment's marks."""
    block = Block(kind)
    for line, text in lines:
        stripped = text.strip()
        if not stripped or stripped.startswith("SPDX-") or "clang-format o" in stripped:
            yield block
            block = Block(kind)
            continue
        column = re.match(r"\s+\S+(?: \S+)?\s{2,}(\S.*)", text)
        if column or re.match(r"[-*] |@\w+:|Return:|\d+\. ", stripped):
            yield block
            block = Block(kind, not stripped.startswith("Return:"))
            block.parts.append((line, re.sub(r"^(?:[-*] |@\w+: ?|Return: ?)", "", column[1] if column else stripped)))
        elif block.parts or not text.startswith("    "):
            block.parts.append((line, stripped))
    yield block


def marked(lines, mark, kind="comment"):
    """Yields the blocks of comments that begin with a mark, from (line, text); neighbours are one comment."""
    comment, last = [], 0
    for line, text in lines:
        match = re.match(rf"^(.*?)(?<!\S){mark}(?!!)( .*)?$", text)
        if not match:
            continue
        if line != last + 1 or match[1].strip():
            yield from paragraphs(comment, kind)
            comment = []
        comment.append((line, (match[2] or " ")[1:]))
        last = line if not match[1].strip() else 0
    yield from paragraphs(comment, kind)


def read_c(text):
    tokens = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
    literal, last = Block("message", False), -1
    for match in tokens.finditer(text):
        token, line = match[0], text.count("\n", 0, match.start()) + 1
        if token.startswith("/*"):
            body = [re.sub(r"^\s*\* ?", "", part) for part in token[2:-2].split("\n")]
            body[0] = body[0].strip()
            yield from paragraphs(list(enumerate(body, line)), "comment")
        elif token.startswith('"'):
            if not re.fullmatch(r"\s*(?:\w+\s*)?", text[last:match.start()]):
                yield literal
                literal = Block("message", False)
            for i, part in enumerate(re.split(r"\\n", token[1:-1])):
                if i:
                    yield literal
                    literal = Block("message", False)
                literal.parts.append((line, part))
            last = match.end()
    yield literal
    # Neighbouring comments of one line each are one text.
    plain = tokens.sub(lambda m: m[0] if m[0].startswith("//") else re.sub(r"[^\n]", "x", m[0]), text)
    yield from marked(enumerate(plain.splitlines(), 1), "//")


def read_python(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            first, *rest = ast.get_docstring(node, False).split("\n")
            # the first line has no indentation, the others have the function's
            lines = [first, *textwrap.dedent("\n".join(rest)).split("\n")]
            yield from paragraphs(list(enumerate(lines, node.body[0].lineno)), "comment")
    comments = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.COMMENT]
    yield from marked([(t.start[0], ("x " if t.line[:t.start[1]].strip() else "") + t.string) for t in comments], "#")


def read_hash(text):
    yield from marked(enumerate(text.splitlines(), 1), "#")


def read_markdown(text):
    block, fenced = Block("text"), False
    for line, part in enumerate(text.splitlines(), 1):
        stripped = part.strip()
        item = re.match(r"\s*(?:[-*]|\d+\.)\s+(.*)", part)
        if stripped.startswith("```"):
            fenced = not fenced
        if fenced or not stripped or re.match(r"[#|`]", stripped) or item:
            yield block
            block = Block("text")
        code = part.startswith("    ") and not block.parts and not item
        if fenced or not stripped or stripped.startswith("```") or code or re.match(r"!?\[[^]]*\]: ", stripped):
            continue
        if stripped.startswith("|"):
            for cell in stripped.strip("|").split("|"):
                block = Block("cell", False)
                block.parts.append((line, cell))
                yield block
            block = Block("text")
        else:
            block.parts.append((line, re.sub(r"^#+ ", "", item[1] if item else stripped)))
    yield block


MDOC_NAMES = r"(?<!\S)(?:Fl|Cm|Ar|Va|Dv|Pa|Xr|Ev|Li|Em|Sy|Nm|Sx|Er|Dq|Sq|Pq|Ql|Vt)(?!\S)"


def read_manual(text):
    block, literal = Block("text"), False
    for line, part in enumerate(text.splitlines(), 1):
        macro, _, rest = part.partition(" ")
        literal = part.startswith(".Bd -literal") or (literal and macro != ".Ed")
        if literal or not part.strip() or re.match(r"\.(?:S[hs]|Pp|It|[BE][ld]|Nd|D[dlt]|O[ops])$", macro):
            yield block
            if not literal and (macro in (".Sh", ".Ss", ".Nd") or " Ta " in part):
                for cell in rest.split(" Ta "):
                    block = Block("cell", False)
                    block.parts.append((line, cell))
                    yield block
            block = Block("text")
        elif not macro.startswith("."):
            block.parts.append((line, part))
        elif not macro.startswith((".\\", ".P")) or macro in (".Pq", ".Pa"):
            bare = re.sub(r"\s+([.,;:)])", r"\1", re.sub(MDOC_NAMES, "", rest)).strip()
            code = re.fullmatch(r"(.*?)([.,;:)]*)", bare)
            marks = {".Dq": '""', ".Pq": "()"}.get(macro, "``")
            block.parts.append((line, marks[0] + (code[1] or "NAME") + marks[1] + code[2]))
    yield block


def clean(sentence):
    """The sentence as it is read: without marks, code and names of files."""
    sentence = re.sub(r"\\f[A-Z]|\\&|\*\*|(?<!\w)_|_(?!\w)", "", sentence).replace("\\-", "-").replace("\\(aq", "'")
    sentence = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", sentence)
    sentence = re.sub(r"`[^`]*`", "CODE", sentence)
    return re.sub(r"\S*(?:/\w|\w\.(?:c|h|py|md|proto)\b|\w\(\))\S*", "NAME", sentence)


def words(sentence):
    """Counts the words of a sentence; a list of names, with a description of each in brackets, is one word."""
    sentence = re.sub(r"(CODE|NAME) \([^()]*\)", r"\1", sentence)
    sentence = re.sub(r"(?:[\w*\"'.=-]+, ){2,}(?:(?:[\w*\"'.=-]+ )?(?:and|or) )?[\w*\"'.=-]+", "LIST", sentence)
    return len(re.findall(r"[^\s]*\w[^\s]*", sentence))


def check_blocks(blocks, measured):
    """Yields (line, pattern, remedy, sentence) for each offence."""
    for block in blocks:
        if block.kind == "message" and len(re.findall(r"[A-Za-z]{2,}", " ".join(p for _, p in block.parts))) < 3:
            continue
        for line, sentence in block.sentences():
            text = clean(sentence)
            for name, (pattern, remedy) in PATTERNS.items():
                if block.kind not in NOT_IN.get(name, []) and re.search(pattern, text):
                    yield line, name, remedy, sentence
            if measured and block.measured and words(text) > MAX_WORDS:
                yield line, "P7", f"{words(text)} words, at most {MAX_WORDS}", sentence


def reader_of(path):
    if path.suffix in (".c", ".h", ".inc", ".proto"):
        return read_c
    if path.suffix == ".py":
        return read_python
    if path.suffix == ".md":
        return read_markdown
    if re.fullmatch(r"\.[1-8]", path.suffix):
        return read_manual
    if path.name in ("meson.build", "meson_options.txt") or path.suffix in HASH_SUFFIXES:
        return read_hash
    with open(path, "rb") as file:
        return read_hash if file.read(64).startswith((b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash")) else None


def files(paths):
    for path in paths:
        inside = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        for file in inside:
            name = file.resolve().relative_to(ROOT).as_posix() if ROOT in file.resolve().parents else file.as_posix()
            if not re.search(IGNORED, name):
                yield name, file


def check_subject(subject):
    """Returns the fault of a commit's subject, or None."""
    if len(subject) > MAX_SUBJECT:
        return f"{len(subject)} characters, at most {MAX_SUBJECT}"
    imperative = rf"(?!(?i:the|a|an|it|there|no|each|every)\b|(?i:{HEADLESS}))\S"
    if not re.match(rf"(?:Revert |Merge |[\w./{{}}*, -]+: {imperative})", subject):
        return "has the form `dir/module: imperative`"
    return None


def commits():
    """(hash, subject) of each commit that the rules hold for; none without the history."""
    git = ["git", "-C", str(ROOT), "-c", "safe.directory=*"]
    try:
        if subprocess.run(git + ["merge-base", "--is-ancestor", OLD_HISTORY, "HEAD"], capture_output=True).returncode:
            return []
        log = subprocess.run(git + ["log", "--format=%h %s", f"{OLD_HISTORY}..HEAD"], capture_output=True, text=True)
    except OSError:
        return []
    return [line.split(" ", 1) for line in log.stdout.splitlines() if not line.startswith(tuple(EXEMPT))]


CASES = [
    # (file, text, patterns that must be found)
    ("a.c", "/* Who falls behind waits. */", {"P1"}),
    ("a.c", "/* A client reads. What it lost is counted. */", {"P1"}),
    ("a.c", "/* A client that falls behind waits for the next sample. */", set()),
    ("a.proto", "// What is this?", set()),
    ("a.proto", "// The request's id, or that of\n// the reply.", {"P2"}),
    ("a.py", '"""It returns a process, and 0 is none."""', {"P2"}),
    ("a.py", 'def f():\n    """\n    The broker\n    tells it.\n    """\n', {"P3"}),
    ("a.py", "# The result is one of three kinds; the id is the request's id.", set()),
    ("a.c", 'log_error("the client is told of %u events", n);', {"P3"}),
    ("a.c", 'log_error("the broker reports "\n          "%u lost events", n);', set()),
    ("a.c", 'puts("told");', set()),
    ("a.sh", "#!/bin/sh\n# The file is root's.", {"P4"}),
    ("a.sh", "#!/bin/sh\n# The feed is of all tasks.", {"P4"}),
    ("a.sh", "#!/bin/sh\n# Root owns the file, which is root's own copy.", set()),
    ("a.h", "int n; /* of the request */", {"P5"}),
    ("a.h", "int n; /* the request's number */", set()),
    ("meson.build", "x = 1 # The user rests.", {"P6"}),
    ("meson.build", "x = 1 # The rest of the users is throttled.", set()),
    ("a.md", "a " * 26 + "end.", {"P7"}),
    ("a.md", "A a" + " a" * 18 + " end. A" + " a" * 18 + " end.", set()),
    ("a.md", "It has fork, exec, exit, `comm` and uid events, " + "a " * 18 + "end.", set()),
    ("a.md", "| whose | users are told |\n\n    Who told\n\n```\nWho told\n```", {"P1", "P3"}),
    ("a.8", ".It Fl x\nTells\n.Va that\nof nothing.\n.Bd -literal\nWho told\n.Ed", {"P3"}),
    ("a.8", ".Sh NAMES\nThe kernel's option\n.Fl x\nenables it.", set()),
]
SUBJECTS = [
    ("broker/tasks: report each exit once", True),
    ("check, tests/unit: run the tests twice", True),
    ("README: " + "a" * 65, False),
    ("broker/tasks: who ends is reported", False),
    ("fix the tests", False),
]


def self_test():
    failed = 0
    for name, text, expected in CASES:
        found = {p for _, p, _, _ in check_blocks(reader_of(pathlib.Path(name))(text), name.endswith((".md", ".8")))}
        if found != expected:
            print(f"self-test: {name} with {text!r}: {found or '{}'}, not {expected or '{}'}", file=sys.stderr)
            failed += 1
    for subject, good in SUBJECTS:
        if (check_subject(subject) is None) != good:
            print(f"self-test: subject {subject!r} is {'not ' if good else ''}accepted", file=sys.stderr)
            failed += 1
    print(f"{len(CASES) + len(SUBJECTS)} cases, {failed} failed")
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    given = [pathlib.Path(p) for p in sys.argv[1:]]
    n, offences = 0, 0
    for name, path in files(given or [ROOT]):
        reader = reader_of(path)
        if not reader:
            continue
        n += 1
        blocks = reader(path.read_text(errors="replace"))
        for line, pattern, remedy, text in check_blocks(blocks, MEASURED.search(name)):
            print(f"{name}:{line}: {pattern} ({remedy}): {text}", file=sys.stderr)
            offences += 1
    for commit, subject in [] if given else commits():
        wrong = check_subject(subject)
        if wrong:
            print(f"{commit}: subject ({wrong}): {subject}", file=sys.stderr)
            offences += 1
    print(f"{n} files read, {offences} offences")
    return 1 if offences or not n else 0


if __name__ == "__main__":
    sys.exit(main())
