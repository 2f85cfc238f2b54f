"""The diagnosis, from made-up reports: which stage is wrong, which only received what was wrong already."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.protocol import Artifact, Pipeline, Stage
from harness.core.verdicts import ArtifactReport, Explanation, ScenarioReport, Status, Verdict, Worst
from harness.judge.comparison import compare_artifact
from harness.judge.rules import Rule, Rules
from harness.verify.kept_candidates import why_kept
from harness.verify.localisation.stages import localise

NAMES = ("make", "shape", "learn", "judge")
PIPELINE = Pipeline(
    name="works",
    stages=tuple(Stage(name, name, lambda config, progress: {}) for name in NAMES),
    scenarios=dict,
    load=lambda name, profile, overrides: None,
    source_roots=(),
    reference=("judge/reference/*",),
    quality=("judge/**",),
    learned="learn",
)


def report(stage, track, *failing, **options):
    verdicts = [Verdict("fine", Status.PASS, "exact"), *(Verdict(p, Status.FAIL, "exact", used=3.0) for p in failing)]
    return ArtifactReport(stage, stage, track, tuple(verdicts), **options)


def diagnosis(main=(), alone=(), replayed=NAMES, invariants=(), **special):
    """``main`` and ``alone``: stages that fail in a scenario's own profile, and when they are replayed."""
    reports = [report("configuration", "cpu", *(["a"] if "configuration" in main else []))]
    reports += [special.get(n) or report(n, "cpu", *(["x"] if n in main else [])) for n in NAMES]
    reports += [report(n, "replay", *(["x"] if n in alone else [])) for n in replayed]
    return localise(PIPELINE, reports, invariants, "replay")


def verdicts_of(result):
    return [f.verdict for f in result.findings if f.stage != "configuration"]


@pytest.mark.parametrize(("main", "alone", "first", "expected"), [
    ((), (), None, ["sound"] * 4),
    (NAMES, ("make",), "make", ["wrong", *["input already wrong"] * 3]),
    (("shape", "learn", "judge"), ("shape",), "shape", ["sound", "wrong", *["input already wrong"] * 2]),
    (("learn", "judge"), ("learn", "judge"), "learn", ["sound", "sound", "wrong", "wrong"]),
    (("learn",), (), "learn", ["sound", "sound", "differs here", "sound"]),
    (NAMES, ("learn",), "make", ["differs here", "input already wrong", "wrong", "input already wrong"]),
    ((), ("shape",), "shape", ["sound", "wrong", "sound", "sound"]),
    (("configuration", "shape"), (), "configuration", ["sound", "input already wrong", "sound", "sound"]),
])  # fmt: skip
def test_first_stage_and_findings(main, alone, first, expected):
    result = diagnosis(main, alone)
    assert result.first == first
    assert verdicts_of(result) == expected


def test_the_earliest_stage_that_differs_is_first_however_certain_a_later_one_is():
    """Data flow one way: docs/explanation/goldens.md, "Which stage is named first"."""
    own_profile_only = diagnosis(main=("shape", "learn", "judge"), alone=("learn",))
    assert own_profile_only.first == "shape"
    assert verdicts_of(own_profile_only) == ["sound", "differs here", "wrong", "input already wrong"]
    alone_only = diagnosis(main=("judge",), alone=("shape",))
    assert alone_only.first == "shape"
    assert verdicts_of(alone_only) == ["sound", "wrong", "sound", "input already wrong"]


def test_a_stage_without_a_replay_is_wrong_unless_an_earlier_one_is():
    assert verdicts_of(diagnosis(("learn",), replayed=())) == ["sound", "sound", "wrong", "sound"]
    result = diagnosis(("shape", "learn"), replayed=("make", "shape"))
    assert verdicts_of(result) == ["sound", "differs here", "input already wrong", "sound"]
    assert "it was not replayed, and shape before it differs already" in result.findings[3].reason


def test_a_stage_that_raised_is_wrong_and_those_after_it_are_blocked():
    result = diagnosis(
        learn=ArtifactReport("learn", "learn", "cpu", error="ValueError: no"),
        judge=ArtifactReport("judge", "judge", "cpu", blocked="learn"),
    )
    assert result.headline == "Look at learn first: it raised ValueError: no"
    assert verdicts_of(result) == ["sound", "sound", "wrong", "input already wrong"]


def test_the_headline_names_the_value_that_is_furthest_out():
    assert diagnosis(("make",), ("make",)).headline == (
        "Look at make first: replayed alone from stored inputs, x is not as accepted (3 times its tolerance)"
    )


def test_an_invariant_alone_is_the_headline():
    broken = Verdict("energy", Status.FAIL, "invariant", "it grew")
    result = diagnosis(invariants=(broken,))
    assert (result.headline, result.first) == ("Invariant energy does not hold", None)
    assert result.notes == ("Invariant energy does not hold: it grew",)


@pytest.mark.parametrize(("quality", "reference", "blamed"), [
    (False, False, None),
    (True, False, "The reference is as good as ever on the same data: the data are not to blame, learn"),
    (True, True, "The reference differs too"),
    (False, True, None),
])  # fmt: skip
def test_who_is_to_blame_for_quality(quality, reference, blamed):
    failing = [*(["error"] if quality else []), *(["reference/error"] if reference else [])]
    verdicts = [Verdict(p, Status.FAIL if p in failing else Status.PASS, "exact") for p in ("error", "reference/error")]
    notes = diagnosis(judge=ArtifactReport("judge", "judge", "cpu", tuple(verdicts))).notes
    assert notes[0].startswith(blamed) if blamed else notes == ()


def test_nobody_is_blamed_for_quality_where_a_stage_before_the_learned_one_is_wrong_already():
    verdicts = Verdict("error", Status.FAIL, "exact"), Verdict("reference/error", Status.PASS, "exact")
    judge = ArtifactReport("judge", "judge", "cpu", verdicts)
    assert diagnosis(("learn",), judge=judge).notes
    assert diagnosis(("shape", "learn"), judge=judge).notes == ()


def test_missing_goldens_alone_are_not_a_fault_of_a_stage():
    missing = ArtifactReport("learn", "learn", "cpu", (Verdict("", Status.MISSING, "exact"),))
    result = diagnosis(learn=missing)
    assert result.headline == "No golden yet for 1 of 9 artifacts; the others are as accepted"
    assert diagnosis(("shape",), ("shape",), learn=missing).first == "shape"


FED = Pipeline(
    name="fed",
    stages=tuple(Stage(n, n, lambda config, progress: {}, needs=needs) for n, needs in [
        ("load", ()), ("normalize", ("load",)), ("peaks", ("normalize",)), ("mask", ("load",)),
        ("sum", ("peaks", "mask")),
    ]),
    scenarios=dict,
    load=lambda name, profile, overrides: None,
)  # fmt: skip
TIMES, PLUS = (Explanation("factor", f"every number is × {by}") for by in ("1.0101", "1.5"))


def explained(main, alone=(), **special):
    """``main``: what failed of each stage, as the explanations of its arrays, or as a pair of numbers."""
    reports = []
    for stage in [s.name for s in FED.stages]:
        failed = []
        for i, what in enumerate(main.get(stage, ())):
            numbers = dict(zip(("expected", "obtained"), what, strict=True)) if isinstance(what, tuple) else {}
            failed.append(
                Verdict(f"x{i}", Status.FAIL, "exact", used=3.0, explanation=None if numbers else what, **numbers)
            )
        verdicts = (Verdict("fine", Status.PASS, "exact"), *failed)
        reports.append(special.get(stage) or ArtifactReport(stage, stage, "cpu", verdicts))
        again = [Verdict("x", Status.FAIL if stage in alone else Status.PASS, "exact", used=3.0)]
        reports.append(ArtifactReport(stage, stage, "replay", tuple(again)))
    return localise(FED, reports, (), "replay")


NOT_A_NUMBER, ALIKE = (1.0, float("nan")), (2.0, 2.0 * 1.0101)
EVERYTHING = "Of everything that differs from normalize on, every number is × 1.0101: normalize is where it begins"


@pytest.mark.parametrize(("main", "alone", "note"), [
    ({"normalize": [TIMES], "peaks": [TIMES, TIMES], "sum": [TIMES]}, ("normalize",), EVERYTHING),
    ({"normalize": [TIMES], "peaks": [TIMES], "sum": [ALIKE]}, (), EVERYTHING),
    ({"normalize": [TIMES], "peaks": [TIMES, None], "sum": [PLUS]}, (),
     "Of 2 of 4 failing values, in normalize and peaks, every number is × 1.0101: normalize is where it begins"),
    # The same in a stage that normalize does not feed, or in one that is wrong by itself: no cause.
    ({"normalize": [TIMES], "mask": [TIMES]}, (),
     "Of 2 of 2 failing values, in normalize and mask, every number is × 1.0101"),
    ({"normalize": [TIMES], "peaks": [TIMES]}, ("peaks",),
     "Of 2 of 2 failing values, in normalize and peaks, every number is × 1.0101"),
    ({"normalize": [TIMES], "peaks": [PLUS]}, (), None),
    ({"normalize": [TIMES]}, (), None),
    ({"normalize": [None], "peaks": [TIMES], "sum": [TIMES]}, (), None),
    ({"normalize": [TIMES], "peaks": [NOT_A_NUMBER, (0.0, 1.0)]}, (), None),
])  # fmt: skip
def test_what_stages_have_in_common_is_said_with_where_it_begins(main, alone, note):
    result = explained(main, alone)
    assert result.first == "normalize"
    also = [f"Also wrong on stored inputs: {stage}" for stage in alone if stage != "normalize"]
    assert list(result.notes) == also + ([note] if note else [])


def test_nothing_is_said_of_everything_where_a_stage_raised():
    raised = ArtifactReport("sum", "sum", "cpu", error="ValueError: no")
    result = explained({"normalize": [TIMES], "peaks": [TIMES]}, sum=raised)
    assert result.notes[0].startswith("Of 2 of 2 failing values, in normalize and peaks")


def test_the_reason_of_a_stage_has_the_explanation():
    result = explained({"normalize": [TIMES, TIMES, None]})
    assert result.reason == (
        "x0 and x1 are not as accepted (3 times its tolerance): 2 of 2, every number is × 1.0101, "
        "though it is right on its small stored inputs"
    )


@pytest.mark.parametrize(
    ("stage", "tolerance", "said"),
    [
        ("make", {"rtol": 1e-9}, "rate is not as accepted (was 0.7, is 0.75)"),
        ("make", {"rtol": 0.01}, "rate is not as accepted (7.14 times its tolerance)"),
        ("make", {"exact": True}, "rate is not as accepted"),
        ("configuration", {"rtol": 0.01}, "rate is not as accepted (was 0.7, is 0.75)"),
    ],
)
def test_of_a_setting_no_multiple_of_a_tolerance_is_said(stage, tolerance, said):
    verdicts = compared({"rate": 0.7}, {"rate": 0.75}, tolerance)
    result = localise(PIPELINE, [ArtifactReport(stage, stage, "cpu", verdicts)], (), "replay")
    assert result.headline == f"Look at {stage} first: {said}"


def compared(golden, obtained, tolerance, arrays=False):
    rules = Rules((Rule("**", Path("tolerances.toml"), tolerance),), (Path("tolerances.toml"),), Path())
    sides = [Artifact({}, side) if arrays else Artifact(side) for side in (golden, obtained)]
    return compare_artifact(*sides, rules, "make/", {}, "deterministic")


def test_a_value_beside_a_nan_is_told_by_its_own_multiple():
    field = np.arange(1.0, 9.0)
    verdicts = compared({"f": field}, {"f": [np.nan, *(field[1:6]), 7.7, 3e9]}, {"rtol": 0.1}, arrays=True)
    result = localise(PIPELINE, [ArtifactReport("make", "make", "cpu", verdicts)], (), "replay")
    assert "f is not as accepted (3,750,000,000 times its tolerance)" in result.headline


# What the commands say of what is new, and of each candidate


def new(stage, track="cpu"):
    return ArtifactReport(stage, stage, track, (Verdict("", Status.MISSING, "exact", "there is no golden"),))


def scenario(*reports):
    return ScenarioReport("small", "cpu", "", reports, (), localise(PIPELINE, reports, (), "replay"))


def test_where_nothing_is_accepted_yet_no_others_are_said_to_be(capsys):
    from harness.cli.tables.verification import show_scenario

    first = scenario(*map(new, NAMES))
    assert first.diagnosis.headline == (
        "Nothing is accepted yet: look at the candidates with `harness review`, then accept them"
    )
    show_scenario(first)
    rows = [line for line in capsys.readouterr().out.splitlines() if "cpu" in line and "shape" in line]
    assert "no golden yet" in rows[0]
    assert not any(words in rows[0] for words in ("FAIL", "0 of 1"))
    some = scenario(report("make", "cpu"), *map(new, NAMES[1:]))
    assert some.diagnosis.headline == "No golden yet for 3 of 4 artifacts; the others are as accepted"


def test_each_candidate_is_kept_for_a_reason_of_its_own():
    found = scenario(
        *(report(n, "cpu", *bad) for n, bad in zip(NAMES, ((), ("x",), ("y",), ()), strict=True)),
        *(report(n, "replay", *bad) for n, bad in zip(NAMES, ((), (), (), ("z",)), strict=True)),
    )
    assert why_kept(found, "cpu", "shape", True) == "x is not as accepted (3 times its tolerance)"
    assert why_kept(found, "cpu", "learn", True) == (
        "y is not as accepted (3 times its tolerance); its input is wrong already: look at shape first"
    )
    assert why_kept(found, "replay", "judge", True) == "z is not as accepted (3 times its tolerance)"
    assert why_kept(found, "replay", "make", True).startswith("as accepted; it is kept beside the others")
    assert why_kept(scenario(new("make")), "cpu", "make", False) == "there is no golden yet"
    assert why_kept(found, "replay", "given", False) == "there is no golden yet"
    assert why_kept(found, "replay", "given", True).startswith("as accepted; it is kept beside the others")
    better = ArtifactReport("make", "make", "cpu", (Verdict("loss", Status.IMPROVED, "exact"),))
    assert why_kept(scenario(better), "cpu", "make", True) == "better than accepted"


@pytest.mark.parametrize(
    ("artifact", "names"),
    [
        (Artifact({}), [("", "no values")]),
        (Artifact({}, {"field": np.ones(2)}), [("field", "float64 [2]")]),
        (Artifact({"a": 1.0}), [("a", 1.0)]),
    ],
)
def test_a_first_candidate_has_no_row_without_a_name(artifact, names, capsys):
    from harness.cli.tables.approval import show_values
    from harness.verify.review import _first

    verdicts = _first(artifact)
    assert [(v.path, v.obtained) for v in verdicts] == names
    show_values(verdicts)
    assert (names[0][0] or "(all of it)") in capsys.readouterr().out


def test_other_stages_that_are_wrong_alone_are_told_and_asked_what_they_share():
    def told(main, alone, **special):
        asked = []
        reports = [report("configuration", "cpu", *(["a"] if "configuration" in main else []))]
        reports += [report(n, "cpu", *(["x"] if n in main else [])) for n in NAMES]
        reports += [special.get(n) or report(n, "replay", *(["x"] if n in alone else [])) for n in NAMES]
        result = localise(PIPELINE, reports, (), "replay", lambda stages: asked.append([*stages]) or ["shared"])
        return result.notes[:2], asked

    also = "Also wrong on stored inputs: learn and judge"
    assert told(NAMES[1:], NAMES[1:]) == ((also, "shared"), [[*NAMES[1:]]])
    assert told(NAMES, ("make",)) == (("shared",), [["make"]])
    also = "Also wrong on stored inputs: judge"  # make differs in its own profile
    assert told(NAMES, ("judge",)) == ((also, "shared"), [["judge"]])
    assert told(("configuration",), ("make", "judge")) == (
        ("Under this configuration wrong on stored inputs: make and judge", "shared"),
        [["make", "judge"]],
    )
    for status in (Status.MISSING, Status.STALE):  # nothing was compared
        lacking = ArtifactReport("judge", "judge", "replay", (Verdict("", status, "exact"),))
        assert told(NAMES, ("make",), judge=lacking) == (("shared",), [["make"]])


def two_runs(first, second, then=1.5, index=(3,)):
    """The diagnosis where ``shape`` gave one number in the profile, and one replayed; ``then``: the replay's golden."""
    reports = [report(n, track) for track in ("cpu", "replay") for n in NAMES if n != "shape"]
    for track, number, expected in (("cpu", first, 1.5), ("replay", second, then)):
        worst = (Worst(index if track == "cpu" else (3,), expected, number, 9.0),)
        array = Verdict("field", Status.FAIL, "exact", "out", expected="float64 [9]", used=9.0, worst=worst)
        reports.append(ArtifactReport("shape", "shape", track, (Verdict("fine", Status.PASS, "exact"), array)))
    return localise(PIPELINE, reports, (), "replay")


def test_a_stage_that_gave_two_results_for_one_input_is_not_reproducible():
    assert two_runs(1.75, 1.25).notes == (
        "shape is not reproducible: for the same inputs it gave 1.75 for field[3] in cpu, and 1.25 in replay: seed it, "
        "or give it all that it depends on",
    )


@pytest.mark.parametrize("runs", [
    two_runs(1.75, 1.75), two_runs(1.75, 1.7500001), two_runs(1.75, 1.25, then=1.0), two_runs(1.75, 1.25, index=(4,)),
    diagnosis(("make", "shape"), ("make", "shape")),
])  # fmt: skip
def test_what_gave_one_result_or_had_other_goldens_is_not_called_that(runs):
    assert not [note for note in runs.notes if "reproducible" in note]


def test_where_every_value_fails_alike_the_headline_counts_them():
    times = Explanation("factor", "every number is × 2")
    verdicts = tuple(Verdict(p, Status.FAIL, "exact", used=3.0, explanation=times) for p in "abcdef")
    alike = {"make": ArtifactReport("make", "make", "cpu", verdicts)}
    assert "all 6 values are not as accepted" in diagnosis(**alike).headline
    fine = (*verdicts, Verdict("fine", Status.PASS, "exact"))
    assert "6 of 7 values are not" in diagnosis(make=ArtifactReport("make", "make", "cpu", fine)).headline


def test_what_is_explained_is_the_headline_whatever_comes_first():
    lost = Explanation("items", "row 2 of 6 is lost; the other 5 are equal")
    verdicts = (
        Verdict("good/index/stop", Status.FAIL, "exact", used=1e9),
        Verdict("good/mag", Status.FAIL, "exact", explanation=lost),
    )
    assert lost.sentence in diagnosis(make=ArtifactReport("make", "make", "cpu", verdicts)).headline
