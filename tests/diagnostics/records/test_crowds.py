"""Neighbours and crowds of runs: none does another harm, and the work grows with their number only."""

from __future__ import annotations

import os

import pytest
from answer_checks import diagnosed, refused
from example_runs import own, put
from run_damage import BAD_CONTENTS

from ptycho.diagnostics import analyze
from ptycho.diagnostics.records.reading import MOST_RUNS


def test_neighbours_do_no_harm(bases, tmp_path, watched):
    """Beside an upstream run lies what nobody can read; its diagnosis is the one that it has alone."""
    alone = put(tmp_path / "alone" / "run", bases["gs2_ne60"])
    crowd = put(tmp_path / "crowd" / "run", bases["gs2_ne60"])
    for name, content in BAD_CONTENTS.items():
        if name != "huge":
            put(tmp_path / "crowd" / name, {"run_metadata.json": content})
    for place in ("run_metadata.json", "inference_outputs/stats.json"):
        other = put(tmp_path / "crowd" / place.replace("/", "."), bases["gs2_base"])
        (other / place).unlink()
        os.mkfifo(other / place)
    loop = tmp_path / "crowd" / "loop"
    loop.symlink_to(loop)
    outside = put(tmp_path / "outside", bases["gs2_base"])
    (linked := tmp_path / "crowd" / "linked").mkdir()
    for place in bases["gs2_base"]:
        (linked / place).parent.mkdir(exist_ok=True)
        (linked / place).symlink_to(outside / place)
    watched.clear()
    answer, message = diagnosed(crowd)
    assert answer, message
    assert answer == diagnosed(alone)[0]
    assert [p for p in watched if "outside" in p] == []


def test_a_crowd_of_runs_is_read_once_each(bases, tmp_path, watched):
    """Every one of them looks at its neighbours, and still the work grows with their number only."""
    files = {place: bases["gs2_base"][place] for place in ("run_metadata.json", "inference_outputs/stats.json")}
    for i in range(30):
        put(tmp_path / f"run{i:03}", files)
    watched.clear()
    answer, message = diagnosed(tmp_path)
    assert answer, message
    assert len(answer["runs"]) == 30
    assert len(watched) < 30 * 10


@pytest.mark.slow
def test_thousands_of_foreign_entries_are_passed_over(tmp_path):
    for i in range(1500):
        (tmp_path / f"a{i:05}.png").touch()
        (tmp_path / f"b{i:05}").mkdir()
    put(tmp_path / "run", own())
    answer, message = diagnosed(tmp_path / "run")
    assert answer, message
    answer, message = diagnosed(tmp_path)
    assert answer, message
    assert [run["name"] for run in answer["runs"]] == ["run"]


def test_more_runs_than_are_looked_at_are_refused_not_dropped(tmp_path):
    for i in range(MOST_RUNS + 1):
        put(tmp_path / f"run{i:05}", {"error.json": {"epoch": 1}})
    assert str(MOST_RUNS + 1) in refused(analyze, [tmp_path])
