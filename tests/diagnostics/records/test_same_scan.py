"""Which runs cover the same pixels: those whose scan is the same in every key that decides it."""

from __future__ import annotations

import copy
import json
import shutil

import pytest
from answers import RUNS

from ptycho.diagnostics import RunRecord, read_runs
from ptycho.diagnostics.records.same_scan import scan_key, with_same_scan

KEYS = ("scenario", "sim_seed", "object_seed", "total_images", "split_fraction", "group_limit", "neighbor_count")
OTHER = {
    **{("run_metadata.json", key): "another" for key in KEYS},
    ("inference_outputs/stats.json", "padded_size"): 823,
    ("inference_outputs/stats.json", "offsets", "axis_max_abs", 0): 376.25,
    ("inference_outputs/stats.json", "offsets", "axis_max_abs", 1): 376.25,
}


@pytest.fixture
def pair(upstream, tmp_path):
    """Two runs of one scan, copied beside one another; returns a function that changes one place of the second."""
    for name in ("gs2_base", "gs2_ne60"):
        shutil.copytree(upstream / name, tmp_path / name)

    def change(file, *path, to) -> RunRecord:
        content = json.loads((tmp_path / "gs2_base" / file).read_bytes())
        place = content
        for key in path[:-1]:
            place = place[key]
        assert place[path[-1]] != to
        place[path[-1]] = to
        (tmp_path / "gs2_base" / file).write_text(json.dumps(content), "utf-8")
        return read_runs(tmp_path / "gs2_ne60")[0]

    return change


def test_runs_of_one_scan_know_one_another(runs):
    beside = {name: [other.name for other in runs[name].beside] for name in RUNS}
    assert beside == {"dose_legacy_gs2": [], "gs2_base": ["gs2_ne60"], "gs2_ne60": ["gs2_base"]}


def test_what_does_not_decide_the_scan_may_differ(pair):
    """How long a run trained changes none of the pixels that it covers."""
    assert [other.name for other in pair("run_metadata.json", "nepochs", to=1234).beside] == ["gs2_base"]


@pytest.mark.parametrize("path", OTHER, ids=lambda path: "/".join(map(str, path[1:])))
def test_one_key_that_differs_makes_another_scan(pair, path):
    assert pair(*path, to=OTHER[path]).beside == ()


@pytest.mark.parametrize("key", KEYS)
def test_a_scan_that_is_not_recorded_whole_is_nobodys(runs, key):
    """Two runs that both do not say are not known to be of one scan."""
    parts = copy.deepcopy(dict(runs["gs2_ne60"].parts))
    del parts["metadata"][key]
    run = RunRecord("silent", "upstream", parts)
    assert scan_key(run) is None
    assert with_same_scan(run, [RunRecord("alike", "upstream", parts)]).beside == ()
