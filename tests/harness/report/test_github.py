"""What GitHub's runners are told: annotations whose words obey nobody, and the report as the summary of the step."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from small_reports import BAD, EVIL, GOOD, a_report, an_artifact

from harness.core.verdicts import Diagnosis, Status, Verdict
from harness.report.github import annotation_lines, append_summary, on_github

COMMAND = re.compile(r"::error(?: (?P<properties>[^\r\n]*?))?::(?P<message>[^\r\n]*)")


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Path:
    """A checkout with one golden."""
    (tmp_path / "goldens/s/cpu").mkdir(parents=True)
    (tmp_path / "goldens/s/cpu/stage.json").write_text("{}")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    return tmp_path


def read(lines: list[str]) -> list[tuple[dict[str, str], str]]:
    """Properties and message of every command, as a runner reads them: each line has to be one."""
    found = []
    for line in lines:
        match = COMMAND.fullmatch(line)
        assert match, line
        properties = [pair.split("=", 1) for pair in (match["properties"] or "").split(",") if pair]
        found.append(({key: unescaped(value) for key, value in properties}, unescaped(match["message"])))
    return found


def unescaped(words: str) -> str:
    return re.sub("%(0A|0D|3A|2C|25)", lambda found: chr(int(found[1], 16)), words)


def failing(*verdicts, **more):
    report = a_report(an_artifact(*verdicts), diagnosis=Diagnosis("Look at stage first: it is, 100 % out", "stage"))
    return replace(report, **more)


def test_a_failing_scenario_names_its_golden_where_to_look_and_the_values(workspace):
    ((properties, message),) = read(annotation_lines(failing(BAD, GOOD), workspace / "goldens"))
    assert properties == {"file": "goldens/s/cpu/stage.json", "title": "s: Look at stage first: it is, 100 % out"}
    assert message.splitlines() == ["stage/bad: fail"]


def test_what_passes_says_nothing(workspace):
    assert annotation_lines(a_report(an_artifact(GOOD)), workspace / "goldens") == []


def test_words_of_others_are_data(workspace):
    evil = Verdict(f"::error::{EVIL}", Status.FAIL, "exact", f"a\r\n::set-output name=x::y%0A::warning::{EVIL}")
    report = failing(evil, problems=(f"\n::add-mask::x{EVIL}",))
    report = replace(report, scenarios=(replace(report.scenarios[0], scenario="s,file=x::y"),))
    lines = annotation_lines(report, workspace / "goldens")
    assert len(lines) == 2
    (properties, message), (_, problem) = read(lines)
    assert set(properties) == {"title"}
    assert properties["title"].startswith("s,file=x::y: ")
    assert "set-output" in message
    assert "add-mask" in problem
    for line in lines:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line)


def test_a_golden_that_is_not_there_or_lies_elsewhere_names_no_file(workspace, tmp_path, monkeypatch):
    ((properties, _),) = read(annotation_lines(failing(BAD), workspace / "others"))
    assert "file" not in properties
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "deeper"))
    ((properties, _),) = read(annotation_lines(failing(BAD), workspace / "goldens"))
    assert "file" not in properties


def test_no_more_than_github_shows_and_the_rest_is_counted(workspace):
    lines = annotation_lines(failing(BAD, problems=tuple(f"problem {n}" for n in range(30))), workspace / "goldens")
    assert len(lines) == 10
    assert read(lines)[-1][1] == "and 22 more: see the report"


# The summary of a step


def test_the_summary_is_appended_to_where_the_runner_says(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert append_summary("## x") == ""
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    assert append_summary("## x") == ""
    assert path.read_text() == "before\n## x\n"


def test_a_summary_that_cannot_be_written_or_grows_too_large_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere/summary.md"))
    assert "cannot be written" in append_summary("x")
    path = tmp_path / "summary.md"
    path.write_bytes(b"x" * (1024**2 - 10))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    assert "does not fit any more" in append_summary("y" * 20)
    assert path.stat().st_size == 1024**2 - 10


@pytest.mark.parametrize(("value", "held"), [("true", True), ("", False), ("1", False), ("false", False)])
def test_the_variable_of_the_runner_decides(value, held, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", value)
    assert on_github() is held
