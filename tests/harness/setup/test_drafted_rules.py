"""Drafted rules: exact where nothing may move, measured for floats, never loose enough to hide 1 %, else none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from harness import Artifact, Stage
from harness.core.project import tomllib
from harness.core.verdicts import Status
from harness.judge.comparison import compare_artifact
from harness.judge.schema import Schema, schema_document
from harness.judge.tolerances import load_rules
from harness.setup.measuring.document import tolerances_text
from harness.setup.measuring.nudges import nudged
from harness.setup.measuring.samples import AGAIN, THREADS, ULP, Sample
from harness.setup.measuring.scatters import scatters
from harness.setup.measuring.schemas import drafted_schema
from harness.setup.measuring.terms import draft_rule, draft_rules

STAGE = Stage("fit", "fit", "heat:fit")


def sample(base: Artifact, *others: tuple[str, Artifact | str], replayed: bool = False) -> Sample:
    return Sample("main", STAGE, replayed, base, list(others))


def rules(*samples: Sample):
    return {pattern: draft_rule(scatter) for pattern, scatter in scatters(samples).items()}


def values(**items) -> Artifact:
    return Artifact(items)


def test_integers_texts_and_booleans_are_exact_and_floats_have_a_tolerance():
    base = Artifact({"n": 3, "on": True, "unit": "m", "none": None, "x": 2.0, "list": [1.0, 2.0]}, {"k": np.arange(3)})
    drafted = rules(sample(base, (AGAIN, base), (THREADS, base), (ULP, base)))
    assert {p: r.terms for p, r in drafted.items()} == {
        **dict.fromkeys(("fit/n", "fit/on", "fit/unit", "fit/none", "fit/k"), "exact = true"),
        "fit/x": "rtol = 1e-9",
        "fit/list/*": "rtol = 1e-9, atol = 1e-9",
    }
    assert not any(r.lacking or r.remark for r in drafted.values())


def test_a_tolerance_is_a_hundred_times_what_was_seen_and_the_remark_says_what():
    (rule,) = rules(sample(values(x=1.0), (ULP, values(x=1.0 + 3e-8)), (THREADS, values(x=1.0 + 1e-12)))).values()
    assert rule.terms == "rtol = 1e-5"
    assert rule.remark == "moved by 1e-12 (threads), 3e-08 (one ulp)"


def test_a_replay_may_move_as_far_as_the_whole_run_where_a_rule_can_allow_that():
    whole = sample(values(x=1.0, y=1.0), (ULP, values(x=1.0 + 3e-8, y=1.02)))
    replay = sample(values(x=5.0, y=5.0), (ULP, values(x=5.0, y=5.0)), replayed=True)
    drafted = {rule.pattern: rule for rule in draft_rules(scatters([whole, replay]))}
    assert drafted["replay/fit/x"].terms == drafted["fit/x"].terms == "rtol = 1e-5"
    assert drafted["replay/fit/x"].remark == "moved by 3e-08 (one ulp)"
    assert drafted["fit/y"].lacking
    assert drafted["replay/fit/y"].terms == "rtol = 1e-9"


@pytest.mark.parametrize(("kind", "rtol"), [(np.float64, "1e-9"), (np.float32, "1e-5"), (np.float16, "0.001")])
def test_the_floor_is_what_the_type_can_hold(kind, rtol):
    base = Artifact({}, {"a": np.linspace(1, 2, 5).astype(kind)})
    assert rules(sample(base))["fit/a"].terms.startswith(f"rtol = {rtol},")
    narrow = Artifact({"x": {"$float32": 0.5}})
    assert rules(sample(narrow))["fit/x"].terms == "rtol = 1e-5"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (values(x=1.0, n=4, t="a"), "fit/n is another"),
        (values(x=1.0, n=3, t="b"), "fit/t is another"),
        (values(x=1.02, n=3, t="a"), "it moves by 0.02 of its size"),
        (values(x=1.0, n=3), "fit/t is not there any more"),
    ],
)
def test_what_another_process_gives_otherwise_gets_no_rule(other, said):
    drafted = rules(sample(values(x=1.0, n=3, t="a"), (AGAIN, other)))
    (lacking,) = [rule for rule in drafted.values() if rule.lacking]
    assert not lacking.terms
    assert lacking.remark.startswith("not reproducible: ")
    assert said in lacking.remark


def test_what_fails_or_changes_its_shape_when_inputs_move_gets_no_rule():
    base = Artifact({}, {"a": np.ones(3)})
    for other, said in ((Artifact({}, {"a": np.ones(4)}), "has another shape"), ("it raised", "the stage fails")):
        (rule,) = rules(sample(base, (ULP, other))).values()
        assert rule.lacking
        assert said in rule.remark


def test_integers_that_flip_with_rounding_are_exact_and_the_remark_warns():
    (rule,) = rules(sample(values(n=3), (ULP, values(n=4)))).values()
    assert (rule.terms, rule.lacking, rule.fragile) == ("exact = true", False, True)
    assert "may differ on another machine" in rule.remark


@pytest.mark.parametrize("name", ["seconds", "fit_seconds", "elapsedTime", "wall", "t_ms", "timings"])
def test_a_duration_is_told_to_be_no_result_and_makes_no_stage_random(name):
    one, other = ({name: [x] if name == "timings" else x} for x in (0.5, 0.6))
    (rule,) = rules(sample(Artifact(one), (AGAIN, Artifact(other)))).values()
    assert rule.lacking
    assert not rule.random
    assert 'it is no result: leave it out in the adapter, or write { ignore = "wall time" }' in rule.remark


def test_a_date_is_told_to_be_no_result():
    (rule,) = rules(sample(values(started_date="Monday"), (AGAIN, values(started_date="Tuesday")))).values()
    assert "no result" in rule.remark


def test_other_random_values_and_arrays_of_times_make_a_stage_random():
    for name, one, other in (("loss", 0.5, 0.6), ("sometimes", 0.5, 0.6), ("mass", 0.5, 0.6)):
        (rule,) = rules(sample(Artifact({name: one}), (AGAIN, Artifact({name: other})))).values()
        assert rule.random
        assert "no result" not in rule.remark
    events = (Artifact({}, {"times": np.array([1.0, 2.0]) * k}) for k in (1, 2))
    (rule,) = rules(sample(next(events), (AGAIN, next(events)))).values()
    assert rule.random
    assert rules(sample(values(seconds=0.5), (AGAIN, values(seconds=0.5))))["fit/seconds"].terms == "rtol = 1e-9"


def test_what_follows_rounding_is_to_be_made_stable():
    (rule,) = rules(sample(values(x=1.0), (ULP, values(x=1.1)))).values()
    assert rule.remark.endswith("would not see 1 %: make the step stable")


def test_nan_is_matched_where_it_occurs_and_nowhere_else():
    holes = np.array([1.0, np.nan, 2.0])
    drafted = rules(sample(Artifact({"x": "NaN", "y": 1.0}, {"a": holes}), replayed=True))
    assert 'nan = "match"' in drafted["replay/fit/a"].terms
    assert 'nan = "match"' in drafted["replay/fit/x"].terms
    assert "nan" not in drafted["replay/fit/y"].terms
    moved = Artifact({}, {"a": np.array([np.nan, 1.0, 2.0])})
    (rule,) = rules(sample(Artifact({}, {"a": holes}), (AGAIN, moved))).values()
    assert rule.lacking


def test_small_elements_that_cancel_get_an_absolute_tolerance_as_far_as_that_sees_the_others():
    base = np.array([1e-6, 1.0, 2.0, -1.0])
    (rule,) = rules(sample(Artifact({}, {"a": base}), (ULP, Artifact({}, {"a": base + 9e-10})))).values()
    assert rule.terms == "rtol = 1e-7, atol = 1e-7"
    (rule,) = rules(sample(Artifact({}, {"a": base}), (ULP, Artifact({}, {"a": base + 1e-3})))).values()
    assert rule.lacking


def test_all_scenarios_count():
    one, two = sample(values(x=1e-6), (ULP, values(x=1e-6))), sample(values(x=5.0), (ULP, values(x=5.0 * (1 + 9e-9))))
    two.scenario = "other"
    assert rules(one, two)["fit/x"].terms == "rtol = 1e-6"
    two.others[0] = (ULP, values(x=5.0 * 1.001))
    assert rules(one, two)["fit/x"].lacking


def test_a_value_that_is_large_in_one_scenario_hides_no_small_one_of_another():
    """Of lists and of arrays, too: an absolute tolerance is that of the smaller scale."""
    one, two = (Artifact({"l": [x, x]}, {"a": np.full(3, x)}) for x in (1e-6, 1e6))
    first, second = sample(one), sample(two)
    second.scenario = "other"
    drafted = rules(first, second)
    assert drafted["fit/l/*"].terms == drafted["fit/a"].terms == "rtol = 1e-9, atol = 1e-15"
    second.others.append((ULP, Artifact({"l": [1e6 + 1e-8, 1e6]}, {"a": np.full(3, 1e6 + 1e-8)})))
    assert not any(rule.lacking for rule in rules(first, second).values())


FLOATS = st.floats(-1e12, 1e12, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-12)


@settings(max_examples=60, deadline=None)
@given(
    base=arrays.arrays(np.float64, st.integers(1, 12), elements=FLOATS),
    scale=st.sampled_from([0.0, 1e-16, 1e-12, 1e-8, 1e-5, 1e-4, 1e-2]),
    absolute=st.booleans(),
    data=st.data(),
)
def test_no_drafted_rule_hides_one_percent_and_each_allows_what_was_seen(tmp_path_factory, base, scale, absolute, data):
    signs = data.draw(arrays.arrays(np.float64, base.shape, elements=st.sampled_from([-1.0, 0.0, 1.0])))
    moved = base + scale * signs * (np.abs(base).max() if absolute else np.abs(base))
    accepted = Artifact({"x": float(base[0])}, {"a": base})
    seen = Artifact({"x": float(moved[0])}, {"a": moved})
    drafted = [r for r in rules(sample(accepted, (ULP, seen), (AGAIN, accepted))).values() if not r.lacking]
    folder = tmp_path_factory.mktemp("goldens")
    (folder / "tolerances.toml").write_text(tolerances_text(drafted, "x"))
    read = load_rules(folder / "tolerances.toml", folder)
    known = {rule.pattern.removeprefix("fit/") for rule in drafted}

    def failing(other: Artifact) -> set[str]:
        verdicts = compare_artifact(accepted, other, read, "fit/", {}, "deterministic")
        return {v.path for v in verdicts if v.status is Status.FAIL} & known

    assert failing(accepted) == set()
    assert failing(seen) == set()
    hidden = failing(Artifact({"x": 1.01 * accepted.values["x"]}, {"a": 1.01 * base}))
    assert hidden == {p for p in known if np.any(base != 0 if p == "a" else base[0] != 0)}


def test_a_nudge_moves_every_float_by_one_ulp_and_nothing_else():
    output = {
        "x": 1.0,
        "n": 3,
        "t": ("a", 0.0, [2.0]),
        "f": np.float32(1.5),
        "a": np.array([1.0, 0.0, np.nan, np.inf, np.finfo(float).max]),
        "c": np.array([1 + 2j]),
        "k": np.arange(2),
    }
    moved = nudged(output, 1)
    assert abs(moved["x"] - 1.0) in (np.spacing(1.0), np.spacing(1.0) / 2)
    assert moved["n"] == 3
    assert moved["t"][:2] == ("a", 0.0)
    assert moved["t"][2][0] != 2.0
    assert math.isclose(moved["t"][2][0], 2.0, rel_tol=1e-15)
    assert type(moved["f"]) is np.float32
    assert abs(float(moved["f"]) - 1.5) == float(np.spacing(np.float32(1.5)))
    assert moved["a"][0] != 1.0
    assert moved["a"][1] == 0.0
    assert np.array_equal(np.isfinite(moved["a"]), np.isfinite(output["a"]))
    assert moved["c"][0].real != 1
    assert moved["c"][0].imag != 2
    assert np.array_equal(moved["k"], output["k"])
    assert np.array_equal(nudged(output, 1)["a"], moved["a"], equal_nan=True)


def test_the_document_is_toml_in_which_what_most_values_share_is_said_once():
    base = Artifact({"a": 1.0, "b": 2.0, "n": 1, 'odd "key"': 1}, {"m": np.zeros((2, 2))})
    text = tolerances_text([*rules(sample(base, (ULP, base))).values()], "x")
    table = tomllib.loads(text)["rules"]
    assert table["fit/**"] == {"rtol": 1e-9}
    assert table["fit/n"] == {"exact": True}
    assert "fit/a" not in table
    assert table["invariants/**"] == table["configuration/**"] == {"exact": True}


def test_one_schema_is_met_by_all_scenarios_and_by_nothing_else(tmp_path):
    one = Artifact({"n": 1, "x": 1, "list": [], "t": "a", "only": 1}, {"a": np.zeros(3)})
    two = Artifact({"n": 2, "x": 1.5, "list": [{"k": 1}], "t": None}, {"a": np.zeros((2, 2)), "b": np.ones(1)})
    drafted = Schema(drafted_schema([one, two], "x/fit-1"), tmp_path / "fit.schema.json")
    for artifact in (one, two):
        assert drafted.problems(schema_document(artifact, "x/fit-1")) == []
    three = Artifact({"n": "1", "x": 1, "list": [], "t": "a"}, {"a": np.zeros(3)})
    four = Artifact({**one.values, "new": 1}, one.arrays)
    for artifact in (three, four):
        assert drafted.problems(schema_document(artifact, "x/fit-1")) != []


def test_a_list_of_arrays_meets_its_own_draft(tmp_path):
    from harness.core.trees import output_artifact

    artifact = output_artifact({"w": [np.ones(2), np.ones(3)]})
    drafted = Schema(drafted_schema([artifact], "x/fit-1"), tmp_path / "fit.schema.json")
    assert drafted.problems(schema_document(artifact, "x/fit-1")) == []
