"""Data with gaps from end to end: a sea with its land masked, a table that misses readings, and a NaN too many."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from heat_repository import Repository, new_repository

SEA = '''
"""Temperatures of a sea: land is NaN, and so is what a buoy did not report."""

import numpy as np

from harness import Artifact, Pipeline, Scenario, Stage


def chart(config, progress):
    y, x = np.mgrid[:12, :16]
    sea = 15 + np.sin(x / 3) * np.cos(y / 4)
    sea[(x < 4) & (y > 6)] = np.nan
    return {"sea": sea, "buoys": {"a": [15.5, float("nan"), 14.0], "names": ["NaN", "b"]}, "depth": np.float32(0.1)}


def smooth(config, progress, chart):
    sea = chart["sea"]
    return {"sea": (sea + np.roll(sea, 1, axis=1)) / 2, "scratch": np.ones(3), "work": [1.0, 2.0]}


def see_smooth(config, output, chart):
    return Artifact({"mean": np.nanmean(output["sea"])}, {"sea": output["sea"].astype(np.float32)})


def summary(config, progress, smooth):
    return {"warmest": np.nanmax(smooth["sea"])}


def load(name, profile, overrides):
    return Scenario(name, profile, "one summer", {"year": 2000})


pipeline = Pipeline(
    name="sea",
    stages=(
        Stage("chart", "chart", chart, replay="verify"),
        Stage("smooth", "smoothed", smooth, see_smooth, needs=("chart",), replay="given"),
        Stage("summary", "summary", summary, needs=("smooth",), replay="verify"),
    ),
    scenarios=lambda: {"summer": "one summer"},
    load=load,
    source_roots=("sea",),
)
'''
RULES = """
version = 1
uncompared = ["replay/smoothed"]
[rules]
"**" = { exact = true }
"chart/sea" = { rtol = 1e-9, nan = "match" }
"chart/buoys/a/*" = { rtol = 1e-9, nan = "match" }
"smoothed/sea" = { min = 0, max = 30, nan = "match" }
"replay/chart/sea" = { rtol = 1e-9, nan = "match" }
"replay/smoothed/sea" = { rtol = 1e-9, nan = "match" } # stored and not replayed: acceptance compares it
"replay/chart/buoys/a/1" = { exact = true, nan = "match" }
"""
FIRST = "git add . && git commit -q -m first"


@pytest.fixture(scope="module")
def accepted(ready: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The repository with everything accepted, as its user would."""
    repository = new_repository(tmp_path_factory.mktemp("sea"), ready)
    root = repository.root
    (root / "sea.py").write_text(SEA)
    (root / "pyproject.toml").write_text('[tool.harness]\nadapter = "sea:pipeline"\n')
    (root / ".gitignore").write_text(".harness/\n__pycache__/\n")
    (root / "goldens").mkdir()
    (root / "schemas").mkdir()
    (root / "goldens" / "tolerances.toml").write_text(RULES)
    repository.expect("git init -q -b main")
    for artifact in ("chart", "smoothed", "summary"):
        repository.harness(f"schema summer {artifact} > schemas/{artifact}.schema.json")
    repository.expect(FIRST)
    repository.harness("verify", 1)
    repository.harness('accept tolerances.toml schemas/*.json --bulk --reason "First rules"')
    repository.harness('accept $(harness pending --ids) --bulk --reason "First goldens, looked at"')
    repository.expect(FIRST)
    return repository


@pytest.fixture
def sea(accepted: Repository, tmp_path: Path) -> Repository:
    return accepted.copy(tmp_path / "sea")


def verified(repository: Repository, status: int) -> tuple[dict, dict]:
    """Of a verification, the failing verdicts by address, and the invariants."""
    report = json.loads(repository.harness("verify --json", status).stdout)
    (scenario,) = report["scenarios"]
    failing = {
        f"{a['track']}/{a['artifact']}/{v['path']}": v.get("message", "")
        for a in scenario["artifacts"]
        for v in a.get("verdicts", ())
        if v["status"] not in ("pass", "improved")
    }
    return failing, {v["path"]: v for v in scenario["invariants"]}


@pytest.mark.slow
def test_data_with_gaps_are_accepted_and_verified(sea):
    failing, invariants = verified(sea, 0)
    assert failing == {}
    finite = invariants["finite_everywhere"]
    assert finite["status"] == "pass"
    assert finite["message"] == (
        "0 non-finite numbers in the outputs of 3 stages; 3 places more, where a rule matches them"
    )
    schema = json.loads((sea.root / "schemas/chart.schema.json").read_text())
    items = schema["properties"]["values"]["properties"]["buoys"]["properties"]["a"]["items"]
    assert {"type": "number", "description": "TODO"} in items["anyOf"]


@pytest.mark.slow
def test_a_gap_that_moved_fails(sea):
    sea.edit("sea.py", "(y > 6)", "(y > 7)")
    failing, invariants = verified(sea, 1)
    assert set(failing) == {"cpu/chart/sea", "cpu/smoothed/sea", "cpu/smoothed/mean", "replay/chart/sea"}
    assert failing["replay/chart/sea"].startswith("4 of 192 elements (2.08 %) out of tolerance, the worst: ")
    assert invariants["finite_everywhere"]["status"] == "pass"


@pytest.mark.slow
def test_a_gap_in_a_table_that_filled_or_opened_fails(sea):
    sea.edit("sea.py", '[15.5, float("nan"), 14.0]', '[float("nan"), 15.5, 14.0]')
    failing, _ = verified(sea, 1)
    assert set(failing) == {f"{track}/chart/buoys/a/{i}" for track in ("cpu", "replay") for i in (0, 1)}
    assert 'nan = "forbid" allows nothing' in failing["replay/chart/buoys/a/0"]
    assert "expected NaN, obtained 15.5" in failing["cpu/chart/buoys/a/1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("new", "place"),
    [
        ('"scratch": np.array([1, np.nan, 1])', "1 at 'scratch' of stage smooth"),
        ('"scratch": np.ones(3), "more": {"x": [np.float32("inf")]}', "1 at 'more/x/0' of stage smooth"),
    ],
    ids=["array", "value"],
)
def test_a_nan_that_no_rule_compares_fails_though_nobody_looks_at_it(sea, new, place):
    sea.edit("sea.py", '"scratch": np.ones(3)', new)
    failing, invariants = verified(sea, 1)
    assert failing == {}
    finite = invariants["finite_everywhere"]
    assert finite["status"] == "fail"
    assert f"1 non-finite number: {place}; 3 places more" in finite["message"]
    assert 'verify them under a rule with nan = "match"' in finite["message"]


@pytest.mark.slow
def test_a_rule_that_compares_nothing_allows_nothing(sea):
    """A rule speaks of ``smoothed/work``, which is in no artifact and in no replay: its positions are not compared."""
    sea.edit("sea.py", '"work": [1.0, 2.0]', '"work": [1.0, float("nan")]')
    rules = sea.root / "goldens/tolerances.toml"
    rules.write_text(rules.read_text() + '"smoothed/**" = { exact = true, nan = "match" }\n')
    _, invariants = verified(sea, 1)
    assert invariants["finite_everywhere"]["status"] == "fail"


@pytest.mark.slow
def test_without_the_rule_the_same_gaps_fail(sea):
    sea.edit("goldens/tolerances.toml", '"smoothed/sea" = { min = 0, max = 30, nan = "match" }', "")
    failing, invariants = verified(sea, 1)
    assert set(failing) == {"cpu/smoothed/sea"}
    assert invariants["finite_everywhere"]["message"].startswith("25 non-finite numbers: 25 at 'sea' of stage smooth")


@pytest.mark.slow
def test_what_looks_alike_is_told_apart_in_a_whole_verification(sea):
    sea.edit("sea.py", '["NaN", "b"]', '[float("nan"), "b"]')
    sea.edit("sea.py", "np.float32(0.1)", "float(np.float32(0.1))")
    failing, _ = verified(sea, 1)
    for track in ("cpu", "replay"):
        assert failing[f"{track}/chart/buoys/names/0"] == "was text ('NaN'), is a float ('NaN')"
        assert failing[f"{track}/chart/depth"].startswith("was a float32 (0.1")


REFUSED = {
    "a class of masked arrays": ('"scratch": np.ma.masked', "'scratch' a masked array, whose mask would be lost: "),
    "dates": ('"scratch": np.array(["2000"], ">M8[D]")', "'scratch' an array of >M8[D]: "),
    "objects": ('"scratch": np.array([{}])', "'scratch' an array of object: "),
    "two keys": ('"a/b": 1, "a": {"b": 2}', "'a/b' two values whose keys give that one path: "),
    "a number key": ('"a": {1: 2}', "'a' the key 1 of int, which is no text: "),
    "surrogate": ('"a": "\\ud800"', "'a' a text with half of a surrogate pair "),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_ends_its_stage_and_not_the_verification(sea, name):
    new, sentence = REFUSED[name]
    sea.edit("sea.py", '"scratch": np.ones(3)', new)
    report = json.loads(sea.harness("verify --json", 1).stdout)
    reports = {(a["track"], a["artifact"]): a for a in report["scenarios"][0]["artifacts"]}
    assert reports["cpu", "smoothed"]["error"].startswith(f"stage smooth returns at {sentence}")
    assert reports["cpu", "summary"]["blocked"] == "smooth"
    assert not any(v["status"] != "pass" for v in reports["cpu", "chart"]["verdicts"])
    assert not any(v["status"] != "pass" for v in reports["replay", "summary"]["verdicts"])


@pytest.mark.slow
def test_what_an_observer_gives_is_refused_alike(sea):
    sea.edit("sea.py", 'np.nanmean(output["sea"])', "np.rec.array([(1, 2.0)])")
    report = json.loads(sea.harness("verify --json", 1).stdout)
    reports = {(a["track"], a["artifact"]): a for a in report["scenarios"][0]["artifacts"]}
    assert re.match(  # NumPy's versions give the class different modules
        r"what is observed of stage smooth holds at 'mean' a numpy(\.rec)?\.recarray, "
        "of which only the numbers would be kept: ",
        reports["cpu", "smoothed"]["error"],
    )
    assert "error" not in reports["cpu", "summary"]
