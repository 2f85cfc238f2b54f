"""The distributions that somebody's modules import."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import harness
from harness.run.source.distributions import distribution_names
from harness.setup.survey.code import Code, Library

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def own_distribution() -> str:
    """The name under which this harness is installed, or would be from the tree that it runs from."""
    if names := distribution_names("harness"):
        return names[0]
    tree = Path(harness.__file__).parents[1] / "pyproject.toml"
    if not tree.is_file():
        return "harness"
    return str(tomllib.loads(tree.read_text(encoding="utf-8")).get("project", {}).get("name", "harness"))


def imported_libraries(root: Path, name: str) -> tuple[str, ...]:
    """The distributions that a module and the own modules behind it import, as far as they are installed."""
    library = Library(root)
    waiting, seen, tops = [*library.modules_of(name)], set[str](), set[str]()
    while waiting:
        code = waiting.pop()
        if code.name in seen:
            continue
        seen.add(code.name)
        for dotted in _imported(code):
            parts = dotted.split(".")
            own = [library.find(".".join(parts[: i + 1])) for i in range(len(parts))]
            waiting += [found for found in own if found]
            tops |= {parts[0]} if own[0] is None else set()
    return tuple(sorted({found for top in tops for found in distribution_names(top)}))


def _imported(code: Code) -> set[str]:
    """The dotted names of what a module may import, be it a module or something in one."""
    plain = {alias.name for node in ast.walk(code.tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {f"{source}.{name}".strip(".") for source, name in code.imports.values() if source}
