#!/usr/bin/env python3
"""mqtt_conformance.py [--check | --open]: which test shows which numbered statement of MQTT 3.1.1 and 5.0.

Reads the statements from tests/conformance/clauses.tsv and where the tests cite them, and writes
docs/mqtt-conformance.md. --check writes nothing: it fails when the page is stale, a statement has
neither test nor reason, or something cites a statement that does not exist. --open lists what is
without a test.

A test cites a statement as [MQTT-3.1.2-24] (3.1.1) or [MQTT5-3.1.2-22] (5.0), "[MQTT-3.2.2-1], -2"
for several of one section: in a comment directly above a function or table, within it, or in a row
of a table. It counts for each test that uses that function or table, also by way of others.
"""

import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLAUSES = ROOT / "tests/conformance/clauses.tsv"
PAGE = ROOT / "docs/mqtt-conformance.md"
ROWS_SHOWN = 3  # of a table, for one statement and test

CITE = re.compile(r"\[(MQTT5?)-(\d+\.\d+\.\d+)-(\d+)\]((?:,?(?: and)? -\d+(?![\d.]))*)")
ANY = re.compile(r"\[MQTT5?[-.][^\]]*\]")
OPEN = re.compile(r"MQTT5?-6\.")  # WebSocket, being built: may still be without a test
ROW = re.compile(r'^\s+\{"((?:[^"\\]|\\.)*)"')

HEADER = """# MQTT conformance

Each numbered statement of the two OASIS standards, [3.1.1][] and [5.0][], and the test that shows it;
or why there is none. Written by `scripts/mqtt_conformance.py` from
[clauses.tsv](../tests/conformance/clauses.tsv) and from what the tests cite; `make lint` fails when the
page is stale, a row is empty, or a test cites a statement that does not exist.

The ids are those of appendix B of either standard. What it prints as `[MQTT-3.1.2.7]` and
`[MQTT-3-8.3-4]` stands here as 3.1.2-7 and 3.8.3-4. In code and tests `MQTT-` is 3.1.1 and `MQTT5-` is
5.0, because both number from the start. The wording is ours and short: the standard alone tells what
is meant. A statement that binds the client is shown by what the broker does with a client that breaks
it, or by the bridge, which is a client. In brackets behind a test: rows of its table.

[3.1.1]: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html
[5.0]: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html
"""


class Clause:
    def __init__(self, name, binds, says, why=""):
        self.name, self.binds, self.says, self.why = name, binds, says, why
        self.tests = collections.OrderedDict()  # (file, test) -> names of rows


def read_clauses():
    """[(version, number, title, [Clause])] in the order of the file."""
    sections = []
    for line in CLAUSES.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if fields[0] == "=":
            sections.append((*fields[1:], []))
        else:
            sections[-1][3].append(Clause(*fields))
    return sections


def cites(text):
    for prefix, section, first, more in CITE.findall(text):
        for number in [first, *re.findall(r"\d+", more)]:
            yield f"{prefix}-{section}-{number}"


# ---- what a test file says ------------------------------------------------------------------------


def c_blocks(text):
    """The file's definitions: each a list of lines, with the comment directly above it."""
    block, above = [], []
    for line in text.splitlines():
        if not block and line.startswith("//"):
            above.append(line)
        elif not block and not line.strip():
            above = []
        else:
            block += [line]
            if (line.startswith("}") and line.rstrip().endswith((";", "}"))) or (
                    len(block) == 1 and line.rstrip().endswith((";", ">", '"'))) or (
                    line.startswith("#") and not line.endswith("\\")):
                yield above + block
                block, above = [], []


def c_name(lines):
    """What the block defines: a function or a table; None: something else."""
    head = "\n".join(lines).split("{")[0]
    if "=" not in head and (found := re.search(r"(\w+)\s*\(", re.sub(r"//.*", "", head))):
        return found[1]
    found = re.search(r"^(?:\}|static[^;{(]*?)\s*\b(\w+)\s*(?:\[[^\]]*\])?\s*=", "\n".join(lines),
                      re.M)
    return found[1] if found else None


def row_of(lines, at):
    """The name of the row that line `at` belongs to: a comment of its own speaks of the next one."""
    is_own = lines[at].lstrip().startswith("//")
    step = 1 if is_own else -1
    while 0 <= at < len(lines):
        if found := ROW.match(lines[at]):
            return found[1]
        if not lines[at].strip() or re.search(r"(\{|\};)$", lines[at]) and not is_own:
            return None
        at += step
    return None


def c_tests(path, is_fuzz):
    """(test, clause, row) of a C file."""
    blocks = {}
    for lines in c_blocks(path.read_text(encoding="utf-8")):
        if name := c_name(lines):
            code = re.sub(r'//.*|"(?:[^"\\]|\\.)*"', "", "\n".join(lines))
            found = [(clause, row_of(lines, at)) for at, line in enumerate(lines)
                     for clause in cites(line)]
            blocks[name] = (set(re.findall(r"\w+", code)), found)
    used = set()
    for test in blocks:
        if not (test == "LLVMFuzzerTestOneInput" if is_fuzz else test.startswith("test_")):
            continue
        todo, seen = [test], {test}
        while todo:
            names, _ = blocks[todo.pop()]
            todo += [n for n in names if n in blocks and n not in seen]
            seen |= names
        for name in (n for n in blocks if n in seen):
            used.add(name)
            for clause, row in blocks[name][1]:
                yield path.stem if is_fuzz else test, clause, row
    for name, (_, found) in blocks.items():
        if found and name not in used:
            raise SystemExit(f"{path.relative_to(ROOT)}: {name} cites {found[0][0]}; no test uses it")


def script_tests(path, start):
    """(test, clause, None) of a script whose tests begin with lines that `start` matches."""
    test, waiting = None, []
    for line in path.read_text(encoding="utf-8").splitlines():
        if found := re.match(start, line):
            test = found[1]
            for clause in waiting:
                yield test, clause, None
            waiting = []
        here = list(cites(line))
        if re.match(r"\s*(#|//)", line):
            waiting += here
            continue
        for clause in [*waiting, *here] if line.strip() else waiting:
            yield test or path.stem, clause, None
        waiting = []


def all_tests():
    for path in sorted(ROOT.glob("tests/unit/test_*.c")):
        yield path, c_tests(path, False)
    for path in sorted(ROOT.glob("tests/fuzz/fuzz_*.c")):
        yield path, c_tests(path, True)
    for path in sorted([*ROOT.glob("tests/e2e/test_*.py"), *ROOT.glob("tests/soak/test_*.py")]):
        yield path, script_tests(path, r"\s*def (test_\w+)")
    for path in sorted(ROOT.glob("tests/browser/*.test.mjs")):
        yield path, script_tests(path, r"\s*(?:test|it)\(\s*[\"'`](.*?)[\"'`]")


def attribute(clauses):
    """Enters the tests into the clauses that they cite."""
    for path, tests in all_tests():
        for test, clause, row in tests:
            if clause in clauses:
                rows = clauses[clause].tests.setdefault((path, test), [])
                if row and row not in rows:
                    rows.append(row)


def unknown(clauses):
    """Lines of the tree that cite what is not in the list."""
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "src",
                            "tests", "docs", "bench", "tools"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.splitlines()
    for name in names:
        path = ROOT / name
        if path == PAGE or path.suffix not in (".c", ".h", ".py", ".mjs", ".md") or not path.exists():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            bad = [c for c in cites(line) if c not in clauses]
            bad += [c for c in ANY.findall(line) if re.search(r"\d", c) and not CITE.fullmatch(c)]
            yield from (f"{name}:{number}: {c} is no statement of the standard" for c in bad)


# ---- the page -------------------------------------------------------------------------------------


def shown_by(clause):
    links = []
    for (path, test), rows in clause.tests.items():
        names = ", ".join(rows[:ROWS_SHOWN]) + (", ..." if len(rows) > ROWS_SHOWN else "")
        names = names.replace("|", "\\|").replace("\\x", "\\\\x")
        where = pathlib.Path("..") / path.relative_to(ROOT)
        links.append(f"[{test}]({where})" + (f" ({names})" if names else ""))
    return ", ".join(links) or clause.why or "**open**"


def count_table(sections):
    lines = ["| version | statements | shown by tests | no test, with a reason | open |",
             "|---|---:|---:|---:|---:|"]
    for version in dict.fromkeys(s[0] for s in sections):
        all_of = [c for s in sections if s[0] == version for c in s[3]]
        shown = sum(bool(c.tests) for c in all_of)
        why = sum(bool(c.why) and not c.tests for c in all_of)
        lines.append(f"| {version} | {len(all_of)} | {shown} | {why} | {len(all_of) - shown - why} |")
    return lines


def page(sections):
    lines = [HEADER, *count_table(sections)]
    version = None
    for of, number, title, clauses in sections:
        if of != version:
            version = of
            lines += ["", f"## MQTT {version}"]
        lines += ["", f"### {version}: {number} {title}", "",
                  "| statement | binds | in short | shown by |", "|---|---|---|---|"]
        lines += [f"| {c.name} | {c.binds} | {c.says} | {shown_by(c)} |" for c in clauses]
    return "\n".join(lines) + "\n"


def faults(sections, clauses):
    yield from unknown(clauses)
    for clause in clauses.values():
        if clause.tests and clause.why:
            yield f"{clause.name}: is shown by a test; take the reason out of {CLAUSES.name}"
        if not clause.tests and not clause.why and not OPEN.match(clause.name):
            yield f"{clause.name}: no test cites it and {CLAUSES.name} gives no reason"
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page(sections):
        yield "docs/mqtt-conformance.md is stale: run scripts/mqtt_conformance.py"


def main():
    sections = read_clauses()
    clauses = {c.name: c for s in sections for c in s[3]}
    attribute(clauses)
    if "--open" in sys.argv:
        print("\n".join(f"{c.name}\t{c.binds}\t{c.says}" for c in clauses.values()
                        if not c.tests and not c.why))
        return 0
    if "--check" in sys.argv:
        bad = list(faults(sections, clauses))
        print("\n".join(bad) or f"{len(clauses)} statements")
        return 1 if bad else 0
    PAGE.write_text(page(sections), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
