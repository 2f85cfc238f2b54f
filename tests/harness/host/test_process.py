"""The process of a pipeline: when it starts, and who is told where that fails."""

from __future__ import annotations

import time

import pytest

from harness.core.errors import ProjectError
from harness.host.project import HostedProject, open_project

ADAPTER = """
from harness import Pipeline, Scenario, Stage
print("imported", flush=True)
{line}
def scenarios():
    print("listed", flush=True)
    return {{"plant": "One plant", "tree": "One tree"}}
def load(name, profile, overrides):
    return Scenario(name, profile, name, {{"days": 4}})
def grow(config, progress):
    return {{"height": config["days"] * 1.0}}
PIPELINE = Pipeline("plants", (Stage("grow", "grown", grow),), scenarios, load, home="plants")
"""


@pytest.fixture
def project(tmp_path):
    """Makes a project whose adapter has one more line, and prints when it is imported and listed."""

    def make(line: str = "") -> HostedProject:
        (tmp_path / "pyproject.toml").write_text('[tool.harness]\nadapter = "plants:PIPELINE"\n')
        (tmp_path / "plants.py").write_text(ADAPTER.format(line=line))
        return open_project(tmp_path)

    return make


def printed(project: HostedProject) -> list[str]:
    """What its process printed of that."""
    lines = project.log.read_text().splitlines() if project.log.exists() else []
    return [line for line in lines if line in ("imported", "listed")]


def test_a_process_that_was_begun_is_the_one_that_is_asked(project):
    plants = project()
    plants.begin()
    until = time.monotonic() + 60
    while "imported" not in printed(plants) and time.monotonic() < until:
        time.sleep(0.01)
    assert printed(plants) == ["imported"]  # and nobody has asked anything
    assert sorted(plants.pipeline.scenarios()) == ["plant", "tree"]
    assert printed(plants)[:2] == ["imported", "listed"]
    assert printed(plants).count("imported") == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [("raise ValueError('no soil')", "no soil"), ("import os; os._exit(3)", "ended with status 3")],
)
def test_what_fails_ahead_is_told_once_to_who_asks(project, line, told):
    plants = project(line)
    plants.begin()
    with pytest.raises(ProjectError, match=told):
        _ = plants.pipeline
    assert printed(plants) == ["imported"]


def test_a_failed_start_is_tried_again_by_the_next_question(project, tmp_path):
    plants = project("raise ValueError('no soil')")
    plants.begin()
    with pytest.raises(ProjectError, match="no soil"):
        _ = plants.pipeline
    (tmp_path / "plants.py").write_text(ADAPTER.format(line=""))
    plants.host.end()
    assert "plant" in plants.pipeline.scenarios()


def test_many_scenarios_are_loaded_with_one_listing(project):
    plants = project()
    plants.begin()
    _ = plants.pipeline
    listed = printed(plants).count("listed")
    for name in ("plant", "tree") * 3:
        assert plants.scenario(name, "small").config == {"days": 4}
    assert printed(plants).count("listed") <= listed + 1
    with pytest.raises(ProjectError, match="unknown scenario 'plnt'; did you mean 'plant'"):
        plants.scenario("plnt", "small")
