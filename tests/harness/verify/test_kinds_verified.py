"""A pipeline whose stages give masked arrays, tables and dates, verified by every door as its user would."""

from __future__ import annotations

import json

import pytest
from checked_repository import write
from heat_repository import Repository, new_repository

PIPELINE = '''
"""Grains of a picture: a table, a masked picture, and when it was taken."""

import numpy as np
import pandas as pd

from harness import Artifact, Image, Pipeline, Scenario, Stage

FACTOR = 1.0


def measure(config, progress):
    table = pd.DataFrame({"area": [1.0, 4.0, 9.0], "name": ["a", None, "c"]}, index=pd.Index([3, 1, 2], name="label"))
    picture = np.ma.masked_less(np.arange(12.0).reshape(3, 4), 3)
    return {"table": table, "picture": picture, "taken": np.datetime64("2020-01-02T03:04")}


def widen(config, progress, measure):
    assert type(measure["table"]) is pd.DataFrame
    assert measure["picture"].mask.sum() == 3
    grown = measure["table"].assign(area=measure["table"]["area"] * 2 * FACTOR)
    return {"table": grown, "mean": complex(measure["picture"].mean(), 1)}


def see(config, output, measure):
    return Artifact({"rows": len(output["table"]), "mean": output["mean"]}, {"table": output["table"]})


pipeline = Pipeline(
    "grains",
    (
        Stage("measure", "measured", measure, replay="verify"),
        Stage("widen", "widened", widen, see, needs=("measure",), replay="verify"),
    ),
    lambda: {"one": "one picture"},
    lambda name, profile, overrides: Scenario(name, profile, "one picture", {"n": 1}),
    ("grains",),
    views=(Image("measured", "picture", "The picture"),),
)
'''
RULES = 'version = 1\n[rules]\n"**" = { rtol = 1e-6 }\n'
CHECKED = """
import numpy as np
import pandas as pd

FACTOR = 1.0


def test_table(check):
    check(pd.DataFrame({"area": [1.0, 4.0 * FACTOR], "name": ["a", "b"]}), "table", rtol=1e-6)
    check(np.ma.masked_less(np.arange(4.0), 2), "masked", exact=True)
    check(np.float64(1) + 2j, "z", rtol=1e-6)
"""


@pytest.fixture(scope="module")
def grains(ready, tmp_path_factory) -> Repository:
    """The repository with everything accepted."""
    pytest.importorskip("pandas")
    repository = new_repository(tmp_path_factory.mktemp("grains"), ready)
    files = {
        "grains.py": PIPELINE,
        "pyproject.toml": '[tool.harness]\nadapter = "grains:pipeline"\n',
        "goldens/tolerances.toml": RULES,
        "tests/test_table.py": CHECKED,
        ".gitignore": "__pycache__/\n.harness/\n",
    }
    repository.expect("git init -q -b main")
    write(repository, files)
    (repository.root / "schemas").mkdir()
    for artifact in ("measured", "widened"):
        repository.harness(f"schema one {artifact} > schemas/{artifact}.schema.json")
    repository.commit("Schemas")
    repository.harness("verify", 1)
    repository.harness('accept tolerances.toml schemas/*.json --bulk --reason "First rules"')
    repository.expect("pytest -q", 1)
    repository.harness('accept $(harness pending --ids) --bulk --reason "First goldens"')
    repository.commit("Goldens")
    return repository


@pytest.mark.slow
def test_a_pipeline_of_tables_and_masks_is_verified_and_drawn(grains, tmp_path):
    repository = grains.copy(tmp_path / "grains")
    report = json.loads(repository.harness("verify --json").stdout)
    assert not any(a.get("error") for s in report["scenarios"] for a in s["artifacts"])
    page = (repository.root / ".harness/report/report.html").read_text()
    assert "The picture" in page
    assert "golden = obtained" in page
    repository.edit("grains.py", "FACTOR = 1.0", "FACTOR = 1.5")
    report = json.loads(repository.harness("verify --json", 1).stdout)
    failing = {
        f"{a['track']}/{a['artifact']}/{v['path']}"
        for s in report["scenarios"]
        for a in s["artifacts"]
        for v in a["verdicts"]
        if v["status"] != "pass"
    }
    assert failing == {"cpu/widened/table/columns/area", "replay/widened/table/columns/area"}


@pytest.mark.slow
def test_a_test_checks_the_same_kinds(grains, tmp_path):
    repository = grains.copy(tmp_path / "grains")
    out = repository.expect("pytest -q").stdout
    assert "as accepted" in out
    repository.edit("tests/test_table.py", "FACTOR = 1.0", "FACTOR = 1.5")
    failed = repository.expect("pytest -q", 1).stdout
    assert "table/columns/area" in failed


@pytest.mark.slow
def test_what_has_no_codec_ends_its_stage_with_key_and_remedy(grains, tmp_path):
    repository = grains.copy(tmp_path / "grains")
    repository.edit("grains.py", '"picture": picture', '"picture": picture, "groups": table.groupby("name")')
    report = json.loads(repository.harness("verify --json", 1).stdout)
    errors = {a["artifact"]: a.get("error", "") for s in report["scenarios"] for a in s["artifacts"]}
    assert errors["measured"].startswith("stage measure returns at 'groups' a value of pandas.")
