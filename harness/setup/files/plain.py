"""The other files: what git keeps and how, a test, a CI job, and the table that names the adapter."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from harness.core.errors import ProjectError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

IGNORED = (".harness/", "__pycache__/")
ATTRIBUTES = ("goldens/** -text", "schemas/** -text")
TEST = '''"""Every artifact of every scenario is as somebody accepted it; `pytest -m integration` selects this."""


def test_artifact_is_as_accepted(golden):
    golden.check()
'''
_WORKFLOW = """# Every result of the pipeline against what was accepted, and every change of that against its approval.
name: goldens

on: [push, pull_request]

permissions:
  contents: read

jobs:
  verify:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0} # approvals are checked since another commit
      - uses: actions/setup-python@v5
        with: {python-version: "PYTHON"}
      - run: python -m pip install PACKAGES
      - run: harness verify --approvals "$BASE"
        env: {BASE: "${{ github.base_ref && format('origin/{0}', github.base_ref) || 'HEAD' }}"}
      - uses: actions/upload-artifact@v4
        if: always()
        with: {name: goldens, path: .harness/report, include-hidden-files: true}
"""


def workflow_text(root: Path, libraries: tuple[str, ...], python: str, harness: str) -> str:
    """A workflow that installs what the repository says that it needs, else the libraries that its source imports.

    ``harness`` is the name of the distribution that has the command.
    """
    if (root / "pyproject.toml").is_file() and "project" in _toml(root / "pyproject.toml"):
        packages = "."
    elif (root / "requirements.txt").is_file():
        packages = "-r requirements.txt"
    else:
        packages = " ".join(libraries)
    return _WORKFLOW.replace("PYTHON", python).replace("PACKAGES", f"{harness} {packages}".rstrip())


def with_lines(before: str, lines: tuple[str, ...]) -> str:
    """A text with those of ``lines`` that it lacks, at its end."""
    lacking = [line for line in lines if line not in before.splitlines()]
    start = before if not before or before.endswith("\n") else f"{before}\n"
    return start + "".join(f"{line}\n" for line in lacking)


def with_table(path: Path, adapter: str) -> str:
    """A ``pyproject.toml`` with the adapter in its table, and nothing else of it changed.

    Raises ProjectError where it names another adapter, which a person has to decide.
    """
    line = f'adapter = "{adapter}"\n'
    if not path.is_file():
        return f"[tool.harness]\n{line}"
    before = path.read_text(encoding="utf-8")
    table = _toml(path).get("tool", {}).get("harness")
    if isinstance(table, dict) and (named := table.get("adapter")) is not None:
        if named == adapter:
            return before
        raise ProjectError(f"{path}: [tool.harness] has adapter = {named!r} already: change that line by hand")
    heading = re.search(r"^\[tool\.harness\][ \t]*(#.*)?$", before, re.M)
    if heading:
        after = f"{before[: heading.end()]}\n{line.rstrip()}{before[heading.end() :]}"
    elif table is None:
        after = f"{before}{'' if before.endswith(chr(10)) or not before else chr(10)}\n[tool.harness]\n{line}"
    else:
        raise ProjectError(f"{path}: tool.harness is written in another way than [tool.harness]: add {line.strip()}")
    if tomllib.loads(after)["tool"]["harness"]["adapter"] != adapter:
        raise ProjectError(f"{path}: the table could not be added: add [tool.harness] and {line.strip()}")
    return after


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path} cannot be read as TOML: {error}") from error
