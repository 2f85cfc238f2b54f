"""A/B trials: pairs share a seed, intervals are Student's, and every form says the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from harness.judge.schema import Schema
from harness.study.ab import Difference, Trial, paired_differences
from harness.study.ab_page import trial_markdown

SCHEMA = Path(__file__).parents[3] / "schemas/harness/ab.schema.json"
LINE = "ab smooth --b fit.rate=1.0 --seeds 4"


def test_the_interval_is_students(rng):
    a, b = rng.normal(size=(2, 6))
    (difference,) = paired_differences([{"x": v} for v in a], [{"x": v} for v in b], 0.9)
    low, high = t.interval(0.9, 5, loc=np.mean(b - a), scale=np.std(b - a, ddof=1) / np.sqrt(6))
    assert (difference.low, difference.high) == (pytest.approx(low), pytest.approx(high))
    assert difference.mean == pytest.approx(np.mean(b - a))


def test_pairing_takes_out_what_the_seed_does_to_both(rng):
    seeds = rng.normal(0, 100, 5)
    (difference,) = paired_differences(
        [{"x": s} for s in seeds], [{"x": s + 1 + d} for s, d in zip(seeds, rng.normal(0, 0.01, 5), strict=True)], 0.95
    )
    assert difference.clear
    assert difference.mean == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("low", "high", "clear"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.2, False)])
def test_a_difference_is_clear_when_its_interval_leaves_out_zero(low, high, clear):
    assert Difference("x", (), (), 0.0, low, high).clear is clear


def test_only_figures_that_every_run_has_are_compared():
    assert [
        d.path for d in paired_differences([{"x": 1, "y": 2}] * 3, [{"x": 1}, {"x": 2}, {"x": 1, "y": 3}], 0.95)
    ] == ["x"]


def test_a_trial_runs_both_variants_over_the_same_seeds(heat, capsys):
    trial = heat.json(capsys, LINE)
    assert Schema(json.loads(SCHEMA.read_text()), SCHEMA).problems(trial) == []
    (figure,) = trial["figures"]
    assert (figure["path"], len(figure["a"]), len(figure["b"])) == ("comparison/fit_error", 4, 4)
    # Variant A at the seeds of the accepted ensemble's first four members.
    accepted = json.loads((heat.root / "goldens/smooth/cpu/ensemble.json").read_text())["values"]["draws"]
    assert figure["a"] == accepted["comparison/fit_error"][:4]
    steps = np.subtract(figure["b"], figure["a"])
    assert figure["difference"]["mean"] == pytest.approx(steps.mean())


def test_a_trial_is_told_in_words_and_kept_in_files(heat, capsys):
    out, _ = heat.cli(capsys, f"{LINE} --out trial")
    assert "comparison/fit_error" in out
    page = (heat.root / "trial/ab.md").read_text()
    assert "A is the scenario as it is; B is `fit.rate=1.0`." in page
    assert json.loads((heat.root / "trial/ab.json").read_text())["pairs"] == 4


def test_a_pipe_in_a_figure_s_name_does_not_end_its_cell():
    difference = Difference("comparison/a|b", (1.0,), (2.0,), 1.0, 0.5, 1.5)
    page = trial_markdown(Trial("s", "cpu", (), (), ("rate=2",), 3, 0.95, (difference,), 0, {}))
    assert "| figure | A | B | B − A | interval |\n| --- | ---: | ---: | ---: | ---: |\n" in page
    assert "| `comparison/a\\|b` | 1 | 2 | **1** | 0.5 to 1.5 |\n" in page


def test_a_trial_that_was_interrupted_goes_on_where_it_stopped(heat, capsys):
    heat.json(capsys, "ab smooth --b fit.rate=1.0 --seeds 3")
    heat.ran.clear()
    heat.json(capsys, LINE)
    assert heat.ran == ["fit", "compare"]  # of the fourth pair B alone: A at these seeds is the ensemble's member


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ab smooth", "both variants are the same: give what differs with --a and --b"),
        ("ab smooth --b fit.rate=1.0 --seeds 2", "2 pairs are too few"),
        ("ab smooth --b fit.rate=1.0 --confidence 1.0", "a confidence of 1.0 is not possible"),
        ("ab smoth --b fit.rate=1.0", "did you mean 'smooth'"),
        ("ab smooth --b fit.rat=1.0", "there is no setting"),
    ],
)
def test_a_wrong_trial_is_one_sentence(heat, capsys, line, message):
    _, err = heat.cli(capsys, line, 2)
    assert message in err
    assert err.count("\n") == 1
