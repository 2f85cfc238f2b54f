"""A small accepted repository whose adapter has a place for a line of code in each of its hooks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from heat_repository import Repository, new_repository
from prepared import once

ADAPTER = '''"""Plants grow, and are weighed."""

import os

import numpy as np

from harness import Artifact, Invariant, Pipeline, Scenario, Stage

# on import


def scenarios():
    # in scenarios
    return {"plant": "One plant"}


def load(name, profile, overrides):
    # in load
    return Scenario(name, profile, "One plant", {"days": 4})


def files(config):
    # in files
    return []


def grow(config, progress):
    # in grow
    return {"heights": np.arange(config["days"], dtype=np.float64)}


def weigh(config, progress, grow):
    # in weigh
    return {"weight": float(grow["heights"].sum())}


def see(config, output, grow):
    # in observe
    return Artifact({"weight": output["weight"], "days": len(grow["heights"])})


def invariants(artifacts):
    # in invariants
    return [Invariant("weight_is_positive", artifacts["weighed"].values["weight"], 0, None)]


def explain(scenario, artifacts):
    # in explain
    return {"name": "plant", "layout": "verification", "verdict": "fine", "missing": [], "findings": [],
            "hypotheses": [], "analyses": []}


pipeline = Pipeline(
    "plants",
    (
        Stage("grow", "grown", grow, reads=("days",), files=files, replay="verify"),
        Stage("weigh", "weighed", weigh, see, needs=("grow",), replay="verify"),
    ),
    scenarios,
    load,
    ("guard",),
    invariants=invariants,
    explain=explain,
)
'''


class Plant(Repository):
    """The repository."""

    def put(self, hook: str, code: str) -> None:
        """Put code into a hook, and commit."""
        path = self.root / "guard.py"
        text = path.read_text()
        (line,) = [line for line in text.splitlines() if line.strip() == f"# {hook}"]
        indent = line[: len(line) - len(line.lstrip())]
        code = "\n".join(indent + each for each in code.strip().splitlines())
        path.write_text(text.replace(line, code))
        self.commit()

    def start(self, line: str, **options) -> subprocess.Popen:
        """A line that runs on, whose commands can be ended."""
        environment = self.environment | {"UNPREPARED": "yes"}
        return subprocess.Popen(line, shell=True, cwd=self.root, env=environment, **options)

    def copy(self, root: Path) -> Plant:
        """The same repository elsewhere."""
        return Plant(**vars(super().copy(root)))


@pytest.fixture(scope="session")
def accepted_plant(ready, tmp_path_factory) -> Plant:
    """The repository with its goldens accepted. Copy it, do not change it."""
    repository = new_repository(tmp_path_factory.mktemp("plant"), ready)
    return Plant(once(tmp_path_factory, "accepted-plant", repository, accept_plants).root, repository.environment)


def accept_plants(repository: Repository) -> None:
    """Write it, and accept what it gives."""
    plant = Plant(**vars(repository))
    files = {
        "guard.py": ADAPTER,
        "pyproject.toml": '[tool.harness]\nadapter = "guard:pipeline"\nstage_seconds = 20\n',
        ".gitignore": ".harness/\n__pycache__/\n",
        "goldens/tolerances.toml": 'version = 1\n[rules]\n"**" = { rtol = 1e-9 }\n',
        "test_goldens.py": "def test_artifact_is_as_accepted(golden):\n    golden.check()\n",
    }
    for name, content in files.items():
        path = plant.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    plant.expect("git init -q -b main")
    plant.expect("mkdir schemas")
    for artifact in ("grown", "weighed"):
        plant.expect(f"harness schema plant {artifact} > schemas/{artifact}.schema.json")
        assert json.loads((plant.root / f"schemas/{artifact}.schema.json").read_text())
    plant.commit("plants")
    plant.expect("harness accept tolerances.toml schemas/grown.schema.json schemas/weighed.schema.json --reason first")
    plant.commit("rules")
    plant.harness("verify", 1)
    plant.expect("harness accept $(harness pending --ids) --bulk --reason first")
    plant.commit("goldens")
    plant.harness("verify", 0)


@pytest.fixture
def plant(accepted_plant, tmp_path) -> Plant:
    """A copy of the accepted repository, without a cache; an earlier report is there, and all was as accepted."""
    copy = accepted_plant.copy(tmp_path / "plant")
    copy.expect("rm -r .harness/cache")
    return copy
