"""A part of an artifact becomes golden: those values alone, after a run that agrees with all of what it gave."""

from __future__ import annotations

import json

import guarded
import numpy as np
import pytest
from guarded import ENERGY, SCHEMA, git

from harness.core.errors import ApprovalError, RefusedDataError
from harness.core.protocol import Artifact
from harness.core.trees import mixed_artifact
from harness.core.verdicts import Status, Verdict
from harness.store.approval_check import chain_problems, check_approvals
from harness.store.candidates import list_pending, stored_candidate

OLD = Artifact({"energy": 1.0, "more": {"a": 1, "b": [1, 2]}}, {"field": np.ones(3), "mask": np.zeros(2)})
NEW = Artifact({"energy": 1.005, "more": {"a": 2, "b": [1, 3]}}, {"field": np.full(3, 2.0), "mask": np.ones(2)})


def judge_all(identity, golden, obtained):
    """Every value exactly, the energy to 1 %."""
    verdicts = guarded.judge(identity, golden, obtained)
    same = golden.values.get("more") == obtained.values.get("more") and all(
        np.array_equal(a, obtained.arrays.get(n)) for n, a in golden.arrays.items()
    )
    return [*verdicts, Verdict("more", Status.PASS if same else Status.FAIL, "exact", "" if same else "others")]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """One golden, and a candidate that differs everywhere."""
    guarded.quiet_environment(monkeypatch)
    repository = guarded.make(tmp_path / "repository")
    repository.accept_rules()
    repository.fresh = OLD
    repository.offer(ENERGY, OLD)
    repository.accept(ENERGY, judge=judge_all)
    repository.commit("golden")
    repository.fresh = NEW
    repository.offer(ENERGY, NEW)
    return repository


def golden(repository) -> Artifact:
    return repository.goldens.read(ENERGY, repository.goldens.manifest()[ENERGY]).artifact


def accept(repository, *only, **options):
    return repository.accept(ENERGY, only=only, judge=judge_all, **options)


def test_only_those_values_take_the_candidates_and_the_approval_says_which(repository):
    before = repository.goldens.manifest()[ENERGY].approval
    approval = accept(repository, "energy", "field", reason="half of it is meant")
    now = golden(repository)
    assert now.values == {"energy": 1.005, "more": OLD.values["more"]}
    assert np.array_equal(now.arrays["field"], NEW.arrays["field"])
    assert np.array_equal(now.arrays["mask"], OLD.arrays["mask"])
    told = f"half of it is meant (only energy, field of {ENERGY}; the rest as approval {before} left it)"
    assert approval.reason == told
    assert {d.path for d in approval.changes[ENERGY].deviations} >= {"energy"}
    assert list_pending(repository.project) == []  # what is left of the candidate is of no golden any more
    head = git(repository.root, "rev-parse", "HEAD")
    repository.commit("part")
    assert chain_problems(repository.project) == []
    assert check_approvals(repository.project, head) == []


@pytest.mark.parametrize("only", ["more", "more/*", "more/**", f"{ENERGY}/more"])
def test_a_branch_with_all_below_it_and_wildcards(repository, only):
    accept(repository, only)
    assert golden(repository).values == {"energy": 1.0, "more": NEW.values["more"]}


def test_an_item_of_a_list_that_kept_its_length(repository):
    accept(repository, "more/b/1")
    assert golden(repository).values["more"] == {"a": 1, "b": [1, 3]}


def refused(repository, sentence, *only, **options):
    """The acceptance is refused with a sentence, and nothing is written."""
    before = repository.state()
    with pytest.raises(ApprovalError) as raised:
        accept(repository, *only, **options)
    assert sentence in str(raised.value)
    assert repository.state() == before


def test_a_fresh_run_must_agree_with_all_of_the_candidate_and_not_with_the_chosen_part_alone(repository):
    """Else a run that gives something else each time would lend its values to a golden."""
    repository.fresh = Artifact({**NEW.values, "more": {"a": 9, "b": [1, 3]}}, NEW.arrays)
    refused(repository, "a fresh run disagrees with the candidate", "energy")


def test_a_fresh_run_that_still_gives_the_golden_is_no_support_for_the_part(repository):
    repository.fresh = OLD
    refused(repository, "a fresh run disagrees with the candidate", "more/a")


@pytest.mark.parametrize(
    ("only", "sentence"),
    [
        ("enrgy", "did you mean 'energy'?"),
        ("more/b/9", "has no such value"),
        ("", "it has an empty part"),
        ("more//a", "it has an empty part"),
        ("f[0]", "'[' has no meaning"),
    ],
)
def test_a_path_that_names_nothing_is_refused(repository, only, sentence):
    refused(repository, sentence, only)


def test_what_does_not_differ_is_refused(repository):
    repository.offer(ENERGY, Artifact({**NEW.values, "energy": 1.0}, NEW.arrays))
    refused(repository, "nothing at energy differs from the golden", "energy")


def test_the_mixture_must_fit_the_schema_though_the_candidate_does(repository):
    seen = []

    def validate(artifact, schema):
        seen.append(artifact.values)
        return ["energy and more must move together"] if artifact.values["more"] == OLD.values["more"] else []

    refused(repository, "does not fit its schema", "energy", validate=validate)
    assert seen[0] == {"energy": 1.005, "more": OLD.values["more"]}
    accept(repository, "more", validate=validate)


def test_every_value_needs_a_rule_and_no_invariant_may_fail(repository):
    refused(repository, "accept these rules first", "energy", lacking=lambda i, a: ["no rule speaks of more"])
    repository.broken = ["energy is lost"]
    refused(repository, "an invariant fails", "energy")


def test_a_new_golden_another_schema_and_several_ids_are_refused(repository):
    repository.offer("heat/cpu/other", NEW)
    with pytest.raises(ApprovalError, match="there is no golden for the rest"):
        repository.accept("heat/cpu/other", only=["energy"])
    with pytest.raises(ApprovalError, match="give one id"):
        repository.accept(ENERGY, "heat/cpu/other", only=["energy"])
    repository.offer(ENERGY, NEW, schema="plant/energy-2")
    refused(repository, f"its golden has schema {SCHEMA}", "energy")
    repository.offer(ENERGY, NEW, comparator="2")
    refused(repository, "no rule speaks of both", "energy")


def test_a_replays_output_and_an_ensemble_have_no_parts(repository):
    for identity, schema, what in (
        ("heat/replay/energy", "harness/output-1", "what a replay gives to the next stages"),
        ("heat/cpu/ensemble", "harness/ensemble-1", "made of many runs"),
    ):
        for artifact in (OLD, NEW):
            repository.fresh = artifact
            repository.offer(identity, artifact, schema=schema)
            if artifact is OLD:
                repository.accept(identity, judge=judge_all, rerun=lambda i, s=schema: (OLD, s))
        with pytest.raises(ApprovalError, match=what):
            repository.accept(identity, only=["energy"], judge=judge_all)


def test_an_edited_tolerance_has_no_parts(repository):
    repository.write("goldens/heat/tolerances.toml", 'version = 1\nextends = "../tolerances.toml"\n# more\n[rules]\n')
    with pytest.raises(ApprovalError, match="a file that was edited"):
        repository.accept("heat/tolerances.toml", only=["rules"])


def test_a_golden_that_was_edited_lends_no_rest(repository):
    """A mixture takes from the golden what was accepted, by its digest."""
    path = repository.root / "goldens/heat/cpu/energy.json"
    path.write_bytes(path.read_bytes().replace(b'"a": 1', b'"a": 7'))
    assert json.loads(path.read_bytes())["values"]["more"]["a"] == 7
    with pytest.raises(Exception, match="is not what was accepted"):
        accept(repository, "energy")
    assert stored_candidate(repository.project, ENERGY)


def test_ci_refuses_parts_as_well(repository, monkeypatch):
    monkeypatch.setenv("CI", "1")
    refused(repository, "is refused in CI", "energy")


def test_a_value_whose_name_looks_like_a_pattern_is_itself_alone(repository):
    """Whoever chose one value by its name has not chosen those that a pattern would match."""
    for n, artifact in enumerate((OLD, NEW)):
        values = {**artifact.values, "e*": float(n), "ex": float(n), "f[0]": float(n)}
        repository.fresh = Artifact(values, artifact.arrays)
        repository.offer(ENERGY, repository.fresh)
        if n == 0:
            repository.accept(ENERGY)
    repository.accept(ENERGY, only=["e*", "f[0]"])
    now = golden(repository).values
    assert (now["e*"], now["f[0]"], now["ex"], now["energy"]) == (1.0, 1.0, 0.0, 1.0)


# Mixtures


def mixed(old, new, *paths):
    chosen = {*paths}
    return dict(mixed_artifact(Artifact(old), Artifact(new), lambda path: path in chosen).values)


@pytest.mark.parametrize(
    ("old", "new", "paths", "mixture"),
    [
        ({"a": 1}, {"a": 2, "b": 3}, ["b"], {"a": 1, "b": 3}),
        ({"a": 1, "b": 3}, {"a": 2}, ["b"], {"a": 1}),
        ({"a": 1, "b": 3}, {"a": 2}, ["a"], {"a": 2, "b": 3}),
        ({"a": [1, 2]}, {"a": [1, 2, 3]}, ["a/0", "a/1", "a/2"], {"a": [1, 2, 3]}),
        ({"a": {"$float": "NaN"}}, {"a": 1.0}, ["a"], {"a": 1.0}),
        ({"a": {"$tuple": [1, 2]}}, {"a": {"$tuple": [1, 3]}}, ["a/1"], {"a": {"$tuple": [1, 3]}}),
        ({"a": True}, {"a": 1}, ["a"], {"a": 1}),
        ({"a": 1}, {"a": 1.0}, [], {"a": 1}),
        ({"a": {"$array": "a"}}, {"a": 1}, ["a"], {"a": 1}),
        ({"a": {}}, {"a": {"b": 1}}, ["a", "a/b"], {"a": {"b": 1}}),
    ],
)
def test_a_mixture_has_the_new_values_at_the_chosen_places_alone(old, new, paths, mixture):
    found = mixed(old, new, *paths)
    assert json.dumps(found) == json.dumps(mixture)


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({"a": [1, 2]}, {"a": [1, 2, 3]}, ["a/2"]),
        ({"a": {"b": 1}}, {"a": [1]}, ["a/0"]),
        ({"a": {"$tuple": [1]}}, {"a": [2, 3]}, ["a/1"]),
        ({}, {"a": {"b": 1, "c": 2}}, ["a/b"]),
    ],
)
def test_half_of_something_of_another_form_is_refused(old, new, paths):
    with pytest.raises(RefusedDataError, match="choose all of it, or none"):
        mixed(old, new, *paths)


def test_arrays_come_and_go_whole():
    old, new = Artifact({}, {"a": np.ones(2), "b": np.ones(2)}), Artifact({}, {"a": np.zeros(3), "c": np.ones(1)})
    assert {*mixed_artifact(old, new, lambda path: path == "c").arrays} == {"a", "b", "c"}
    assert {*mixed_artifact(old, new, lambda path: path == "b").arrays} == {"a"}
    assert mixed_artifact(old, new, lambda path: path == "a").arrays["a"].shape == (3,)
