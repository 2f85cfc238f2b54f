"""A guarded repository whose stages do nothing, so that what is measured is the harness."""

from __future__ import annotations

from pathlib import Path

STAGES = 40
_ADAPTER = f"""
from harness import Pipeline, Scenario, Stage

def run(config, progress, **needs):
    return {{"value": 1.0}}

names = [f"s{{i}}" for i in range({STAGES})]
stages = tuple(
    Stage(name, name, "guard:run", needs=tuple(names[max(i - 1, 0) : i])) for i, name in enumerate(names)
)
pipeline = Pipeline("chain", stages, lambda: {{"one": "one"}}, lambda n, p, o: Scenario(n, p, n, {{}}), ("guard",))
"""


def write_chain(folder: Path) -> None:
    """Write it into ``folder``: ``STAGES`` stages, each of which needs the one before, of the scenario ``one``."""
    (folder / "guard.py").write_text(_ADAPTER)
    (folder / "pyproject.toml").write_text('[tool.harness]\nadapter = "guard:pipeline"\n')
