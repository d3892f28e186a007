#!/usr/bin/env python3
"""check_python.py FILE...: each file compiles, and has no name that is imported and never used."""

import ast
import sys


def findings(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    try:
        tree = ast.parse(text, path)
    except SyntaxError as e:
        yield f"{path}:{e.lineno}: {e.msg}"
        return
    imported = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                imported[(alias.asname or alias.name).split(".")[0]] = node.lineno
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for name, line in imported.items():
        if name not in used and name != "annotations":
            yield f"{path}:{line}: {name} is imported and not used"


bad = [line for path in sys.argv[1:] for line in findings(path)]
print("\n".join(bad) or f"{len(sys.argv) - 1} files")
sys.exit(1 if bad else 0)
