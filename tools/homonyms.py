"""List the public names that more than one module defines, and which of them mean the same wherever they stand.

``python tools/homonyms.py`` prints those that a reader could confuse: none, as a test holds.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "ptycho", "guard")

_TWO_COMMANDS = "each of the two command lines has one, in its package `cli`"
_STAGE = "the function of the stage of that name: in `ptycho` on objects, in `guard` on the data that stand for them"
_STAGES = "simulate split probe group normalize train infer oracle measure"
_BOTH_SIDES = "`ptycho` may not know the harness, so each side has its own; the adapter turns one into the other"
SAME = {
    "CODECS": "what the registry of codecs looks for in each of their files",
    "CONDITION": "what the registry of policies looks for in each of their files",
    "POLICY": "what the registry of policies looks for in each of their files",
    "Invariant": _BOTH_SIDES,
    "Progress": f"the same callback on both sides (done, total, note); {_BOTH_SIDES}",
    "Scenario": _BOTH_SIDES,
    "Stage": _BOTH_SIDES,
    "analyze": "the command `harness analyze`, and the pipeline's function that answers it",
    "compare": f"the command `harness compare`; {_STAGE}",
    "app": _TWO_COMMANDS,
    "list_command": _TWO_COMMANDS,
    "main": _TWO_COMMANDS,
    "run": "the command `harness run`, and the function that runs a scenario of `ptycho`, which is its public entry",
    **dict.fromkeys(_STAGES.split(), _STAGE),
}
"""Names that several modules define on purpose, each with the reason why nobody confuses them."""


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
    modules: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            for name in dict.fromkeys(defined(path)):
                modules.setdefault(name, []).append(path.relative_to(root).as_posix())
    return {name: places for name, places in sorted(modules.items()) if len(places) > 1}


if __name__ == "__main__":
    confusing = {name: places for name, places in homonyms().items() if name not in SAME}
    for name, places in confusing.items():
        print(f"{name}: {', '.join(places)}")
    sys.exit(1 if confusing else 0)
