#!/usr/bin/env python3
"""check_docs.py: every relative link in a Markdown page leads to a file, and to a heading in it; every
test that a page names as `tests/FILE: test_NAME` is there."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEST = re.compile(r"`(tests/[\w./]+): (\w+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def pages():
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard",
                            "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in names.splitlines() if (ROOT / name).exists()]


def prose(path):
    """The page without its code blocks."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(path):
    heads = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def findings(page):
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            yield f"{page.relative_to(ROOT)}: {link} leads nowhere"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{page.relative_to(ROOT)}: {link} has no such heading"


def missing_tests(page):
    for file, test in TEST.findall(page.read_text(encoding="utf-8")):
        path = ROOT / file
        if not path.exists() or not re.search(rf"\b{test}\(", path.read_text(encoding="utf-8")):
            yield f"{page.relative_to(ROOT)}: there is no {test} in {file}"


def main():
    found = pages()
    bad = [line for page in found for line in (*findings(page), *missing_tests(page))]
    print("\n".join(bad) or f"{len(found)} pages")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
