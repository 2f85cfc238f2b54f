"""Files that are no artifact, links that lead elsewhere, and places that are no run."""

from __future__ import annotations

import os

import pytest
from answer_checks import diagnosed, outcome, refused
from example_runs import own, put
from run_damage import BAD_CONTENTS

from ptycho.diagnostics import analyze, contrast
from ptycho.diagnostics.records.artifact_files import EXPECTED_FILES, OPTIONAL_FILES
from ptycho.errors import DataError


@pytest.mark.parametrize("content", BAD_CONTENTS.values(), ids=BAD_CONTENTS.keys())
def test_a_damaged_file_is_named_in_one_sentence(tmp_path, content):
    for place in ("run_metadata.json", "train_outputs/history.json", "probe_report.json"):
        folder = put(tmp_path / place.replace("/", "."), own() | {place: content})
        assert str(folder / place) in refused(analyze, [folder])
        assert str(folder / place) in refused(contrast, folder, folder)
        assert str(folder / place) in refused(analyze, [folder / place])


@pytest.mark.parametrize("place", [*EXPECTED_FILES.values(), *OPTIONAL_FILES.values()])
@pytest.mark.parametrize("what", ["directory", "pipe", "/dev/zero", "/dev/full", "/proc/self/mem", "outside", "parent"])
def test_what_is_no_plain_file_of_the_folder_is_not_opened(tmp_path, watched, place, what):
    folder = put(tmp_path / "run", own())
    path = folder / place
    path.unlink()
    if what == "directory":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "outside":
        path.symlink_to(put(tmp_path / "elsewhere", {"secret.json": own()[place]}) / "secret.json")
    elif what == "parent":
        path.symlink_to(folder.parent)
    else:
        path.symlink_to(what)
    watched.clear()
    assert str(path) in refused(analyze, [folder])
    assert str(path) in refused(contrast, folder, folder)
    assert [p for p in watched if "secret" in p or not p.startswith(str(folder))] == []


def test_a_folder_behind_a_link_out_is_not_read(tmp_path, watched):
    folder = put(tmp_path / "run", {"run_metadata.json": own()["run_metadata.json"]})
    outside = put(tmp_path / "elsewhere", {"history.json": own()["train_outputs/history.json"]})
    (folder / "train_outputs").symlink_to(outside)
    watched.clear()
    assert str(folder / "train_outputs/history.json") in refused(analyze, [folder])
    assert [p for p in watched if "history" in p] == []


def test_links_within_a_folder_and_to_a_folder_are_followed(tmp_path):
    folder = put(tmp_path / "run", own())
    (folder / "run_metadata.json").rename(folder / "kept.json")
    (folder / "run_metadata.json").symlink_to("kept.json")
    (tmp_path / "latest").symlink_to(folder)
    answer, message = diagnosed(tmp_path / "latest")
    assert answer, message
    assert answer["runs"][0]["missing"] == []


@pytest.mark.parametrize("target", ["nowhere", "run_metadata.json", "kept/../run_metadata.json/x"])
def test_a_link_that_leads_nowhere_or_in_a_circle_is_a_missing_file(tmp_path, target):
    files = own()
    del files["run_metadata.json"]
    folder = put(tmp_path / "run", files)
    (folder / "run_metadata.json").symlink_to(target)
    answer, message = diagnosed(folder)
    assert answer, message
    assert answer["runs"][0]["missing"] == ["run_metadata.json is missing"]


def test_pictures_that_lead_out_or_are_no_files_are_left_out(tmp_path):
    a, b = put(tmp_path / "a", own()), put(tmp_path / "b", own())
    (tmp_path / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (a / "overview.png").symlink_to(tmp_path / "secret.png")
    (a / "amplitude_diff.png").mkdir()
    os.mkfifo(a / "phase_diff.png")
    (a / "inference_outputs/phase.png").write_bytes(b"no picture")
    assert contrast(a, b)["pictures"] == [
        {"title": "phase", "a": str(a / "inference_outputs/phase.png"), "b": None},
    ]


# Places that are no run


def test_places_without_a_run_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "empty").mkdir()
    put(
        tmp_path / "foreign",
        {"package.json": {"name": "x"}, "a.png": b"\x89PNG", "src/main.py": b"", "config.json": {}},
    )
    put(tmp_path / "list", {"data.json": [1, 2]})
    put(tmp_path / "words", {"README.md": b"run_metadata.json"})
    put(tmp_path / "deep", {"a/b/c/run_metadata.json": own()["run_metadata.json"]})
    (tmp_path / "round").mkdir()
    (tmp_path / "round" / "again").symlink_to(tmp_path / "round")
    names = (
        "pipe",
        "pipe.json",
        "loop",
        "zero",
        "empty",
        "foreign",
        "list",
        "words",
        "deep",
        "nothing",
        "round",
        "foreign/package.json",
        "foreign/a.png",
        "a" * 300,
        "x\n[red]y",
        "nul\0",
    )
    for name in names:
        message = refused(analyze, [tmp_path / name])
        assert name.split("\n")[0].rstrip("\0") in message
        assert outcome(contrast, tmp_path / name, tmp_path / name) == (None, message)


def test_several_paths_of_which_one_is_bad_are_refused(tmp_path):
    good = put(tmp_path / "good", own())
    assert "nothing" in refused(analyze, [good, tmp_path / "nothing"])
    assert "nothing" in refused(contrast, good, tmp_path / "nothing")
    put(tmp_path / "many" / "a", own())
    put(tmp_path / "many" / "b", own())
    assert "holds 2 runs" in refused(contrast, good, tmp_path / "many")


def test_a_trap_is_a_trap(tmp_path, watched):
    """The watch of the tests above sees what is opened."""
    put(tmp_path, {"probe_report.json": own()["probe_report.json"]})
    analyze([tmp_path])
    assert str(tmp_path / "probe_report.json") in watched
    with pytest.raises(DataError):
        analyze([tmp_path / "nothing"])
