"""List the public names that are defined at the top level of more than one module, with where they are."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "ptycho", "guard")


def defined(path: Path) -> Iterator[str]:
    """The public functions, classes and constants that a module defines itself."""
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [t.id for target in node.targets for t in ast.walk(target) if isinstance(t, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def homonyms(root: Path = ROOT) -> dict[str, list[str]]:
    """Every public name that more than one module defines, with those modules."""
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            for name in dict.fromkeys(defined(path)):
                found.setdefault(name, []).append(path.relative_to(root).as_posix())
    return {name: places for name, places in sorted(found.items()) if len(places) > 1}


if __name__ == "__main__":
    for name, places in homonyms(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT).items():
        print(f"{name}: {', '.join(places)}")
