"""The distributions that somebody's modules import."""

from __future__ import annotations

import sys
from pathlib import Path

import harness
from harness.run.source.distributions import distribution_names
from harness.setup.survey.code import Library

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
    """The names of the distributions, as far as they are installed."""
    library = Library(root)
    tops = {source.partition(".")[0] for code in library.modules_of(name) for source, _ in code.imports.values()}
    return tuple(sorted({found for top in tops if not library.find(top) for found in distribution_names(top)}))
