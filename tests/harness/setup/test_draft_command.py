"""`harness init --draft` on stages that are not as they should be: what gets a rule, what does not, what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from heat_repository import Repository, new_repository

from harness.core.project import tomllib

SOURCE = """
import time

import numpy as np


def start(n=6):
    x = np.linspace(0, 1, n)
    holes = np.where(x > 0.5, x, np.nan)
    return x, holes


def shake(x, size=1.0):
    return x + size * np.random.default_rng().normal(size=x.shape)


def total(shaken):
    return {"sum": float(shaken.sum()), "count": shaken.size}


def timed(x):
    started = time.perf_counter()
    chaos = steps(x)
    return {"count": int(1000 * chaos[-2]), "seconds": time.perf_counter() - started}


def steps(x, gain=3.99):
    y = 0.3 + 0.4 * x
    for _ in range(120):
        y = gain * y * (1 - y)
    return y


def main():
    x, holes = start()
    shaken = shake(x)
    sums = total(shaken)
    chaos = steps(x)
    told = timed(x)
    return total(chaos)
"""


@pytest.fixture(scope="module")
def drafted(ready: Path | None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, dict]:
    """A repository whose stages are unseeded or unstable, and what the draft says of them."""
    repository = new_repository(tmp_path_factory.mktemp("drafted"), ready)
    (repository.root / "pipe.py").write_text(SOURCE)
    repository.expect("git init -q -b main")
    repository.harness("init pipe --no-ci")
    told = json.loads(repository.harness("init --draft --json", status=1).stdout)
    return repository, told


def rules(repository: Repository) -> dict[str, dict]:
    return tomllib.loads((repository.root / "goldens/tolerances.toml").read_text())["rules"]


def test_what_is_not_reproducible_gets_no_rule_and_is_named(drafted):
    repository, told = drafted
    lacking = told["without_a_rule"]
    assert lacking["shake/shaken"].startswith("not reproducible: ")
    assert lacking["replay/shake/shaken"].startswith("not reproducible: ")
    assert lacking["total/sum"] == "it follows from stage shake, which is not reproducible"
    text = (repository.root / "goldens/tolerances.toml").read_text()
    assert "# shake/shaken: no rule: not reproducible" in text
    assert not {*lacking} & {*rules(repository)}


def test_a_replay_of_what_follows_has_a_rule_as_its_inputs_are_stored(drafted):
    assert rules(drafted[0])["replay/total/sum"] == {"rtol": 1e-9}
    assert rules(drafted[0])["total/count"] == {"exact": True}


def test_what_multiplies_rounding_gets_no_rule_that_hides_a_percent(drafted):
    """A chaotic map is another number on another machine; the remark says how far one ulp moved it."""
    assert "inputs moved by one ulp" in drafted[1]["without_a_rule"]["steps/chaos"]


def test_a_duration_and_a_count_that_follows_rounding_are_told_with_their_remedies(drafted, tmp_path):
    repository, told = drafted
    assert "it is no result" in told["without_a_rule"]["timed/seconds"]
    assert "it may differ on another machine" in told["fragile"]["timed/count"]
    said = " ".join(repository.copy(tmp_path / "copy").harness("init --draft --force", status=1).stdout.split())
    assert "warning: timed/count = { exact = true }: under inputs moved by one ulp" in said
    assert 'give it a range, { min = ..., max = ... }, or say why not to compare it, { ignore = "..." }' in said
    assert "or write a rule yourself, such as { rtol = 0.02 } if 2 % is what you want" in said


def test_nan_is_matched_and_defaults_are_exact(drafted):
    assert rules(drafted[0])["start/holes"]["nan"] == "match"
    assert "nan" not in rules(drafted[0])["start/x"]
    assert rules(drafted[0])["defaults/**"] == {"exact": True} or rules(drafted[0])["defaults/start/n"] == {
        "exact": True
    }


def test_files_that_are_there_are_kept_and_what_is_new_is_drafted(drafted, tmp_path):
    repository = drafted[0].copy(tmp_path / "copy")
    own = repository.root / "schemas/start.schema.json"
    own.write_text(own.read_text().replace("TODO: what this artifact says", "Mine"))
    before = {p: p.read_bytes() for p in (own, repository.root / "goldens/tolerances.toml")}
    (repository.root / "schemas/total.schema.json").unlink()
    told = json.loads(repository.harness("init --draft --json", status=1).stdout)
    assert told["misfits"]
    assert all("no rule speaks of" in misfit for misfit in told["misfits"])  # as the first draft said already
    assert told["files"]["schemas/total.schema.json"] == "new"
    assert told["files"]["schemas/start.schema.json"] == told["files"]["goldens/tolerances.toml"] == "kept"
    assert {p: p.read_bytes() for p in before} == before


STEADY = """
def load(n=3):
    return {"data": [0.5] * n, "first": 0.5}


def total(data):
    return {"sum": float(sum(data))}


def main():
    found = load()
    return total(found["data"])
"""


@pytest.fixture(scope="module")
def steady(ready: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository whose stages are as they should be, with its draft. Copy it, do not change it."""
    repository = new_repository(tmp_path_factory.mktemp("steady"), ready)
    (repository.root / "calm.py").write_text(STEADY)
    repository.expect("git init -q -b main")
    repository.harness("init calm --no-ci")
    repository.harness("init --draft")
    return repository


def test_a_second_draft_of_what_did_not_change_is_calm(steady, tmp_path):
    said = steady.copy(tmp_path / "copy").harness("init --draft").stdout
    assert "it fits what the stages give" in " ".join(said.split())


@pytest.mark.parametrize(
    ("path", "old", "new", "misfits"),
    [
        (
            "calm.py",
            '{"sum"',
            '{"last": 0.5, "sum"',
            ["'last' was unexpected", "no rule speaks of total/last", "no rule speaks of replay/total/last"],
        ),
        (
            "calm.py",
            ', "first": 0.5',
            "",
            [
                "load.schema.json: $.values: 'first' is a required property",
                "rule 'load/first' matches nothing any more",
                "rule 'replay/load/first' matches nothing any more",
            ],
        ),
        (
            "calm.py",
            "float(sum(data))",
            'float("nan")',
            [
                "'NaN' is not of type 'number'",
                "does not fit total/sum as it is now",
                "does not fit replay/total/sum as it is now",
            ],
        ),
    ],
)
def test_what_is_kept_and_does_not_fit_is_told(steady, tmp_path, path, old, new, misfits):
    repository = steady.copy(tmp_path / "copy")
    tolerances = repository.root / "goldens/tolerances.toml"
    each = [f'"{of}load/{value}" = {{ rtol = 1e-9 }}' for of in ("", "replay/") for value in ("data/*", "first")]
    others = [line for line in tolerances.read_text().splitlines() if not line.startswith(('"load/', '"replay/load/'))]
    tolerances.write_text("\n".join([*others, *each, ""]))
    repository.edit(path, old, new)
    kept = tolerances.read_bytes()
    told = json.loads(repository.harness("init --draft --json", status=1).stdout)
    assert set(told["files"].values()) == {"kept"}
    assert len(told["misfits"]) == len(misfits), told["misfits"]
    assert all(any(part in misfit for misfit in told["misfits"]) for part in misfits), told["misfits"]
    assert tolerances.read_bytes() == kept
    said = " ".join(repository.harness("init --draft", status=1).stdout.split())
    assert "does not fit: " in said
    assert "harness init --draft --force" in said
    assert "accept them" not in said
    repository.harness("init --draft --force")
    repository.harness("init --draft")


def test_an_edit_between_the_stages_is_told(steady, tmp_path):
    """The adapter calls the functions by itself: what the program's main does is copied, and watched."""
    repository = steady.copy(tmp_path / "copy")
    repository.commit("Drafts")
    repository.harness('accept tolerances.toml schemas/*.json --bulk --reason "First rules, as they were drafted"')
    repository.harness("verify", status=1)
    repository.harness('accept $(harness pending --ids) --bulk --reason "First goldens, they are read correctly"')
    repository.edit("calm.py", "    found = load()\n", "    found = load() # from the start\n")
    assert "as accepted" in repository.harness("verify").stdout
    repository.edit("calm.py", 'total(found["data"])', 'total(found["data"][1:])')
    said = " ".join(repository.harness("verify", status=1).stdout.split())
    assert "Look at defaults first" in said
    assert "main/return: expected" in said


@pytest.fixture(scope="module")
def accepted(steady, tmp_path_factory) -> Repository:
    """The steady repository with its first goldens. Copy it, do not change it."""
    repository = steady.copy(tmp_path_factory.mktemp("accepted") / "copy")
    repository.commit("Drafts")
    repository.harness('accept tolerances.toml schemas/*.json --bulk --reason "First rules, as they were drafted"')
    repository.harness("verify", status=1)
    repository.harness('accept $(harness pending --ids) --bulk --reason "First goldens, they are read correctly"')
    repository.commit("Goldens")
    return repository


@pytest.mark.slow
def test_a_renamed_local_changes_nothing_and_a_new_step_needs_no_schema(accepted, tmp_path):
    repository = accepted.copy(tmp_path / "copy")
    text = (repository.root / "calm.py").read_text()
    (repository.root / "calm.py").write_text(text.replace("found", "given"))
    assert "as accepted" in repository.harness("verify").stdout
    repository.edit("calm.py", "    given = load()\n", "    given = load()\n    given.pop('first')\n")
    repository.commit("A step more")
    said = repository.harness("verify", status=1).stdout
    assert "$.values" not in said
    repository.harness('accept main/cpu/defaults --reason "A step more, which the stages need not"')
    assert "as accepted" in repository.harness("verify").stdout


@pytest.mark.slow
def test_a_schema_that_is_drafted_anew_is_another_version(accepted, tmp_path):
    repository = accepted.copy(tmp_path / "copy")
    repository.edit("calm.py", '{"sum"', '{"last": 0.5, "sum"')
    said = " ".join(repository.harness("init --draft --force").stdout.split())
    schemas = {
        p.name.partition(".")[0]: json.loads(p.read_text())["$id"] for p in repository.root.glob("schemas/*.json")
    }
    assert schemas == {"load": "calm/load-1", "total": "calm/total-2", "defaults": "calm/defaults-1"}
    repository.commit("Anew")
    command = "accept schemas/total.schema.json tolerances.toml --bulk --reason"
    assert f"harness {command}" in said
    repository.harness(f'{command} "Another value, as it was drafted"')


@pytest.mark.slow
def test_a_default_that_the_scenario_keeps_is_told_and_not_accepted_alone(accepted, tmp_path):
    repository = accepted.copy(tmp_path / "copy")
    repository.edit("calm.py", "n=3", "n=4")
    sentence = "the source says load.n = 4, scenario main says 3: change it in goldens/main/scenario.toml"
    assert sentence in " ".join(repository.harness("verify", status=1).stdout.split())
    repository.commit("Four")
    refused = repository.harness('accept main/cpu/defaults --reason "Four are better than three"', status=2)
    assert sentence in " ".join(refused.stderr.split())
    repository.harness("verify", status=1)
    kept = repository.copy(tmp_path / "kept")
    kept.edit("goldens/main/scenario.toml", "[profile.cpu]", "[profile.cpu] # on purpose\nload.n = 3")
    kept.commit("On purpose")
    kept.harness('accept main/cpu/defaults --reason "Four are the default, three are verified"')
    kept.commit("Accepted")
    assert "as accepted" in kept.harness("verify").stdout
    repository.edit("goldens/main/scenario.toml", "n = 3", "n = 4")
    repository.commit("Four everywhere")
    assert "the source says" not in repository.harness("verify", status=1).stdout
    repository.harness('accept $(harness pending --ids) --bulk --reason "Four are better than three"')
    assert "as accepted" in repository.harness("verify").stdout


def test_a_stage_that_fails_is_named_and_nothing_is_written(drafted, tmp_path):
    repository = drafted[0].copy(tmp_path / "copy")
    repository.edit("pipe.py", "size=1.0):\n", "size=1.0):\n    open('pyproject.toml').read()\n")
    repository.edit("pipe.py", '{"sum"', '{"set": {1}, "sum"')
    for path in [*repository.root.glob("schemas/*"), repository.root / "goldens/tolerances.toml"]:
        path.unlink()
    said = " ".join(repository.harness("init --draft", status=1).stdout.split())
    assert "problem: main (cpu): stage total returns at 'set' a value of set" in said
    assert "stage shake reads the file pyproject.toml, which it does not declare" in said
    assert not (repository.root / "goldens/tolerances.toml").exists()
    assert not [*repository.root.glob("schemas/*")]


def test_doctor_shows_the_source_that_was_found_and_the_marker_is_known(drafted):
    checks = json.loads(drafted[0].harness("doctor --json").stdout)
    (source,) = [check for check in checks if check["name"] == "source"]
    assert source["found"] == "guard, pipe: 2 files"
    assert any(check["name"] == "numpy" for check in checks)
    drafted[0].expect("pytest -q --strict-markers --collect-only -m integration -W error test_goldens.py")


def test_without_an_adapter_a_draft_says_what_to_do(ready, tmp_path):
    repository = new_repository(tmp_path, ready)
    repository.expect("git init -q -b main")
    done = repository.harness("init --draft", status=2)
    assert "`harness init MODULE` writes one" in done.stderr
