"""The shared cache behind every door: commands, their workers and pytest, in clones on several machines."""

from __future__ import annotations

import json
import shutil

import pytest

SETTINGS = '[tool.harness]\ncache = "{url}"\ncache_signers = "cache_signers"\nremote_seconds = 5\n'


@pytest.fixture(scope="module")
def clones(accepted, keys, tmp_path_factory):
    """A function that makes a clone whose own cache is empty; all of them share a folder."""
    folder = tmp_path_factory.mktemp("clones")
    (folder / "shared").mkdir()
    number = iter(range(100))

    def clone(url=f"file://{folder}/shared"):
        made = accepted.copy(folder / f"clone {next(number)}")
        shutil.rmtree(made.root / ".harness")
        made.edit("pyproject.toml", "[tool.harness]\n", SETTINGS.format(url=url))
        shutil.copy(keys / "signers", made.root / "cache_signers")
        made.commit()
        return made

    return clone


def cached(clone, **more):
    """Whether the cache had each stage of a scenario, and what was noted."""
    done = clone.harness("run smooth --json", **more)
    return [row["cached"] for row in json.loads(done.stdout)], done.stderr


def test_a_second_clone_computes_nothing_where_the_first_had_a_key(clones, keys):
    key = {"HARNESS_CACHE_KEY": str(keys / "robot")}
    assert not any(cached(clones())[0])  # who has no key shares nothing
    assert not any(cached(clones(), **key)[0])
    there = clones()
    assert all(cached(there)[0])
    assert all(cached(there)[0])
    assert not any(cached(clones(), HARNESS_CACHE="local")[0])


def test_the_doctor_says_that_results_are_read_where_the_key_to_sign_with_is_missing(clones, keys):
    def told(**more):
        checks = json.loads(clones().shell("harness doctor --json", **more).stdout)
        return next((c["held"], c["found"], c["remedy"]) for c in checks if c["name"] == "shared cache")

    held, found, remedy = told(HARNESS_CACHE_KEY=str(keys / "gone"))
    assert (held, found.endswith(": nothing is put into it")) == (False, True)
    assert f"{keys}/gone cannot sign" in remedy
    held, found, _ = told(HARNESS_CACHE_KEY=str(keys / "robot"))
    assert held
    assert "as robot@example.org" in found


def test_workers_share_and_a_poisoned_place_costs_only_time(clones, keys):
    clones().harness("verify --workers 2", HARNESS_CACHE_KEY=str(keys / "robot"))
    victim = clones()
    shared = victim.root.parent / "shared"
    items = [path for path in shared.rglob("*") if path.is_file()]
    for path in items:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    done = victim.harness("verify")
    assert "is not what robot@example.org signed" in done.stdout
    assert done.stdout.count("is computed here") == len(items) > 5


def test_a_place_that_is_not_there_is_a_note_and_the_verdict_stands(clones):
    clone = clones("file:///nowhere/at/all")
    assert clone.harness("verify").stdout.count("the shared cache is not used") == 1
    assert not list(clone.root.glob(".harness/cache/writing/*"))
    shutil.rmtree(clone.root / ".harness")
    assert clone.expect("pytest -q").stdout.count("the shared cache is not used") == 1
