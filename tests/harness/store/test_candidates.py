"""Candidates are whole or absent, and are never kept in CI; edits of rules are listed beside them."""

from __future__ import annotations

import json

import guarded
import numpy as np
import pytest

from harness.core.errors import GoldenError
from harness.core.files import write_file
from harness.core.protocol import Artifact
from harness.store import candidates
from harness.store.candidates import list_edits, list_pending, read_candidate, remove_candidate, stored_candidate


@pytest.fixture
def repository(tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    return guarded.make(tmp_path / "repository")


@pytest.fixture
def folder(repository):
    return repository.root / ".harness" / "pending" / "heat" / "cpu"


def test_a_candidate_is_read_as_it_was_added(repository):
    given = Artifact({"energy": 1.5, "list": [1, "NaN"]}, {"a/b": np.arange(6, dtype=np.int16).reshape(2, 3)})
    assert repository.offer(candidate=given, why="too hot", commit="abc")
    artifact, schema, about = read_candidate(repository.project, guarded.ENERGY)
    assert artifact.values == given.values
    assert artifact.arrays["a/b"].dtype == np.int16
    np.testing.assert_array_equal(artifact.arrays["a/b"], given.arrays["a/b"])
    assert (schema, about["why"], about["commit"]) == (guarded.SCHEMA, "too hot", "abc")


def test_nothing_is_kept_in_ci(repository, monkeypatch):
    before = repository.state()
    monkeypatch.setenv("CI", "true")
    assert repository.offer() is False
    assert repository.state() == before


def test_the_goldens_are_never_touched(repository):
    before = {k: v for k, v in repository.state().items() if k.startswith("goldens")}
    repository.offer()
    assert {k: v for k, v in repository.state().items() if k.startswith("goldens")} == before
    assert guarded.git(repository.root, "status", "--porcelain") == ""


def test_listing_gives_candidates_with_their_headline_and_then_edits(repository):
    repository.offer("heat/cpu/flux", why="flux is out")
    repository.offer(guarded.ENERGY, why="energy is out")
    pending = list_pending(repository.project)
    assert [(p.identity, p.kind, p.change, p.headline) for p in pending[:2]] == [
        (guarded.ENERGY, "golden", "new", "energy is out"),
        ("heat/cpu/flux", "golden", "new", "flux is out"),
    ]
    assert [p.identity for p in pending[2:]] == [
        "heat/tolerances.toml",
        "schemas/energy.schema.json",
        "schemas/other.schema.json",
        "tolerances.toml",
    ]
    repository.accept_rules()
    repository.accept()
    repository.offer(candidate=2.0)
    first = list_pending(repository.project)[0]
    assert (first.identity, first.change) == (guarded.ENERGY, "changed")


def test_a_removed_candidate_is_gone_and_removing_none_is_no_error(repository, folder):
    repository.offer()
    remove_candidate(repository.project, guarded.ENERGY)
    remove_candidate(repository.project, guarded.ENERGY)
    assert [p for p in list_pending(repository.project) if p.kind == "golden"] == []
    assert list(folder.iterdir()) == []


def test_a_newer_candidate_replaces_all_of_the_older(repository, folder):
    repository.offer()
    assert (folder / "energy.npz").exists()
    repository.offer(candidate=Artifact({"energy": 2.0}))
    assert not (folder / "energy.npz").exists()
    assert read_candidate(repository.project, guarded.ENERGY)[0] == Artifact({"energy": 2.0}, {})


@pytest.mark.parametrize("killed_at", range(4))
def test_a_killed_add_leaves_no_mixture(repository, monkeypatch, killed_at):
    repository.offer(candidate=1.0)
    real, writes = write_file, []

    def write(path, content):
        if len(writes) == killed_at:
            raise KeyboardInterrupt
        writes.append(path)
        real(path, content)

    monkeypatch.setattr(candidates, "write_file", write)
    if killed_at < 3:
        with pytest.raises(KeyboardInterrupt):
            repository.offer(candidate=2.0)
    else:
        repository.offer(candidate=2.0)
    shown = [p for p in list_pending(repository.project) if p.kind == "golden"]
    assert len(shown) == (killed_at == 3)  # three files: none is listed before the last is there
    if shown:
        assert read_candidate(repository.project, guarded.ENERGY)[0].values == {"energy": 2.0}


@pytest.mark.parametrize("suffix", [".json", ".npz", ".about.json"])
@pytest.mark.parametrize("how", ["flip", "truncate", "remove"])
def test_a_damaged_candidate_is_a_named_error_and_still_listed(repository, folder, suffix, how):
    repository.offer()
    path = folder / f"energy{suffix}"
    content = path.read_bytes()
    if how == "remove":
        path.unlink()
    else:
        path.write_bytes(content[:-9] if how == "truncate" else content[:9] + bytes([content[9] ^ 1]) + content[10:])
    with pytest.raises(GoldenError, match=r"energy.*run the scenario again|strict JSON"):
        read_candidate(repository.project, guarded.ENERGY)
    shown = [p for p in list_pending(repository.project) if p.kind == "golden"]
    assert len(shown) == (not (how == "remove" and suffix == ".about.json"))


@pytest.mark.parametrize(
    "record", ["[]", "{}", '{"about": 1, "files": {}, "replaces": null}', '{"about": {}, "files": 3}']
)
def test_a_description_that_is_none_is_a_named_error(repository, folder, record):
    repository.offer()
    (folder / "energy.about.json").write_text(record)
    with pytest.raises(GoldenError):
        read_candidate(repository.project, guarded.ENERGY)


@pytest.mark.parametrize(
    "identity",
    ["../cpu/x", "heat/cpu", "heat/cpu/x/y", "/etc/x/y", "heat/../x", "heat/cpu/.x", "approvals/cpu/x", "a//b", ""],
)
@pytest.mark.slow
def test_an_id_that_is_none_is_refused(repository, identity):
    with pytest.raises(GoldenError):
        repository.offer(identity)


def test_an_id_cannot_take_the_place_of_another_ones_description(repository):
    with pytest.raises(GoldenError, match="cannot be an artifact's id"):
        repository.offer("heat/cpu/energy.about")


def test_edits_are_new_changed_or_removed_and_nothing_else(repository):
    project = repository.project
    assert {e.change for e in list_edits(project)} == {"new"}
    repository.accept_rules()
    assert list_edits(project) == []
    repository.write("goldens/tolerances.toml", "version = 1\n")
    repository.write("schemas/third.schema.json", "{}")
    (repository.root / "goldens/heat/tolerances.toml").unlink()
    repository.write("schemas/notes.txt", "no schema")
    edits = {e.identity: (e.kind, e.change) for e in list_edits(project)}
    assert edits == {
        "tolerances.toml": ("tolerances", "changed"),
        "heat/tolerances.toml": ("tolerances", "removed"),
        "schemas/third.schema.json": ("schema", "new"),
    }


def test_a_candidate_remembers_what_it_would_replace(repository):
    repository.offer()
    assert stored_candidate(repository.project, guarded.ENERGY).replaces is None
    repository.accept_rules()
    repository.accept()
    repository.offer(candidate=2.0)
    digest = json.loads((repository.root / "goldens/MANIFEST.json").read_text())["goldens"][guarded.ENERGY]["sha256"]
    assert stored_candidate(repository.project, guarded.ENERGY).replaces == digest
