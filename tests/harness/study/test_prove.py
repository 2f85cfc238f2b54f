"""Proving a guard from the outside: the tutorial's, as it is and with a rule that is too loose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from harness.core.errors import HarnessError, ProjectError
from harness.core.files import sha256
from harness.host.cluster.engine import Engine
from harness.host.project import open_project
from harness.judge.schema import Schema
from harness.run.cache import Cache
from harness.run.jobs import JobError
from harness.run.locks import unless_taken
from harness.study.prove.answer.history import read_history
from harness.study.prove.faults.mutant import Mutant
from harness.study.prove.proof import ProofQuestion, prove_guard
from harness.study.prove.trial import jobs
from harness.study.prove.trial.outcome import outcome_from

SCHEMA = Path(__file__).parents[3] / "schemas/harness/prove.schema.json"
LOOSE = '"readings/*" = { rtol = 1e-9, atol = 1e-9 }', '"readings/*" = { rtol = 0.02, atol = 1e-9 }'
LOOSE_REPLAY = '"replay/**" = {', '"replay/readings/*" = { rtol = 0.02, atol = 1e-9 }\n"replay/**" = {'


def proven(heat, *, workers: int = 1, told=None, **question):
    """A proof of the repository as its files are now."""
    asked = ProofQuestion(**{"scenarios": ("smooth",), "kinds": ("output",), "most": 1000, **question})
    project = open_project(heat.root)
    try:
        return prove_guard(project, asked, Engine(workers), told=told or (lambda done, total, last: None))
    finally:
        project.host.end()


def loosen(heat) -> None:
    """Rules of the readings that let two percent pass, here and in the replay."""
    heat.edit("goldens/tolerances.toml", *LOOSE)
    heat.edit("goldens/tolerances.toml", *LOOSE_REPLAY)


def by_place(proof) -> dict[tuple[str, str, str], object]:
    return {(o.mutant.kind, o.mutant.place, o.mutant.operator): o for o in proof.outcomes}


def test_a_sharp_guard_catches_every_fault_and_nothing_of_it_is_left(heat):
    before, status = heat.files(".harness/cache/items", "goldens", "schemas"), heat.repository.expect("git status -s")
    proof = proven(heat, kinds=("output", "setting", "configuration"), only=("readings", "rod.*", "measure"))
    assert {o.mutant.kind for o in proof.outcomes} == {"output", "setting", "configuration"}
    assert len(proof.outcomes) == sum(proof.population.values()) == 38
    assert [o for o in proof.outcomes if o.fate not in ("caught", "equivalent")] == []
    assert [o for o in proof.of("caught") if not o.localised] == []
    # Places and times have few digits; the line of the reference is fitted to the first wave alone.
    blameless = {("half", "x"), ("half", "times"), ("step", "rod.waves")}
    assert {(o.mutant.operator, o.mutant.place) for o in proof.of("equivalent")} == blameless
    after = heat.files(".harness/cache/items", "goldens", "schemas")
    assert after == before
    assert heat.repository.expect("git status -s").stdout == status.stdout
    assert not [*(heat.root / ".harness/prove").glob("results-*")]


def test_what_a_loose_rule_lets_pass_is_told_with_the_rule_that_would_not(heat):
    loosen(heat)
    proof = proven(heat, only=("readings",))
    found = by_place(proof)
    half = found["output", "readings", "half"]
    assert half.fate == "caught"  # by the line that is fitted to them, which is another stage than it is in
    assert (half.first, half.localised) == ("reference", False)
    assert found["output", "readings", "sign"].localised
    factor = found["output", "readings", "factor"]
    assert factor.fate == "survived"  # a factor changes no slope of a logarithm
    slack = {s.address: s for s in factor.slack}
    assert slack["replay/readings/readings"].rule == slack["readings/readings"].rule.replace('"r', '"replay/r')
    assert all(s.used == pytest.approx(0.05, rel=0.01) and s.by == pytest.approx(1e-3) for s in slack.values())


def test_a_drafted_rule_catches_what_survived_before(heat, capsys):
    loosen(heat)
    for artifact in ("reference", "fit", "comparison"):
        loose = f'"replay/{artifact}/**" = {{ rtol = 0.5, atol = 1 }}'
        heat.edit("goldens/tolerances.toml", '"replay/**" = {', f'{loose}\n"replay/**" = {{')
    heat.edit("goldens/tolerances.toml", 'diffusivity" = { rtol = 1e-6 }', 'diffusivity" = { rtol = 0.5 }')
    heat.edit("goldens/tolerances.toml", 'reference_error" = { rtol = 1e-4 }', 'reference_error" = { atol = 1 }')
    line = "prove smooth --kind output --only readings --mutants 50"
    answer = heat.json(capsys, f"{line} --suggest --at-least 0.99", status=1)
    assert Schema(json.loads(SCHEMA.read_text()), SCHEMA).problems(answer) == []
    survivors = {o["mutant"]["operator"]: o for o in answer["outcomes"] if o["fate"] == "survived"}
    assert {"factor", "half"} <= set(survivors)
    nearest = survivors["factor"]["slack"][0]
    assert nearest["address"] == "replay/readings/readings"
    assert nearest["rule"] == '"replay/readings/*" = { rtol = 0.02, atol = 1e-09 }'
    assert nearest["used"] == pytest.approx(0.05, rel=0.01)
    assert nearest["by"] == pytest.approx(1e-3, rel=1e-6)
    drafts = (heat.root / ".harness/prove/tighter.toml").read_text()
    rules = [suggestion["rule"] for suggestion in answer["suggestions"]]
    assert 1 <= len(rules) <= 2  # in the replay, and in the whole run
    assert all(rule in drafts for rule in rules)
    for name in ("html", "md", "svg", "json"):
        assert (heat.root / f".harness/prove/prove.{name}").stat().st_size > 200
    lines = "\n".join(rules)
    heat.edit("goldens/tolerances.toml", '"replay/**" = {', f'{lines}\n"replay/**" = {{')
    sharper = heat.json(capsys, line)
    assert [o for o in sharper["outcomes"] if o["fate"] == "survived"] == []
    assert len(sharper["history"]) == 2
    assert sharper["all"]["localisation"]["rate"] == 1


def test_a_proof_goes_on_where_it_stopped(heat):
    done = []

    class StopError(Exception):
        pass

    def stop(count, total, last):
        done.append(last)
        if count >= 40:
            raise StopError

    with pytest.raises(StopError):
        proven(heat, told=stop)
    tried = [o for o in done if o]
    again = []
    proof = proven(heat, told=lambda count, total, last: again.append(last))
    assert len(proof.outcomes) == proof.wanted == len({o.mutant.id for o in proof.outcomes})
    assert len([o for o in again if o]) == proof.wanted - len(tried)
    nothing_left = proven(heat, told=lambda count, total, last: again.append(last), budget_s=1e-9)
    assert nothing_left.outcomes == sorted(proof.outcomes, key=lambda o: nothing_left.outcomes.index(o))


def test_ctrl_c_leaves_no_copy_behind(heat, tmp_path):
    """It reaches the workers as well, which end at once."""
    (tmp_path / "temporary").mkdir()
    environment = heat.repository.environment | {"TMPDIR": str(tmp_path / "temporary")}
    line = [sys.executable, "-m", "harness", "prove", "--kind", "source", "--workers", "2"]
    with subprocess.Popen(line, cwd=heat.root, env=environment, start_new_session=True, preexec_fn=_heard) as running:
        deadline = time.monotonic() + 100
        while not [*(tmp_path / "temporary").glob("harness-prove-*/harness-prove-*/*/heat.py")]:
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(60) == 130
    assert not [*(tmp_path / "temporary").glob("harness-prove-*")]


def _heard() -> None:
    """Ctrl-C is heard even where the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_history_that_is_another_file_is_refused_before_anything_is_tried(heat, capsys, tmp_path):
    script = tmp_path / "env.sh"
    script.write_text("export GAIN=2\n")
    _, err = heat.cli(capsys, f"prove smooth --history {script}", 2)
    assert f"{script}: line 1 is no record of a proof" in err
    assert script.read_text() == "export GAIN=2\n"
    _, err = heat.cli(capsys, "prove smooth --history goldens", 2)
    assert "goldens is no plain file: name another one" in err


def test_rules_that_wait_to_be_accepted_are_proven_as_they_lie_there(heat, capsys):
    loosen(heat)
    for line, status in (("prove smooth --kind output --only fit --mutants 3", 0), ("verify smooth", 1)):
        out, err = heat.cli(capsys, line, status)
        assert "was edited since it was accepted" in out + err
    (record,) = read_history(heat.root / ".harness/prove/history.jsonl")
    assert record["commit"] == ""


def test_a_record_has_the_commit_whose_tree_it_was_but_for_the_history(heat, capsys):
    heat.repository.commit("all")
    for _ in range(2):
        heat.cli(capsys, "prove smooth --kind output --only fit --mutants 3 --history past.jsonl", 0)
    (record,) = read_history(heat.root / "past.jsonl")
    assert record["commit"] == heat.repository.expect("git rev-parse HEAD").stdout.strip()


def test_a_budget_that_is_over_leaves_the_rest(heat):
    proof = proven(heat, budget_s=1e-9)
    assert proof.outcomes == []
    assert proof.wanted > 100


# One mutant of the source at a time


@pytest.fixture
def setting(heat, tmp_path):
    """What jobs of the repository have in common."""
    from harness.run.runner import Runner
    from harness.study.prove.trial.baseline import take_baseline
    from harness.verify.examination import Examination
    from harness.verify.suite import open_cache

    project = open_project(heat.root)
    with open_cache(project) as cache:
        examination = Examination(project, Runner(project.pipeline, cache), "smooth", "cpu", training=False)
        baseline = take_baseline([examination], Cache(tmp_path / "own", 2**30))
    project.host.end()
    state, own, none = str(heat.root / ".harness"), str(tmp_path / "own"), str(tmp_path / "none")
    places = str(heat.root), state, own
    return asdict(jobs.Setting(*places, 2**30, "cpu", ["smooth"], False, 5.0, str(tmp_path), none, baseline.keys))


EDITS = {
    "wrong": ("0.4 * dx**2", "0.404 * dx**2", "caught"),
    "same": ("rows = [temperature]", "rows = [1 * temperature]", "equivalent"),
    "rounding": ("rows = [temperature]", "rows = [temperature * (1 + 1e-15)]", "equivalent"),
    "small": ("rows = [temperature]", "rows = [temperature * (1 + 1e-12)]", "survived"),
    "raises": ("rows = [temperature]", "rows = [temperature[nowhere]]", "caught"),
    "hangs": ("rows = [temperature]", "while True: pass", "caught"),
    "ends": ("rows = [temperature]", "import os; os._exit(3)", "caught"),
    "import": ('"""A rod cools', '1 / 0\n"""A rod cools', "caught"),
}


def test_an_edit_is_tried_as_a_change_of_the_source_would_be(heat, setting):
    path = heat.root / "heat.py"
    content = path.read_bytes()
    made = []
    for old, new, _ in EDITS.values():
        start = content.index(old.encode())
        data = {"file": "heat.py", "start": start, "end": start + len(old.encode()), "new": new, "was": sha256(content)}
        made.append(Mutant("source", "edit", ("solve",), "heat.py:1", f"{old} -> {new}", data=data))
    outcomes = map(outcome_from, jobs.try_mutants(setting, [mutant.as_json() for mutant in made]))
    found = dict(zip(EDITS, outcomes, strict=True))
    assert {name: outcome.fate for name, outcome in found.items()} == {name: fate for name, (*_, fate) in EDITS.items()}
    assert all(outcome.localised for outcome in found.values() if outcome.fate == "caught")
    assert "took longer than" in found["hangs"].message
    assert "ended with status 3" in found["ends"].message
    small = found["small"].slack
    assert '"replay/**"' in {s.rule.partition(" ")[0] for s in small}
    assert all(s.by == pytest.approx(1e-12, rel=0.1) and s.tightest.startswith(f'"{s.address}" = {{') for s in small)
    assert path.read_bytes() == content


def test_source_faults_are_found_tried_and_localised(heat):
    pytest.importorskip("libcst")
    proof = proven(heat, kinds=("source",), most=3, only=("heat.py:25",), workers=2)
    assert [o.fate for o in proof.outcomes] == ["caught"] * 3
    assert {o.first for o in proof.outcomes} == {"solve"}
    assert proof.population["source"] > 3


def test_lines_that_no_stage_runs_have_no_mutants(heat):
    pytest.importorskip("libcst")
    heat.edit("heat.py", "    dx = 1 /", "    if seconds > 99:\n        seconds = 99.0\n    dx = 1 /")
    heat.repository.commit()
    proof = proven(heat, kinds=("source",), only=("heat.py:2[0-4]",), budget_s=1e-9)
    assert proof.idle == 1  # 99.0 -> 99.99; the number in the condition is another, and stays
    assert proof.population["source"] > 3


# What is refused


def test_a_guard_that_does_not_pass_cannot_be_proven(heat):
    heat.edit("heat.py", "0.4 * dx**2", "0.41 * dx**2")
    with pytest.raises(ProjectError, match=r"smooth/cpu/field is not as accepted.*see `harness verify smooth`"):
        proven(heat)


def test_a_pipeline_that_needs_what_is_not_copied_is_told_so(heat):
    heat.edit("guard.py", "import copy\n", "import copy\nimport pathlib\n")
    needs = 'def scenario_titles():\n    assert pathlib.Path(".git").exists()\n    return TITLES\n\n\n'
    heat.edit("guard.py", "def reseed(", f"{needs}def reseed(")
    heat.edit("guard.py", "scenarios=lambda: TITLES", "scenarios=scenario_titles")
    with pytest.raises((ProjectError, JobError), match="it does not pass as the repository does"):
        proven(heat, only=("readings",))


def test_only_one_proof_at_a_time(heat):
    with unless_taken(heat.root / ".harness/prove/lock"), pytest.raises(HarnessError, match="another `harness prove`"):
        proven(heat)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("prove --kind nonsense", "no mutants of kind 'nonsense': choose among output, source, setting, configuration"),
        ("prove nobody", "unknown scenario 'nobody'"),
        ("prove --budget 0", "--budget 0 leaves no time: give minutes above 0"),
        ("prove --kind output --only nowhere", "there is nothing to change at nowhere of the kinds output"),
    ],
)
def test_an_input_error_is_one_sentence(heat, capsys, line, said):
    assert said in heat.cli(capsys, line, status=2)[1].replace("\n", " ")
