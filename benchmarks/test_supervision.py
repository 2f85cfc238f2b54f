"""Time what supervision costs: a stage in a process of its own beside the same stage in this one."""

from __future__ import annotations

import sys
from dataclasses import fields

import pytest
from trivial_chain import STAGES, write_chain

from harness.core.project import Project, find_project
from harness.host.project import open_project
from harness.run.cache import Cache
from harness.run.runner import Runner


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_chain(tmp_path)
    # The chain of an earlier benchmark, which this process imported, would be taken for this one's.
    monkeypatch.delitem(sys.modules, "guard", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def in_this_process(folder) -> Project:
    project = find_project(folder)
    return Project(**{f.name: getattr(project, f.name) for f in fields(Project)})


@pytest.mark.benchmark(group="a chain of trivial stages", min_rounds=3)
@pytest.mark.parametrize("state", ["cold", "warm"])
@pytest.mark.parametrize("opened", [in_this_process, open_project], ids=["in this process", "supervised"])
def test_chain(benchmark, folder, opened, state):
    """``items`` are stages, so that the table says how many a second."""
    project = opened(folder)
    scenario = project.scenario("one", "cpu")
    rounds = iter(range(10_000))

    def run():
        place = folder / "cache" / ("warm" if state == "warm" else str(next(rounds)))
        return Runner(project.pipeline, Cache(place, 2**30)).chain(scenario, project.pipeline.stages)

    if state == "warm":
        run()
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = STAGES, "stages"
    done = benchmark(run)
    assert len(done) == STAGES
    assert not any(r.error or r.problems for r in done)
    assert all(r.cached is (state == "warm") for r in done)
