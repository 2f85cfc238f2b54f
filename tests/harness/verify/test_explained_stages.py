"""A wrong gain in the middle of a pipeline, from end to end: what every door says of it, and where it begins."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
from heat_repository import Repository, new_repository

GRAINS = '''
"""Grains of a micrograph: made, normalised, labelled, and measured as a table."""

import numpy as np

from harness import Artifact, Pipeline, Scenario, Stage

GAIN = 1.0


def scan(config, progress):
    y, x = np.mgrid[:40, :60]
    return {"photo": 100 + 50 * np.sin(x / 5) * np.cos(y / 7)}


def normalize(config, progress, scan):
    return {"image": GAIN * scan["photo"] / scan["photo"].mean()}


def see_normalize(config, output, scan):
    return Artifact({"mean": float(output["image"].mean())}, {"image": output["image"]})


def measure(config, progress, normalize, scan):
    labels = (scan["photo"] > 100) * (1 + np.arange(60) // 10)
    return {"labels": labels, "brightness": [float(normalize["image"][labels == i].sum()) for i in range(1, 7)]}


def see_measure(config, output, normalize, scan):
    rows = [{"label": f"g{i}", "brightness": b} for i, b in enumerate(output["brightness"])]
    return Artifact({"rows": rows, "total": sum(output["brightness"])}, {"labels": output["labels"]})


def load(name, profile, overrides):
    return Scenario(name, profile, "steel", {"year": 2000})


pipeline = Pipeline(
    name="grains",
    stages=(
        Stage("scan", "scan", scan),
        Stage("normalize", "normalized", normalize, see_normalize, needs=("scan",)),
        Stage("measure", "grains", measure, see_measure, needs=("normalize", "scan")),
    ),
    scenarios=lambda: {"steel": "steel"},
    load=load,
    source_roots=("grains",),
)
'''
FIRST = "git add . && git commit -q -m first"


@pytest.fixture(scope="module")
def verified(ready: Path | None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, str]:
    """The repository with everything accepted, then with another gain; and what its verification prints."""
    repository = new_repository(tmp_path_factory.mktemp("grains"), ready)
    root = repository.root
    (root / "grains.py").write_text(GRAINS)
    (root / "pyproject.toml").write_text('[tool.harness]\nadapter = "grains:pipeline"\n')
    (root / ".gitignore").write_text(".harness/\n__pycache__/\n")
    (root / "goldens").mkdir()
    (root / "schemas").mkdir()
    (root / "goldens" / "tolerances.toml").write_text('version = 1\n[rules]\n"**" = { rtol = 1e-6 }\n')
    repository.expect("git init -q -b main")
    for artifact in ("scan", "normalized", "grains"):
        repository.harness(f"schema steel {artifact} > schemas/{artifact}.schema.json")
    repository.expect(FIRST)
    repository.harness("verify", 1)
    repository.harness('accept tolerances.toml schemas/*.json --bulk --reason "First rules"')
    repository.harness('accept $(harness pending --ids) --bulk --reason "First goldens, looked at"')
    repository.expect(FIRST)
    repository.edit("grains.py", "GAIN = 1.0\n", "GAIN = 1.0101\n")
    return repository, " ".join(repository.harness("verify", 1).stdout.split())


BEGINS = "Of everything that differs from normalize on, every number is × 1.0101: normalize is where it begins"


@pytest.mark.slow
def test_the_terminal_says_it_of_values_of_a_column_and_of_all_stages(verified):
    _, printed = verified
    assert "cpu/normalized: mean and image: 2 of 2, every number is × 1.0101" in printed
    assert "cpu/grains: rows/*/brightness and total: 7 of 7, every number is × 1.0101" in printed
    assert "Look at normalize first: mean and image are not as accepted" in printed
    assert BEGINS in printed


@pytest.mark.slow
def test_every_file_of_the_report_says_it_and_the_page_shows_it(verified):
    repository, _ = verified
    folder = next(repository.root.glob(".harness/**/report.html")).parent
    page, comment, junit = ((folder / f).read_text("utf-8") for f in ("report.html", "report.md", "junit.xml"))
    for text in (html.unescape(page), comment, html.unescape(junit)):
        assert "2 of 2, every number is × 1.0101" in text.replace("\\", "")
    assert BEGINS in page
    assert BEGINS in comment
    assert page.count("Every number is × 1.0101.") >= 2  # below the picture of the image and the curve of the column
    (scenario,) = json.loads((folder / "report.json").read_text("utf-8"))["scenarios"]
    assert BEGINS in scenario["diagnosis"]["notes"]
    (total,) = [v for a in scenario["artifacts"] for v in a["verdicts"] if v["path"] == "total"]
    assert (total["explanation"]["kind"], total["explanation"]["sentence"]) == ("factor", "every number is × 1.0101")
