"""Candidates that CI computed: left in a folder, sealed, taken in at the same commit alone, and never altered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from checked_repository import bare_repository, make_accepted
from heat_repository import Heat

from harness.core.errors import ApprovalError, HarnessError, ProjectError
from harness.core.files import dump_json, json_digest, sha256
from harness.store.candidates import list_pending, read_candidate
from harness.verify.parcels.opening import open_parcel
from harness.verify.parcels.packing import Parcel
from harness.verify.parcels.seal import SEAL

LINE = ("heat.py", "np.log(heights), 1)[0]", "np.log(heights), 1, w=heights)[0]")
IDS = ["smooth/cpu/comparison", "smooth/cpu/reference", "smooth/replay/comparison", "smooth/replay/reference"]


@pytest.fixture
def packed(heat: Heat, tmp_path: Path, quiet) -> Path:
    """The parcel of a verification in CI, after a committed change."""
    heat.edit(*LINE)
    heat.repository.commit("weights")
    shutil.rmtree(heat.root / ".harness/pending", ignore_errors=True)
    folder = tmp_path / "parcel"
    parcel = Parcel(heat.project(), folder)
    quiet.setenv("CI", "true")
    parcel.seal(heat.suite("smooth", parcel=parcel).report)
    quiet.delenv("CI")
    return folder


def seal(folder: Path) -> dict:
    return json.loads((folder / SEAL).read_text())


def seal_again(folder: Path, value: dict) -> None:
    """As somebody would who knows how it is done."""
    value.pop("seal", None)
    (folder / SEAL).write_bytes(dump_json({**value, "seal": json_digest(value)}))


def refused(heat: Heat, folder: Path, sentence: str) -> None:
    with pytest.raises(HarnessError) as raised:
        open_parcel(heat.project(), folder)
    assert sentence in str(raised.value)
    assert [p.identity for p in list_pending(heat.project()) if p.kind == "golden"] == []


def test_what_ci_computed_is_pending_here_with_the_run_that_it_is_of(heat, packed):
    assert not (heat.root / ".harness/pending").exists()  # in CI nothing else was written
    contents, ids = open_parcel(heat.project(), packed)
    assert ids == IDS
    waiting = list_pending(heat.project())
    assert [p.identity for p in waiting] == IDS
    assert all(p.headline.startswith("imported: ") for p in waiting)
    assert waiting[0].headline.startswith("imported: reference_error is not as accepted (")
    assert waiting[0].headline.endswith("; its input is wrong already: look at reference first")
    assert len({p.headline for p in waiting}) > 1
    about = read_candidate(heat.project(), IDS[1])[2]
    assert about["imported"] == about["commit"] == contents.commit
    assert about["environment"] == dict(contents.environment)


def test_accepting_runs_it_once_more_here(heat, packed, capsys):
    open_parcel(heat.project(), packed)
    ran = len(heat.ran)
    approval = heat.json(capsys, f"accept {' '.join(IDS)} --reason weights")
    assert sorted(approval["changes"]) == IDS
    assert len(heat.ran) > ran


def test_forged_values_with_a_new_seal_do_not_survive_the_fresh_run(heat, packed, capsys):
    """The seal is no lock: the second run is."""
    path = packed / f"{IDS[1]}.json"
    document = json.loads(path.read_bytes())
    document["values"]["diffusivity"] += 0.01
    path.write_bytes(dump_json(document))
    value = seal(packed)
    value["candidates"][IDS[1]]["files"][".json"] = sha256(path.read_bytes())
    seal_again(packed, value)
    open_parcel(heat.project(), packed)
    _, error = heat.cli(capsys, f"accept {IDS[1]} --reason forged", 2)
    assert "a fresh run disagrees with the candidate" in error


@pytest.mark.parametrize("suffix", [".json"])
def test_a_file_that_was_altered_is_refused(heat, packed, suffix):
    path = packed / f"{IDS[1]}{suffix}"
    path.write_bytes(path.read_bytes().replace(b"diffusivity", b"diffusivitx"))
    refused(heat, packed, "a file is not what was sealed")


def test_a_seal_that_was_altered_lost_or_of_another_form_is_refused(heat, packed):
    value = seal(packed)
    (packed / SEAL).write_bytes(dump_json({**value, "commit": "0" * 40}))
    refused(heat, packed, "its own digest is another: it was altered")
    seal_again(packed, {**value, "version": 2})
    refused(heat, packed, "this harness reads version 1")
    seal_again(packed, {**value, "candidates": {i: {"files": []} for i in IDS}})
    refused(heat, packed, "is no seal of candidates")
    (packed / SEAL).write_text("no json")
    refused(heat, packed, SEAL)
    (packed / SEAL).unlink()
    refused(heat, packed, "cannot read")


@pytest.mark.parametrize(
    "identity", ["../../../outside/x/y", "smooth/cpu", "smooth/cpu/a/b", "/etc/x/y", "approvals/x/y"]
)
def test_ids_that_lead_elsewhere_are_refused(heat, packed, identity):
    value = seal(packed)
    value["candidates"] = {identity: value["candidates"][IDS[1]]}
    seal_again(packed, value)
    with pytest.raises(ApprovalError):
        open_parcel(heat.project(), packed)
    assert list_pending(heat.project()) == []


def test_links_and_files_that_nobody_sealed_are_refused(heat, packed, tmp_path):
    (packed / "smooth/cpu/extra.json").write_text("{}")
    refused(heat, packed, "is no part of what was sealed")
    (packed / "smooth/cpu/extra.json").unlink()
    path = packed / f"{IDS[1]}.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    refused(heat, packed, "link that leads out")


def test_another_commit_other_source_other_rules_and_another_project_are_refused(heat, packed):
    heat.edit("goldens/tolerances.toml", "[rules]\n", '[rules]\n"field/step" = { exact = true }\n')
    refused(heat, packed, "was judged by other rules than are here")
    heat.repository.expect("git restore goldens")
    heat.edit("heat.py", "w=heights", "w=heights**2")
    refused(heat, packed, "other source or goldens than are here, though of the same commit")
    heat.repository.commit("steeper")
    refused(heat, packed, "is checked out: check out the same")
    heat.repository.expect("git reset -q --hard HEAD^")
    value = seal(packed)
    seal_again(packed, {**value, "project": "other"})
    refused(heat, packed, "is of the project 'other'")


def test_a_golden_that_changed_since_is_refused(heat, packed):
    value = seal(packed)
    value["candidates"][IDS[1]]["replaces"] = "0" * 64
    seal_again(packed, value)
    refused(heat, packed, "would replace another golden")


def test_ci_takes_nothing_in(heat, packed, quiet):
    quiet.setenv("CI", "1")
    with pytest.raises(ApprovalError, match="is refused in CI"):
        open_parcel(heat.project(), packed)


def test_a_folder_that_is_not_empty_or_is_the_projects_own_gets_no_parcel(heat, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("x")
    with pytest.raises(ProjectError, match="is not empty"):
        Parcel(heat.project(), tmp_path / "full")
    for own in ("goldens", "schemas/x", ".harness/y"):
        with pytest.raises(ProjectError, match="which is the project's own"):
            Parcel(heat.project(), heat.root / own)


def test_the_commands_carry_candidates_from_ci_to_a_desk(heat, tmp_path, capsys, quiet):
    heat.edit(*LINE)
    heat.repository.commit("weights")
    quiet.setenv("CI", "true")
    before = heat.files("goldens", "schemas")
    out, _ = heat.cli(capsys, f"verify smooth --keep {tmp_path / 'parcel'}", 1)
    assert f"4 candidates left in {tmp_path / 'parcel'}" in out
    assert heat.files("goldens", "schemas") == before
    assert heat.files(".harness/pending") == {}
    _, error = heat.cli(capsys, f"verify smooth --keep {tmp_path / 'parcel'}", 2)
    assert "is not empty" in error
    _, error = heat.cli(capsys, f"verify --keep {tmp_path / 'other'} --set rod.waves=3", 2)
    assert "--keep is for what the scenarios themselves give" in error
    quiet.delenv("CI")
    assert heat.json(capsys, f"import {tmp_path / 'parcel'}")["ids"] == IDS
    assert heat.cli(capsys, "pending --ids")[0].split() == IDS


def test_values_that_tests_check_travel_as_well(ready, tmp_path):
    repository = bare_repository(tmp_path / "checked", ready)
    make_accepted(repository)
    repository.edit("tests/test_spectrum.py", "SCALE = 1.0", "SCALE = 0.5")
    repository.commit("halved")
    repository.harness(f"verify --keep {tmp_path / 'parcel'}", 1, CI="1")
    assert json.loads(repository.harness("pending --json").stdout) == []
    assert len(json.loads(repository.harness(f"import {tmp_path / 'parcel'} --json").stdout)["ids"]) == 3
    repository.harness("accept $(harness pending --ids) --reason halved")
    repository.commit("goldens")
    repository.harness("verify")
