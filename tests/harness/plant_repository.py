"""A guarded repository of one file whose adapter is made of pieces that a test replaces by hostile ones."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from heat_repository import users_environment

from harness.cli.app import main

PIECES = {
    "top": "",
    "scenarios": 'return {"small": "a small one"}',
    "load": 'return Scenario(name, profile, "a small one", {"n": 3})',
    "make": 'return {"total": config["n"] * 2.0}',
    "observe": 'return Artifact({"total": output["total"]})',
    "double": 'return {"twice": make["total"] * 2}',
    "invariants": 'return [Invariant("positive", 1.0, 0, None, "it is")]',
    "explain": 'return {"name": "small", "layout": "", "verdict": "sound", "missing": [], "findings": [], '
    '"hypotheses": [], "analyses": []}',
}
ADAPTER = """
import sys
from harness import Artifact, Invariant, Pipeline, Scenario, Stage
{top}
def scenarios():
    {scenarios}
def load(name, profile, overrides):
    {load}
def make(config, progress):
    {make}
def observe(config, output):
    {observe}
def double(config, progress, make):
    {double}
def invariants(artifacts):
    {invariants}
def explain(scenario, artifacts):
    {explain}
pipeline = Pipeline(
    "plant",
    (
        Stage("make", "made", make, observe=observe, reads=("n",), replay="verify"),
        Stage("double", "doubled", double, needs=("make",), replay="verify"),
    ),
    scenarios, load, ("plant",), invariants=invariants, explain=explain,
)
"""
SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "description": "anything", "type": "object"}


class Plant:
    """The repository at ``root``; ``write`` gives it other pieces."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "goldens").mkdir(parents=True)
        (root / "schemas").mkdir()
        (root / "pyproject.toml").write_text('[tool.harness]\nadapter = "plant:pipeline"\n')
        (root / "goldens/tolerances.toml").write_text('version = 1\n[rules]\n"**" = { rtol = 1e-6 }\n')
        for name in ("made", "doubled"):
            schema = {**SCHEMA, "$id": f"plant/{name}-1"}
            (root / f"schemas/{name}.schema.json").write_text(json.dumps(schema))
        self.write()

    @classmethod
    def at(cls, root: Path) -> Plant:
        """The one that is at ``root`` already."""
        plant = cls.__new__(cls)
        plant.root = root
        return plant

    def write(self, **pieces: str) -> None:
        """Write the adapter."""
        (self.root / "plant.py").write_text(ADAPTER.format(**PIECES | pieces), encoding="utf-8")

    def run(self, line: str, program: str = "harness", **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in which ``H`` is the command."""
        environment = users_environment() | {"H": f"{sys.executable} -m {program}", **more}
        how = {"capture_output": True, "text": True, "errors": "surrogateescape", "timeout": 120}
        return subprocess.run(["sh", "-c", line], cwd=self.root, env=environment, **how)

    def cli(self, capfd: Any, line: str, *words: str) -> tuple[int, str, str]:
        """``harness LINE WORDS...`` in this process: its status, and what it printed on standard output and error."""
        before = sys.argv
        sys.modules.pop("plant", None)
        importlib.invalidate_caches()
        sys.argv = ["harness", *line.split(), *words]
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            sys.argv = before
        return int(ended.value.code or 0), *capfd.readouterr()


def raw(words: str) -> list[str]:
    """What a terminal or a log would obey in ``words``; empty where there is nothing."""
    shapeless = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
    found = re.finditer(rf"{shapeless}|^\s*::|##\w*\[", words, re.MULTILINE)
    return [words[max(m.start() - 40, 0) : m.end() + 40] for m in found]
