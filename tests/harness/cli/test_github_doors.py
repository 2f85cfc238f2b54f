"""What a workflow of GitHub's sees of ``harness verify`` and of pytest."""

from __future__ import annotations

import json

import pytest

LINE = ("heat.py", "np.log(heights), 1)[0]", "np.log(heights), 1, w=heights)[0]")


@pytest.fixture
def runner(inner, tmp_path):
    """The repository after a change, and the variables of a runner."""
    inner.repository.edit(*LINE)
    summary = tmp_path / "summary.md"
    variables = {"GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_WORKSPACE": str(inner.root)}
    return inner, summary, variables | {"GITHUB_STEP_SUMMARY": str(summary)}


def commands(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("::error")]


def test_a_verification_annotates_and_writes_the_steps_summary(runner):
    inner, summary, variables = runner
    done = inner.repository.harness("verify smooth", 1, **variables)
    (command,) = commands(done.stdout)
    assert command.startswith("::error file=goldens/smooth/")
    assert "title=smooth%3A Look at reference first" in command
    assert summary.read_text() == (inner.root / ".harness/report/report.md").read_text() + "\n"
    whole = inner.repository.harness("verify smooth --json", 1, **variables)
    assert json.loads(whole.stdout)["scenarios"]
    assert commands(whole.stderr) == [command]


def test_elsewhere_and_where_all_is_as_accepted_there_is_no_annotation(runner):
    inner, summary, variables = runner
    assert commands(inner.repository.harness("verify smooth", 1).stdout) == []
    assert not summary.exists()
    inner.repository.edit(LINE[0], LINE[2], LINE[1])
    assert commands(inner.repository.harness("verify smooth", 0, **variables).stdout) == []
    assert "as accepted" in summary.read_text() or "passed" in summary.read_text()


def test_a_session_of_pytest_annotates_as_well(runner):
    inner, _, variables = runner
    found = commands(inner.run("-q --harness-scenario smooth", 1, **variables))
    (command,) = commands(inner.repository.harness("verify smooth", 1, **variables).stdout)
    assert command in found
