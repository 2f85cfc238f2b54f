"""What came of mutants: rates and their intervals, samples, tighter rules, rounding, the history and the badge."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from harness.core.errors import GoldenError, ProjectError
from harness.core.protocol import Artifact
from harness.judge.comparison import compare_artifact
from harness.judge.rules import Rules
from harness.judge.tolerances import read_rule
from harness.run.work import StageError
from harness.study.prove.answer.badge import badge_svg
from harness.study.prove.answer.document import percentage, proof_headline, proof_to_json
from harness.study.prove.answer.history import blunter, read_history, remember
from harness.study.prove.answer.kept import OutcomeLog
from harness.study.prove.answer.page import proof_html, proof_markdown
from harness.study.prove.answer.rates import Rate, rates_of, tables
from harness.study.prove.answer.suggestions import drafted_rules, suggestions
from harness.study.prove.faults.mutant import Mutant
from harness.study.prove.faults.sampling import sampling_order
from harness.study.prove.proof import Proof
from harness.study.prove.trial.baseline import Baseline
from harness.study.prove.trial.movement import movements
from harness.study.prove.trial.outcome import MutantOutcome, Slack, outcome_from
from harness.study.prove.trial.overlay import overlay_outcome
from harness.study.prove.trial.tighter import scaled_rule, tightest_rule
from harness.study.prove.tries import EDITS, OVERLAYS, batches

RULE = '"a/x" = { rtol = 0.01 }'


def mutant(n: int, kind: str = "output", stage: str = "solve", scenario: str = "smooth") -> Mutant:
    return Mutant(kind, "sign", (stage,), f"field/{n}", "its sign", scenario)


def outcome(n: int, fate: str, first: str = "", **more) -> MutantOutcome:
    return MutantOutcome(mutant(n), fate, "exact", first=first, **more)


def proof(outcomes, used=None) -> Proof:
    baseline = Baseline({}, used or {}, {"smooth": "goldens/tolerances.toml"}, 1.0)
    count = len(outcomes)
    return Proof(
        "heat", "cpu", False, ("smooth",), 0, "f00", {"output": count}, (), count, baseline, 0, {}, outcomes, 1.0
    )


# Rates


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),  # R: prop.test(hits, of, correct = FALSE)$conf.int
    [(10, 10, 0.722467, 1.0), (0, 10, 0.0, 0.277533), (5, 10, 0.236593, 0.763407), (97, 100, 0.915479, 0.989745)],
)
def test_the_interval_is_wilsons(hits, of, low, high):
    assert Rate(hits, of).interval == pytest.approx((low, high), abs=2e-6)


def test_of_nothing_nothing_is_known():
    assert (Rate(0, 0).value, Rate(0, 0).interval) == (None, (0.0, 1.0))


def test_equivalent_and_untried_mutants_are_in_no_rate():
    fates = [*("caught",) * 3, "survived", "equivalent", "untried"]
    row = rates_of("all", [outcome(i, f, "solve" if i < 2 else "read") for i, f in enumerate(fates)])
    assert (row.detection, row.localisation) == (Rate(3, 4), Rate(2, 3))
    assert (row.equivalent, row.untried) == (1, 1)


def test_rates_are_told_by_what_a_mutant_is_and_by_the_tier_that_judged_it():
    caught = dataclasses.replace(outcome(1, "caught", "solve"), tier="deterministic")
    found = tables([caught, outcome(2, "survived"), dataclasses.replace(outcome(3, "equivalent"), tier="")])
    assert {row.name: row.detection for row in found["tier"]} == {"deterministic": Rate(1, 1), "exact": Rate(0, 1)}
    assert [(row.name, row.equivalent) for row in found["stage"]] == [("solve", 1)]


@pytest.mark.parametrize(
    ("share", "words"), [(1.0, "100 %"), (0.9999, "99.9 %"), (0.0, "0 %"), (1e-6, "0.1 %"), (0.5, "50 %"), (None, "–")]
)
def test_a_percentage_is_never_rounded_to_all_or_nothing(share, words):
    assert percentage(share) == words


# Samples


def test_every_beginning_of_the_order_is_a_stratified_sample():
    population = [mutant(n, stage=stage) for stage, of in (("a", 200), ("b", 50), ("c", 10)) for n in range(of)]
    order = sampling_order(population, 0)
    assert Counter(m.id for m in order) == Counter(m.id for m in population)
    for beginning in (26, 52, 130, 200):
        found = Counter(m.stages[0] for m in order[:beginning])
        for stage, of in (("a", 200), ("b", 50), ("c", 10)):
            assert abs(found[stage] - of * beginning / 260) < 2


def test_the_sample_is_decided_by_the_seed_alone():
    population = [mutant(n) for n in range(50)]
    assert sampling_order(population, 3) == sampling_order(reversed(population), 3)
    assert sampling_order(population, 3) != sampling_order(population, 4)
    assert sampling_order([*population, *population], 3) == sampling_order(population, 3)


def test_jobs_hold_every_mutant_once_and_edits_are_few_together():
    both = [mutant(n, "source" if n % 2 else "output", scenario="ab"[n % 4 // 2]) for n in range(300)]
    jobs = batches(both)
    assert Counter(m.id for job in jobs for m in job) == Counter(m.id for m in both)
    assert all(len({(m.kind == "source") or m.scenario for m in job}) == 1 for job in jobs)
    assert max(len(job) for job in jobs if job[0].kind == "source") == EDITS
    assert max(len(job) for job in jobs if job[0].kind != "source") == OVERLAYS


# Movements


@pytest.mark.parametrize(
    ("before", "after", "by"),
    [
        (np.array([1.0, 2.0]), np.array([1.0, 2.0 + 4e-16]), None),
        (np.array([1e-30, 2.0]), np.array([1e-20, 2.0]), None),  # far below the last place of the largest
        (np.array([1.0, 2.0]), np.array([1.0, 2.002]), 1e-3),
        (np.float32([1.0, 2.0]), np.float32([1.0, 2.000001]), None),
        (np.float32([1.0, 2.0]), np.float32([1.0, 2.002]), 1e-3),
        (np.array([1, 2]), np.array([1, 3]), 0.5),
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.0]), None),
        (np.array([np.nan, 1.0]), np.array([1.0, 1.0]), np.inf),
        (np.array([np.inf, 1.0]), np.array([-np.inf, 1.0]), np.inf),
        (np.array([1 + 1j]), np.array([1 - 1j]), 2 / np.sqrt(2)),
        (np.array([True]), np.array([False]), np.inf),
        (np.array(["a"]), np.array(["b"]), np.inf),
        (np.zeros(3), np.array([0, 0, 1e-9]), np.inf),
        (np.zeros((2, 3)), np.zeros((3, 2)), np.inf),
        (np.zeros((0, 3)), np.zeros((0, 3)), None),
    ],
)
def test_what_moves_by_more_than_rounding(before, after, by):
    found = movements(Artifact({}, {"x": before}), Artifact({}, {"x": after}))
    assert [m.by for m in found] == ([] if by is None else [pytest.approx(by, rel=1e-3)])


def test_values_move_as_well_and_so_does_what_is_new_or_gone():
    before = Artifact({"a": 1.0, "n": 3, "t": "x", "gone": 1, "same": [1, 2.0]}, {"old": np.ones(1)})
    after = Artifact({"a": 1.5, "n": 3.0, "t": "y", "new": 1, "same": [1, 2.0]}, {"other": np.ones(1)})
    found = {m.path: m.by for m in movements(before, after)}
    assert found == dict.fromkeys(("n", "t", "gone", "new", "old", "other"), np.inf) | {"a": pytest.approx(0.5)}


# Tighter rules


def rules(text: dict) -> Rules:
    return Rules((read_rule("a/x", text, Path("t.toml"), "t.toml"),), (Path("t.toml"),), Path())


@pytest.mark.parametrize(
    "terms",
    [
        {"rtol": 0.01},
        {"rtol": 1e-3, "atol": 0.02},
        {"atol": 1.0},
        {"ulp": 2**52},
        {"rtol": 0.1, "l2": 0.01},
        {"rtol": 0.01, "warn": 0.5},
    ],
)
@pytest.mark.parametrize("moved", [1.0001, 1.005])
def test_the_tightest_rule_catches_what_the_rule_let_pass(terms, moved):
    golden = Artifact({}, {"x": np.array([2.0, 3.0])})
    given = Artifact({}, {"x": np.array([2.0, 3.0]) * moved})
    (before,) = compare_artifact(golden, given, rules(terms), "a/", {}, "deterministic")
    assert not before.status.failed
    tighter = scaled_rule(rules(terms).rules[0], 0.9 * before.used, "a/x")
    (after,) = compare_artifact(golden, given, dataclasses.replace(rules(terms), rules=(tighter,)), "a/", {}, "exact")
    assert after.status.failed
    assert after.used < 1.3  # it is no tighter than it has to be
    (right,) = compare_artifact(golden, golden, dataclasses.replace(rules(terms), rules=(tighter,)), "a/", {}, "exact")
    assert not right.status.failed


def test_bounds_come_nearer_to_the_golden():
    rule = rules({"min": 1.0, "max": 3.0}).rules[0]
    assert tightest_rule(rule, "a/x", 0.5, 2.0) == '"a/x" = { min = 1.55, max = 2.45 }'
    assert tightest_rule(rule, "a/x", 0.5) == ""  # an array has no one golden


@pytest.mark.parametrize(
    ("terms", "used"),
    [
        ({"exact": True}, None),
        ({"interval": True}, 0.5),
        ({"rtol": 0.1}, None),
        ({"ulp": 1}, 0.5),
        ({"rtol": 0.0}, 0.1),
    ],
)
def test_where_no_number_would_help_there_is_no_tighter_rule(terms, used):
    assert tightest_rule(rules(terms).rules[0], "a/x", used) == ""


def survivor(n: int, used: float, address: str = "a/x") -> MutantOutcome:
    tightest = tightest_rule(rules({"rtol": 0.01}).rules[0], address, used)
    return outcome(n, "survived", slack=(Slack(address, 1e-3, "deterministic", "smooth", RULE, used, tightest),))


def test_one_drafted_rule_catches_all_that_survived_at_an_address():
    (draft,) = suggestions(proof([survivor(1, 0.5), survivor(2, 0.1)]))
    assert (draft.file, draft.rule, draft.instead) == ("goldens/tolerances.toml", '"a/x" = { rtol = 0.0009 }', RULE)
    assert draft.catches == tuple(sorted(mutant(n).id for n in (1, 2)))
    assert (
        drafted_rules([draft])
        == f'# goldens/tolerances.toml\n[rules]\n# instead of {RULE}\n"a/x" = {{ rtol = 0.0009 }}\n'
    )


def test_no_rule_is_drafted_that_right_values_use_much_of():
    outcomes = [survivor(1, 0.1)]
    assert suggestions(proof(outcomes, {"smooth": {"a/x": 0.005}}))
    assert suggestions(proof(outcomes, {"smooth": {"a/x": 0.02}})) == []


@pytest.mark.parametrize(
    ("error", "fate", "first"),
    [
        (ProjectError("stage solve asks for rod.points"), "caught", "solve"),
        (StageError("it took longer than 5 s"), "caught", ""),
        (GoldenError("the disk is full"), "untried", ""),
        (RuntimeError("a fault of the harness"), "untried", ""),
    ],
)
def test_only_what_ends_a_verification_counts_as_caught(error, fate, first):
    class Examined:
        scenario = SimpleNamespace(name="smooth")

        @property
        def pipeline(self):
            raise error

    found = overlay_outcome(mutant(1), Examined(), {})
    assert (found.fate, found.first) == (fate, first)
    assert str(error) in found.message + found.reason


# What is kept


def test_outcomes_are_read_as_they_were_written_but_for_a_line_that_was_cut(tmp_path):
    log = OutcomeLog(tmp_path / "new/outcomes.jsonl")
    assert log.read() == {}
    kept = [outcome(1, "caught", "solve"), survivor(2, 0.5)]
    lost = dataclasses.replace(kept[1], slack=(Slack("a/x", np.inf, "exact"),))
    for each in (*kept, lost):
        log.add(each)
    with log.path.open("a") as file:
        file.write('{"fate": "caught", "muta')
    assert list(log.read().values()) == [kept[0], lost]
    assert outcome_from(json.loads(json.dumps(lost.as_json()))) == lost


def record(subject, hits, of=100, commit="c" * 40, **more):
    share = {"detection": Rate(hits, of).as_json(), "localisation": Rate(hits, of).as_json()}
    asked = {"profile": "cpu", "training": False, "scenarios": ["smooth"], "kinds": ["output"], "only": []}
    return {
        "version": 1,
        "commit": commit,
        "date": "2026",
        "subject": subject,
        **asked,
        "all": share,
        "stages": {"solve": share},
    } | more


def test_a_guard_that_became_blunter_is_told():
    told = blunter([record("old", 98), record("new", 80)])
    assert told == [
        f"{who} became blunter: it catches 80 %, and caught 98 % at cccccccccc"
        for who in ("the whole guard", "stage solve")
    ]
    assert blunter([record("old", 98), record("new", 96)]) == []  # by no more than samples differ
    assert blunter([record("old", 80), record("new", 98)]) == []
    assert blunter([record("old", 98), record("new", 80, kinds=["source"])]) == []  # another question
    assert blunter([record("old", 98)]) == blunter([]) == []


def test_the_history_has_one_record_of_one_proof(tmp_path):
    path = tmp_path / "deep/history.jsonl"
    remember(path, record("old", 98))
    remember(path, record("old", 98, date="2027"))
    lacking = [{key: value for key, value in record("x", 1).items() if key != left} for left in ("only", "all", "date")]
    odd = [*lacking, record("x", 1, stages={"solve": 3}), record("x", 1, version=2), [1]]
    path.write_text("\n".join([path.read_text(), "no JSON", *map(json.dumps, odd), ""]))
    assert [r["subject"] for r in remember(path, record("new", 97))] == ["old", "new"]
    assert [r["subject"] for r in read_history(path)] == ["old", "new"]


# What is shown


@pytest.mark.parametrize(
    ("hits", "of", "colour"), [(100, 100, "2e7d32"), (9, 10, "b3261e"), (90, 100, "9a6700"), (0, 0, "6b7280")]
)
def test_the_badge_has_the_rate_and_a_colour_that_few_mutants_do_not_earn(hits, of, colour):
    svg = badge_svg(Rate(hits, of))
    ElementTree.fromstring(svg)
    assert f"#{colour}" in svg
    assert percentage(Rate(hits, of).value) in svg


def test_pages_show_survivors_with_their_rules_and_escape_what_a_stranger_named():
    strange = dataclasses.replace(survivor(2, 0.5), mutant=dataclasses.replace(mutant(2), place="<script>"))
    whole = proof(
        [outcome(1, "caught", "solve"), strange, outcome(3, "caught", "read"), outcome(4, "equivalent", reason="no")]
    )
    page, table = (
        proof_html(whole, [record("old", 9), record("new", 9)], ["it became blunter"]),
        proof_markdown(whole, []),
    )
    assert "<script>" not in page
    for words in ("Caught 2 of 3 faults", "rtol = 0.0045", "It became blunter", "cccccccccc"):
        assert words in page
    assert "`solve <script>`" in table
    assert proof_headline(whole).startswith(
        "caught 2 of 3 faults (66.7 %, 20.8 % to 93.9 %), 1 of them in the right stage"
    )
    assert proof_to_json(whole)["suggestions"][0]["rule"] == '"a/x" = { rtol = 0.0045 }'
