#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Holds the C code to the sizes and names of the house style.

- A .c file of the product has at most 450 lines, a function at most 60.
- Control statements nest at most 3 deep, in tests 4.
- A line has at most 120 columns.
- Counting up as a statement is `++i`, not `i++`.
- File names have underscores, not dashes.
- The name of a non-static function begins with the name of its file, or with a leading
  part of that: live_values.c can have live_total(), which reads the object Live.
- tests/unit/LAYER/test_FILE.c, or test_FILE_ASPECT.c, names a file of its layer.

    check-sizes.py [SOURCE_ROOT]    prints offences, exits 1 if there are any
    check-sizes.py --self-test      plants offences and expects to find each
"""

import pathlib
import re
import sys
import tempfile

MAX_FILE = 450
MAX_FUNCTION = 60
MAX_NESTING = 3
MAX_NESTING_OF_TESTS = 4
MAX_COLUMNS = 120

PRODUCT = ["broker", "clients", "include", "proto"]
FOLDERS = PRODUCT + ["tests"]
IGNORED = re.compile(r"(^|/)(corpus|data|build[^/]*)/")

# Functions that may have another prefix than their file: (files, names, reason).
NAMES = [
    (r".*", r"main", "C calls it main()"),
    (r"clients/lib/.*", r"tb_\w+", "the public library has one prefix"),
    (r"clients/lib/decode.*", r"decoder_\w+", "the object is called Decoder"),
    (r"broker/policy/quota\.c", r"charge_\w+", "a Charge holds a part of a Quota, and needs its inside"),
    (r"broker/policy/policy\.c", r"rights_\w+", "Rights are made of a Policy"),
    (r"broker/model/taskstats\.c", r"task_stats_\w+", "the type is TaskStats; the file has the kernel's name"),
    (r"clients/cli/.*", r"verb_\w+", "main() finds a verb by verb_NAME"),
    (r"tests/fuzz/.*", r"LLVMFuzzer\w+", "libFuzzer's name"),
]

KEYWORDS = {"if", "for", "while", "switch"}
TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|->|\+\+|--|[{}()\[\];:?,=]|[^\sA-Za-z_0-9]")


def strip(text):
    """The text with the content of comments, strings and preprocessor lines blanked; line breaks stay."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    text = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def functions(lines):
    """Yields (name, is_static, first line, last line) of each function: they begin and end in column 1."""
    begin = None
    for number, line in enumerate(lines):
        if begin is None and re.match(r"[A-Za-z_]", line) and not re.match(r"(typedef|struct|enum|union|extern)\b[^(]*$", line):
            begin = number
        if begin is not None and line.rstrip().endswith(";") and "{" not in line and not line.startswith(" "):
            begin = None
        elif begin is not None and re.search(r"\)[^;={}]*\{\s*$", line):
            head = " ".join(lines[begin : number + 1])
            head = re.sub(r"__attribute__\s*\(\(.*?\)\)", " ", head)
            # a macro in capitals can stand before the name
            match = re.search(r"\b(?![A-Z_0-9]+\s*\()([A-Za-z_]\w*)\s*\(", head)
            end = next((i for i in range(number, len(lines)) if lines[i].startswith("}")), None)
            if match and end is not None:
                yield match.group(1), bool(re.search(r"\bstatic\b", head)), begin, end
            begin = None
        elif begin is not None and (line.startswith("}") or re.search(r"[={]\s*$", line) or line.rstrip().endswith(";")):
            begin = None


class Nesting:
    """How deep the control statements of a function's body nest."""

    def __init__(self, text):
        self.tokens = TOKEN.findall(text)
        self.at = 0
        self.deepest = 0
        while self.at < len(self.tokens):
            self.statement(0)
            # an #else branch of the preprocessor can close a brace twice
            self.at += self.peek() == "}"

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def skip_brackets(self):
        depth = 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            depth += (token in "([{") - (token in ")]}")
            self.at += 1
            if depth == 0:
                return

    def statement(self, depth):
        self.deepest = max(self.deepest, depth)
        token = self.peek()
        if token == "{":
            self.at += 1
            while self.peek() not in (None, "}"):
                self.statement(depth)
            self.at += 1
        elif token in KEYWORDS:
            self.at += 1
            self.skip_brackets()
            self.statement(depth + 1)
            if token == "if" and self.peek() == "else":
                self.at += 1
                # `else if` is not one level more
                self.statement(depth if self.peek() == "if" else depth + 1)
        elif token == "do":
            self.at += 1
            self.statement(depth + 1)
        elif token in ("case", "default"):
            while self.peek() not in (None, ":"):
                self.at += 1
            self.at += 1
        else:
            self.simple(depth)

    def simple(self, depth):
        """To the semicolon; a macro such as list_for_each() is followed by a statement instead."""
        begin = self.at
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token in ("(", "[", "{"):
                self.skip_brackets()
                if self.at == begin + 1 or token != "(" or not re.match(r"\w+_for_each\w*$", self.tokens[begin]):
                    continue
                return self.statement(depth + 1)
            if token == "}":
                return None
            self.at += 1
            if token == ";":
                return None
        return None


def check_names(name, functions_found):
    stem = pathlib.PurePath(name).stem
    # The file for builds without a library has the functions of the file that it stands for.
    stem = stem.removesuffix("_fallback")
    words = stem.split("_")
    prefixes = ["_".join(words[:n]) for n in range(1, len(words) + 1)]
    # metrics.c has the functions of one metric too
    prefixes += [prefix[:-1] for prefix in prefixes if prefix.endswith("s")]
    for function, is_static, first, _ in functions_found:
        if is_static or any(function == prefix or function.startswith(prefix + "_") for prefix in prefixes):
            continue
        if not any(re.fullmatch(files, name) and re.fullmatch(names, function) for files, names, _ in NAMES):
            yield f"{name}:{first + 1}: {function}() does not begin with {stem}_"


def check_file(name, text):
    """Yields one line per offence."""
    lines = text.splitlines()
    code = strip(text)
    code_lines = code.splitlines()
    product = name.startswith(tuple(folder + "/" for folder in PRODUCT))
    found = list(functions(code_lines))

    if "-" in pathlib.PurePath(name).name:
        yield f"{name}: the name has a dash"
    if product and name.endswith(".c") and len(lines) > MAX_FILE:
        yield f"{name}: {len(lines)} lines"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield f"{name}:{number}: {len(line)} columns"
    for number, line in enumerate(code_lines, 1):
        if re.search(r"\bfor\s*\(.*;.*[;,]\s*[\w.\[\]>*()-]+(\+\+|(?<!-)--)\s*\)", line) or re.match(
            r"\s*[\w.\[\]>-]+(\+\+|(?<!-)--);", line
        ):
            yield f"{name}:{number}: counts in the form i++"
    for function, _, first, last in found:
        if last - first + 1 > MAX_FUNCTION:
            yield f"{name}:{first + 1}: {function}() has {last - first + 1} lines"
        head = next(i for i in range(first, last + 1) if code_lines[i].rstrip().endswith("{"))
        deepest = Nesting("\n".join(code_lines[head + 1 : last])).deepest
        if deepest > (MAX_NESTING if product else MAX_NESTING_OF_TESTS):
            yield f"{name}:{first + 1}: {function}() nests {deepest} deep"
    if product and name.endswith(".c"):
        yield from check_names(name, found)


def sources(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix in (".c", ".h") and path.is_file() and not IGNORED.search(name):
                yield name, path


def check_place(name, files):
    """A unit test and the file that it tests find each other by their names."""
    match = re.fullmatch(r"tests/unit/(\w+)/test_(\w+)\.c", name)
    if not match:
        return
    layer, words = match[1], match[2].split("_")
    folder = {"lib": "clients/lib", "cli": "clients/cli", "proto": "proto"}.get(layer, f"broker/{layer}")
    stems = {pathlib.PurePath(file).stem for file in files if file.startswith(folder + "/")}
    if not any("_".join(words[:n]) in stems for n in range(1, len(words) + 1)):
        yield f"{name}: names no file of {folder}"


def check(root):
    found = dict(sources(root))
    for name, path in found.items():
        yield from check_file(name, path.read_text(errors="replace"))
        yield from check_place(name, found)


def self_test():
    def function(name, lines, static=""):
        return f"{static}int {name}(void) {{\n" + "        return 0;\n" * (lines - 2) + "}\n"

    def nested(*heads):
        text = "static int a_b(int x) {\n"
        for i, head in enumerate(heads, 1):
            text += " " * 8 * i + head + "\n"
        return text + " " * 8 * (len(heads) + 1) + "return 1;\n" + " }" * sum("{" in h for h in heads) + "\n        return 0;\n}\n"

    # (file, text, is it an offence)
    cases = [
        ("broker/base/a.c", function("a_run", 60), False),
        ("broker/base/a.c", function("a_run", 61), True),
        ("broker/base/a.c", function("b_run", 5), True),
        ("broker/base/a.c", function("a", 5), False),
        ("broker/base/a.c", function("ab_run", 5), True),
        ("broker/base/a.c", function("b_run", 5, "static "), False),
        ("broker/base/a_values.c", function("a_run", 5), False),
        ("broker/base/a_values.c", function("a_value_run", 5), False),
        ("broker/base/a_values.c", function("value_run", 5), True),
        ("broker/base/a.c", "PB(Thing) *a_run(void) {\n}\n", False),
        ("broker/base/a.c", "PB(Thing) *b_run(void) {\n}\n", True),
        ("broker/base/a.c", "__attribute__((__noreturn__)) static int b_run(void) {\n}\n", False),
        ("broker/base/a.c", "Thing *b_run(int x,\n            int y) {\n        return 0;\n}\n", True),
        ("broker/base/a_fallback.c", function("a_run", 5), False),
        ("broker/base/a.c", function("main", 5), False),
        ("broker/base/a.c", function("tb_run", 5), True),
        ("clients/lib/a.c", function("tb_run", 5), False),
        ("clients/cli/ps/ps.c", function("verb_ps", 5), False),
        ("tests/unit/a.c", function("run", 5), False),
        ("broker/base/a-b.c", "", True),
        ("tests/unit/a-b.h", "", True),
        ("tests/unit/base/test_other_file.c", "", False),
        ("tests/unit/base/test_other_file_in_a_storm.c", "", False),
        ("tests/unit/base/test_other.c", "", True),
        ("tests/unit/model/test_other_file.c", "", True),
        ("broker/base/a.c", "int x;\n" * 450, False),
        ("broker/base/a.c", "int x;\n" * 451, True),
        ("tests/unit/a.c", "int x;\n" * 451, False),
        ("broker/base/a.h", "x" * 120, False),
        ("broker/base/a.h", "x" * 121, True),
        ("broker/base/a.c", nested("if (x) {", "for (;;) {", "while (x)"), False),
        ("broker/base/a.c", nested("if (x) {", "for (;;) {", "while (x)", "if (x)"), True),
        ("tests/unit/a.c", nested("if (x) {", "for (;;) {", "while (x)", "if (x)"), False),
        ("tests/unit/a.c", nested("if (x) {", "for (;;) {", "while (x)", "if (x)", "do {"), True),
        ("broker/base/a.c", nested("list_for_each(a, b, c)", "for (;;)", "while (x)", "if (x)", "switch (x) {"), True),
        ("broker/base/a.c", nested("x = (T){ 1 };", "y = ({ 1; });", "/* if (x) { */", "if (x) {", "if (x)", "if (x)"), False),
        ("broker/base/a.c", nested("if (x)", "return 1;", "else if (x)", "return 2;", "else if (x)", "return 3;"), False),
        ("broker/base/a.c", "static void a_b(void) {\n        for (int i = 0; i < 3; i++)\n                ;\n}\n", True),
        ("broker/base/a.c", "static void a_b(void) {\n        for (int i = 3; i > 0; i--)\n                ;\n}\n", True),
        ("broker/base/a.c", "static void a_b(void) {\n        for (int i = 0; i < 3; ++i)\n                ;\n}\n", False),
        ("broker/base/a.c", "static void a_b(void) {\n        x->n[1]++;\n}\n", True),
        ("broker/base/a.c", "static void a_b(void) {\n        x[n++] = 1;\n}\n", False),
        ("broker/base/a.c", '/* i++; */\nconst char *a = "for (;; i++)";\n', False),
    ]
    failed = 0
    for name, text, bad in cases:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / name
            path.parent.mkdir(parents=True)
            path.write_text(text)
            other = pathlib.Path(directory) / "broker/base/other_file.c"
            other.parent.mkdir(parents=True, exist_ok=True)
            other.touch()
            found = list(check(pathlib.Path(directory)))
        if bool(found) != bad:
            print(f"self-test: {name} with {text[:120]!r}: {'not found' if bad else found}", file=sys.stderr)
            failed += 1
    print(f"{len(cases)} cases, {failed} failed")
    return 1 if failed else 0


def main():
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        return self_test()
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parents[1]
    offences = list(check(root))
    for offence in offences:
        print(offence, file=sys.stderr)
    n = sum(1 for _ in sources(root))
    print(f"{n} files read, {len(offences)} offences")
    if not n:
        print(f"no sources below {root}", file=sys.stderr)
        return 1
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
