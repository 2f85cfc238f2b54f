"""A value over all approvals: its steps, by which rule each went, how far they lead together, and what is not there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import guarded
import numpy as np
import pytest
from guarded import ENERGY, git
from jsonschema import Draft202012Validator

from harness.core.errors import ProjectError
from harness.core.project import Project, without_adapter
from harness.core.protocol import Artifact
from harness.store.repository.past import Past
from harness.study.history.drift import drift_sentences
from harness.study.history.lookup import histories_to_json, look_up
from harness.study.history.steps import count_gaps, relative, shown_value

SCHEMA = Path(__file__).parents[3] / "schemas/harness/history.schema.json"
STEP = 1.004
pytestmark = pytest.mark.slow


def project_of(repository: guarded.Guarded) -> Project:
    """Its project, whose adapter nobody needs here."""
    project = repository.project
    vars(project)["pipeline"] = without_adapter(repository.root)
    return project


def accept_value(repository: guarded.Guarded, value: float, reason: str) -> str:
    """Let the plant give another value, and accept that; gives the approval's id."""
    repository.change_pipeline(value)
    assert repository.offer(ENERGY, value)
    approval = repository.accept(ENERGY, reason=reason)
    repository.commit(f"golden {value}")
    return approval.id


@pytest.fixture(scope="module")
def drifted(tmp_path_factory) -> guarded.Guarded:
    """Five values, each 0.4 % above the one before, and in their middle a tighter rule. Copy it, do not change it."""
    with pytest.MonkeyPatch.context() as patch:
        guarded.quiet_environment(patch)
        repository = guarded.make(tmp_path_factory.mktemp("drifted") / "repository")
        repository.accept_rules()
        repository.commit("rules")
        for n in range(5):
            if n == 3:
                repository.write("goldens/tolerances.toml", 'version = 1\n[rules]\n"**" = { rtol = 0.005 }\n')
                repository.accept("tolerances.toml", reason="tighter")
                repository.commit("tighter")
            accept_value(repository, STEP**n, f"step {n}")
        return repository


@pytest.fixture
def copy(drifted, tmp_path, monkeypatch) -> guarded.Guarded:
    guarded.quiet_environment(monkeypatch)
    return guarded.copy(drifted, tmp_path / "copy")


def energy(repository: guarded.Guarded, address: str = f"{ENERGY}/energy"):
    (history,) = look_up(project_of(repository), [address])
    return history


def test_every_approved_value_is_there_with_its_step_its_drift_and_its_reason(copy):
    history = energy(copy)
    assert [s.approval.reason for s in history.steps] == [f"step {n}" for n in range(5)]
    assert [s.shown for s in history.steps] == [STEP**n for n in range(5)]
    assert [s.change for s in history.steps] == [None, *[pytest.approx(0.004)] * 4]
    assert [s.drift for s in history.steps] == [pytest.approx(STEP**n - 1) for n in range(5)]
    assert history.drift == pytest.approx(STEP**4 - 1)
    commits = git(copy.root, "log", "--reverse", "--format=%H %s").splitlines()
    gave = [line.split()[0] for line in commits if "plant gives" in line]
    assert [s.approval.commit for s in history.steps] == gave[1:]  # the first of them made nothing golden


def test_each_step_has_the_rule_of_its_time(copy):
    rules = [step.tolerance for step in energy(copy).steps]
    assert rules == ['"**" = { rtol = 0.01 }'] * 3 + ['"**" = { rtol = 0.005 }'] * 2


def test_an_array_is_told_by_its_norm_and_the_norm_of_its_differences(copy):
    history = energy(copy, f"{ENERGY}/field")
    assert history.steps[0].shown == pytest.approx(np.sqrt(3))
    assert history.drift == pytest.approx(STEP**4 - 1)


def test_wildcards_and_a_whole_golden(copy):
    project = project_of(copy)
    everything = {f"{ENERGY}/energy", f"{ENERGY}/field"}
    for address in (ENERGY, "heat/*/energy/*", "**", f"{ENERGY}/**"):
        assert {h.address for h in look_up(project, [address])} == everything
    assert [h.path for h in look_up(project, [f"{ENERGY}/energy", f"{ENERGY}/e*"])] == ["energy"]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("heat/cpu/enrgy/energy", "did you mean 'heat/cpu/energy'"),
        (f"{ENERGY}/enrgy", f"`harness history {ENERGY}` shows all values of it"),
        ("heat", "it is scenario/track/artifact/value"),
        ("heat//energy/x", "it has an empty part"),
    ],
)
def test_an_address_that_names_nothing_is_refused(copy, address, sentence):
    with pytest.raises(ProjectError, match="heat") as raised:
        look_up(project_of(copy), [address])
    assert sentence in str(raised.value)


def test_the_json_fits_its_schema(copy):
    project = project_of(copy)
    value = histories_to_json(project, look_up(project, ["**"]))
    Draft202012Validator(json.loads(SCHEMA.read_bytes())).validate(json.loads(json.dumps(value, allow_nan=False)))


def test_what_is_not_committed_yet_is_read_from_the_working_tree(copy):
    copy.change_pipeline(1.05)
    copy.offer(ENERGY, 1.05)
    copy.accept(ENERGY)
    assert energy(copy).steps[-1].shown == 1.05


def test_git_is_asked_once_for_all_goldens_and_all_of_their_versions(copy, monkeypatch):
    asked, project = [], project_of(copy)

    class Counted(subprocess.Popen):
        def __init__(self, command, *arguments, **more):
            asked.extend(word for word in command if word in ("log", "cat-file", "ls-tree"))
            super().__init__(command, *arguments, **more)

    monkeypatch.setattr(subprocess, "Popen", Counted)
    assert [len(history.steps) for history in look_up(project, ["**"])] == [5, 5]
    assert asked == ["log", "cat-file"]


# What cannot be read


def test_a_shallow_clone_says_what_it_cannot_read_and_draws_no_drift_from_the_rest(copy, tmp_path):
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{copy.root}", str(tmp_path / "shallow")], check=True)
    history = energy(guarded.Guarded((tmp_path / "shallow").resolve()))
    assert len(history.steps) == 5
    assert [bool(step.problem) for step in history.steps] == [True] * 4 + [False]
    assert history.steps[-1].shown == STEP**4
    assert history.steps[-1].change is None
    assert history.drift is None
    assert len(history.unread) == 4


def test_a_golden_of_the_middle_that_is_nowhere_leaves_its_place_empty(copy, monkeypatch):
    real, lost = Past.content, energy(copy).steps[2].shown

    def without(self, blob):
        content = real(self, blob)
        lacks = content is not None and b'"values"' in content and str(lost).encode() in content
        return None if lacks else content

    monkeypatch.setattr(Past, "content", without)
    history = energy(copy)
    assert "no commit here has heat/cpu/energy.json as it was accepted" in history.steps[2].problem
    assert history.steps[3].change is None  # of what, nobody knows
    assert history.steps[3].drift == pytest.approx(STEP**3 - 1)


def test_a_golden_that_was_edited_in_history_is_not_taken_for_what_was_accepted(copy):
    """Content counts by the digest that the approval has, wherever it lies."""
    path = copy.root / "goldens/heat/cpu/energy.json"
    path.write_bytes(path.read_bytes().replace(str(STEP**4).encode(), b"9.0"))
    copy.commit("tampered")
    assert energy(copy).steps[-1].shown == STEP**4  # which an earlier commit has


def test_a_removed_golden_begins_anew(copy):
    from harness.store.acceptance import prune_goldens

    prune_goldens(copy.project, set(), reason="nobody makes it", bulk=True)
    copy.commit("pruned")
    accept_value(copy, 7.0, "again")
    history = energy(copy)
    assert [s.disposition for s in history.steps][-2:] == ["removed", "new"]
    assert history.steps[-1].drift == 0
    assert history.steps[-1].change is None


# Shares


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        (2.0, 1.0, -0.5),
        (-2.0, -1.0, 0.5),
        (4, 5, 0.25),
        (0.0, 0.0, 0.0),
        (0.0, 1.0, None),
        (1.0, float("nan"), None),
        (float("nan"), 1.0, None),
        (float("nan"), float("nan"), 0.0),
        (float("inf"), float("-inf"), None),
        (np.array([np.nan, 1, 1]), np.array([np.nan, 1.5, 1.5]), 0.5),
        (np.array([np.nan, 2, 1]), np.array([7, 3, np.nan]), 0.5),
        (np.array([np.nan, np.inf, 1]), np.array([np.nan, np.inf, 1]), 0.0),
        (np.array([1.0, np.inf]), np.array([1.0, -np.inf]), None),
        (np.array([1.0, 2.0]), np.array([1.0, np.nan]), None),
        (np.full(3, np.nan), np.full(3, np.nan), 0.0),
        (np.full(3, np.nan), np.ones(3), None),
        (np.array([np.nan + 0j, 1]), np.array([np.nan + 0j, 1 + 0.5j]), 0.5),
        (True, False, None),
        ("a", "b", None),
        (10**400, 10**400 + 1, None),
        (1.0, np.ones(2), None),
        (np.ones(2), np.ones(3), None),
        (np.ones(4), 1.5 * np.ones(4), 0.5),
        (np.ones(4, dtype=np.uint8), np.zeros(4, dtype=np.uint8), 1.0),
        (np.array([1j, 1]), np.array([-1j, 1]), np.sqrt(2)),
        (np.array(["a"]), np.array(["b"]), None),
    ],
)
def test_a_share_is_signed_for_numbers_and_by_norms_for_arrays(before, after, share):
    assert relative(before, after) == (None if share is None else pytest.approx(share))


# What is not finite


def gappy(value: float, gaps: int = 2) -> Artifact:
    """A field whose edges are NaN, as those of a moving average are."""
    field = np.full(8, value)
    field[:gaps] = np.nan
    return Artifact({"energy": 1.0}, {"field": field})


@pytest.fixture(scope="module")
def gaps(tmp_path_factory) -> guarded.Guarded:
    """Four goldens of a field with two NaN, each 0.4 % above the one before. Copy it, do not change it."""
    with pytest.MonkeyPatch.context() as patch:
        guarded.quiet_environment(patch)
        repository = guarded.make(tmp_path_factory.mktemp("gaps") / "repository")
        rule = 'version = 1\n[rules]\n"**" = { rtol = 0.01, nan = "match" }\n'
        repository.write("goldens/tolerances.toml", rule)
        repository.accept_rules()
        repository.commit("rules")
        for n in range(4):
            repository.fresh = gappy(STEP**n)
            repository.offer(ENERGY, repository.fresh)
            repository.accept(ENERGY, reason=f"step {n}")
            repository.commit(f"golden {n}")
        return repository


def test_an_array_with_nan_is_told_by_what_is_finite_and_the_nan_are_counted(gaps):
    history = energy(gaps, f"{ENERGY}/field")
    assert [s.shown for s in history.steps] == [pytest.approx(np.sqrt(6) * STEP**n) for n in range(4)]
    assert [s.change for s in history.steps] == [None, *[pytest.approx(0.004)] * 3]
    assert history.drift == pytest.approx(STEP**3 - 1)
    assert [s.not_finite for s in history.steps] == [2] * 4
    found = histories_to_json(project_of(gaps), [history])["values"][0]["steps"][-1]
    assert (found["not_finite"], found["change"]) == (2, pytest.approx(0.004))


def test_the_table_of_a_history_counts_what_is_not_finite(gaps, capsys):
    from harness.cli.tables.history import show_histories

    show_histories([energy(gaps, f"{ENERGY}/field")])
    shown = " ".join(capsys.readouterr().out.split())
    assert "2 not" in shown
    assert "+1.2 % since the first golden" in shown


@pytest.mark.parametrize(
    ("gaps_now", "said"),
    [(2, ", in what is finite: 2 elements are not"), (3, ", in what is finite in both: 2 elements were not, 3 now")],
)
def test_accepting_steps_of_an_array_with_nan_says_how_far_they_lead(gaps, gaps_now, said, tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    repository = guarded.copy(gaps, tmp_path / "copy")
    repository.offer(ENERGY, gappy(STEP**4, gaps_now))
    (sentence,) = drift_sentences(repository.project, [ENERGY])
    assert sentence == f"{ENERGY}/field: 4 accepted steps of +0.4 % make +1.61 % since the first golden{said}"


def test_an_array_without_a_finite_number_has_no_norm():
    assert (shown_value(np.full(3, np.nan)), count_gaps(np.full(3, np.nan))) == ("float64 [3]", 3)
    assert shown_value(np.array([np.nan, 3.0, 4.0])) == 5.0


# What an acceptance adds up to


def offer(repository: guarded.Guarded, value: float) -> list[str]:
    repository.change_pipeline(value)
    repository.offer(ENERGY, value)
    return drift_sentences(repository.project, [ENERGY])


def test_accepted_steps_that_add_up_are_said_before_the_next_one(copy):
    sentences = offer(copy, STEP**5)
    assert f"{ENERGY}/energy: 5 accepted steps of +0.4 % make +2.02 % since the first golden" in sentences
    assert any(s.startswith(f"{ENERGY}/field: 5 accepted steps of +0.4 %") for s in sentences)


def test_steps_of_other_sizes_are_said_by_their_last(copy):
    assert offer(copy, STEP**4 * 1.01)[0].endswith(
        "5 accepted steps (this one +1 %) make +2.63 % since the first golden"
    )


def test_a_step_back_to_the_first_golden_is_no_drift(copy):
    assert offer(copy, 1.0001) == []


def test_a_candidate_that_is_the_second_golden_has_nothing_to_add_up(tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    repository = guarded.make(tmp_path / "new")
    repository.accept_rules()
    repository.commit("rules")
    accept_value(repository, 1.0, "first")
    assert offer(repository, 1.004) == []


def test_earlier_goldens_that_nobody_can_read_are_said(copy, tmp_path):
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{copy.root}", str(tmp_path / "shallow")], check=True)
    shallow = guarded.Guarded((tmp_path / "shallow").resolve())
    for key, value in {"user.name": "Ada", "user.email": "ada@example.org"}.items():
        git(shallow.root, "config", key, value)
    (sentence,) = offer(shallow, STEP**5)
    assert sentence.startswith(f"{ENERGY}: how far it is from its first golden is not known: no commit here has")


def test_a_value_that_came_later_counts_from_where_it_came(copy):
    copy.change_pipeline(2.0)
    for extra in (5.0, 5.5):
        copy.offer(ENERGY, Artifact({"energy": STEP**4, "power": extra}, {"field": np.full(3, STEP**4)}))
        copy.fresh = Artifact({"energy": STEP**4, "power": extra}, {"field": np.full(3, STEP**4)})
        copy.accept(ENERGY)
        copy.commit(f"power {extra}")
    copy.offer(ENERGY, Artifact({"energy": STEP**4, "power": 6.05}, {"field": np.full(3, STEP**4)}))
    (sentence,) = drift_sentences(copy.project, [ENERGY])
    assert sentence == f"{ENERGY}/power: 2 accepted steps of +10 % make +21 % since the first golden"
