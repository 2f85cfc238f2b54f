"""Folders and pairs of folders that went bad at random: a diagnosis of the agreed form, or one sentence."""

from __future__ import annotations

import random

import pytest
from answer_checks import check_comparison, diagnosed, outcome
from example_runs import put
from run_damage import NUMBERS, folders, remove, replaced

from ptycho.diagnostics import contrast
from ptycho.diagnostics.records.artifact_files import EXPECTED_FILES

FOLDERS = 1000  # of the fuzz, beside the ones made by hand
PAIRS = 100


@pytest.mark.slow
def test_broken_folders_give_a_diagnosis_or_one_sentence(bases, tmp_path, watched):
    rng, answers = random.Random(1), 0
    for folder in folders(bases, rng, tmp_path, FOLDERS):
        watched.clear()
        answer, message = diagnosed(folder)
        answers += answer is not None
        if answer is None:
            assert folder.name in message
        assert [p for p in watched if not p.startswith((f"{folder}/", str(tmp_path / "runs/beside/")))] == []
        remove(folder)
    assert FOLDERS / 2 < answers < FOLDERS


@pytest.mark.slow
def test_pairs_of_broken_folders_give_a_comparison_or_one_sentence(bases, tmp_path):
    rng, answers = random.Random(2), 0
    single = {name: files for name, files in bases.items() if name != "reports"}
    singles = [next(folders(single, rng, tmp_path / str(i), 1)) for i in range(PAIRS)]
    whole = put(tmp_path / "whole", bases["own"])
    for folder in singles:
        other = rng.choice([*singles, whole, whole])
        answer, message = outcome(contrast, folder, other)
        answers += answer is not None
        if answer is not None:
            check_comparison(answer)
        else:
            assert folder.name in message or other.name in message
    assert PAIRS / 2 < answers < PAIRS


@pytest.mark.parametrize(
    "value",
    [*NUMBERS[::2], -1, 1e-200, 1.7e308, -(10**400), None, True, [], {}, {"a": {}}, "a\nb"],
    ids=lambda v: repr(v)[:20],
)
def test_one_value_for_every_figure_is_diagnosed(bases, tmp_path, value):
    for name, files in bases.items():
        folder = put(tmp_path / name, {place: replaced(tree, value) for place, tree in files.items()})
        answer, message = diagnosed(folder)
        assert answer, message
    check_comparison(contrast(tmp_path / "dose_legacy_gs2", tmp_path / "own"))


@pytest.mark.parametrize("name", ["own", "dose_legacy_gs2", "gs2_base", "gs2_ne60"])
def test_each_file_alone_and_all_but_each_are_diagnosed(bases, tmp_path, name):
    for i, place in enumerate(bases[name]):
        alone = put(tmp_path / f"alone{i}", {place: bases[name][place]})
        rest = put(tmp_path / f"rest{i}", {p: tree for p, tree in bases[name].items() if p != place})
        for folder, there in ((alone, [place]), (rest, [p for p in bases[name] if p != place])):
            answer, message = diagnosed(folder)
            assert answer, message
            missing = " ".join(answer["runs"][0]["missing"])
            assert [p for p in EXPECTED_FILES.values() if p not in there and f"{p} is missing" not in missing] == []
            assert [p for p in there if f"{p} is missing" in missing] == []
