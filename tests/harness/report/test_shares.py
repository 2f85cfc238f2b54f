"""How much of its tolerance a value is said to use, in every table that says it, where there is no such share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.cli.tables.approval import show_values
from harness.cli.tables.verification import show_scenario
from harness.core import text
from harness.core.protocol import Artifact
from harness.core.verdicts import ArtifactReport, ScenarioReport, Status
from harness.judge.comparison import compare_artifact
from harness.judge.rules import Rule, Rules
from harness.report.differences.values import difference_lines
from harness.report.rows import value_row
from harness.report.selection import Place

NAN = float("nan")
GOLDEN = np.arange(1.0, 9.0)


def verdict(golden, obtained, **terms):
    """The verdict on one value or array, called x, under one rule."""
    rules = Rules((Rule("**", Path("tolerances.toml"), terms),), (Path("tolerances.toml"),), Path())
    sides = [
        Artifact({}, {"x": side}) if isinstance(side, np.ndarray) else Artifact({"x": side})
        for side in (golden, obtained)
    ]
    (found,) = compare_artifact(*sides, rules, "make/", {}, "deterministic")
    return found


def changed(**at) -> np.ndarray:
    """The golden with other elements: i3=7.0 is [3]."""
    array = GOLDEN.copy()
    for place, value in at.items():
        array[int(place[1:])] = value
    return array


@pytest.mark.parametrize(
    ("golden", "obtained", "terms", "said"),
    [
        (GOLDEN, changed(i0=NAN), {"rtol": 0.1}, "beyond"),
        (GOLDEN, changed(i0=NAN, i7=80.0), {"rtol": 0.1}, "90\u00d7"),
        (changed(i0=NAN), GOLDEN, {"rtol": 0.1, "nan": "match"}, "beyond"),
        (GOLDEN, changed(i0=float("inf")), {"atol": 1.0}, "beyond"),
        (GOLDEN, changed(i0=NAN), {"min": 0.0}, "beyond"),
        (GOLDEN, changed(i0=NAN), {"exact": True}, ""),
        (GOLDEN, changed(i0=5.0), {"exact": True}, ""),
        (GOLDEN + 0j, changed(i0=NAN) + 0j, {"rtol": 0.1}, "beyond"),
        (1.0, NAN, {"rtol": 0.1}, "beyond"),
        (1.0, 2.0, {"exact": True}, ""),
        (1.0, 2, {"rtol": 0.1}, ""),
        ("infinity war", "nan", {"rtol": 0.1}, ""),
        (GOLDEN, changed(i7=80.0), {"rtol": 0.1}, "90\u00d7"),
    ],
)
def test_what_fails_never_seems_to_use_nothing(golden, obtained, terms, said, capsys):
    found = verdict(golden, obtained, **terms)
    calm = verdict(1.0, 1.0, rtol=0.1)
    assert (found.status, text.used(calm.told_share)) == (Status.FAIL, "0 %")
    assert text.used(found.told_share) == said
    artifact = ArtifactReport("make", "make", "cpu", (calm, found))
    scenario = ScenarioReport("small", "cpu", "", (artifact,))
    assert value_row(Place(scenario, artifact, found)).used == said
    show_scenario(scenario)
    row = next(line for line in capsys.readouterr().out.splitlines() if "1 of 2" in line)
    assert "0 %" not in row
    assert said in row
    show_values([found])
    assert said in capsys.readouterr().out


def test_equality_has_no_share_of_a_tolerance_in_any_line():
    found = verdict(GOLDEN, changed(i0=5.0), exact=True)
    assert difference_lines(found)[-1] == "[0]  1 \u2192 5 (+4 (\u00d75))"
    assert "tolerance" not in " ".join(difference_lines(found)[-1:])
    row = value_row(Place(ScenarioReport("s", "cpu", ""), ArtifactReport("m", "m", "cpu"), found))
    assert row.worst[0][-1] == ""


def test_an_element_that_is_not_finite_is_beyond_its_tolerance():
    lines = difference_lines(verdict(GOLDEN, changed(i0=NAN), rtol=0.1))
    assert lines[-1] == "[0]  1 \u2192 NaN, beyond its tolerance"
