"""What GitHub's runners are told: annotations beside the goldens, and the report as the summary of the step.

The variables of the runner say whether there is one. Words of a pipeline are escaped as GitHub asks for, so that none
of them becomes a command of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from harness.core import text
from harness.core.verdicts import Report, ScenarioReport
from harness.report import selection, summary

_MOST = 10  # annotations of a step, of which GitHub shows no more
_VALUES = 5  # of a scenario
_LARGEST_SUMMARY = 1024**2  # bytes of a step's summary, beyond which GitHub shows nothing of it


def on_github() -> bool:
    """Whether this runs in a workflow of GitHub's."""
    return os.environ.get("GITHUB_ACTIONS", "") == "true"


def annotation_lines(report: Report, goldens: Path) -> list[str]:
    """The commands that annotate what is not as accepted, whole lines; none where all is.

    ``goldens`` is the folder of goldens; files are named from the folder that the runner checked out.
    """
    found = list(_annotations(report, goldens))
    rest = len(found) - _MOST + 1
    return found if len(found) <= _MOST else [*found[: _MOST - 1], _error(f"and {rest} more: see the report", "", "")]


def append_summary(markdown: str) -> str:
    """Append the report to the step's summary, where the runner has one; gives what kept it from that, if anything."""
    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        return ""
    content = f"{markdown}\n".encode("utf-8", "replace")
    try:
        there = Path(path).stat().st_size if Path(path).exists() else 0
        if there + len(content) > _LARGEST_SUMMARY:
            return f"the step's summary has {there} bytes, so that the report does not fit any more: see report.md"
        with Path(path).open("ab") as file:
            file.write(content)
    except OSError as error:
        return f"the step's summary {path} cannot be written ({error.strerror or error}): see report.md"
    return ""


def _annotations(report: Report, goldens: Path) -> Iterator[str]:
    for scenario in report.scenarios:
        if scenario.failed:
            shown, rest = selection.thinned(selection.failing_places(scenario), _VALUES)
            values = [f"{place.name}: {place.verdict.sentence or place.verdict.status.value}" for place in shown]
            raised = [f"{a.stage}: {a.error}" for a in scenario.artifacts if a.error]
            headline, *notes = summary.where_to_look(scenario)
            more = [f"and {', '.join(rest)}"] if rest else []
            lines = [text.clipped(line, text.LONGEST_MESSAGE) for line in (*notes, *raised, *values, *more)]
            title = f"{scenario.scenario}: {headline}"
            yield _error("\n".join(lines) or headline, title, _file(scenario, goldens))
    for problem in report.problems:
        yield _error(text.clipped(problem, text.LONGEST_MESSAGE), "goldens", "")


def _file(scenario: ScenarioReport, goldens: Path) -> str:
    """The golden to look at first, from the folder of the checkout; empty where there is none, or it lies elsewhere."""
    artifact = selection.broken_artifact(scenario)
    if artifact is None:
        return ""
    path = (goldens / scenario.scenario / artifact.track / f"{artifact.artifact}.json").resolve()
    home = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    return path.relative_to(home).as_posix() if path.is_file() and path.is_relative_to(home) else ""


def _error(message: str, title: str, file: str) -> str:
    properties = {"file": file, "title": text.clipped(title)}
    shown = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items() if value)
    return f"::error{' ' if shown else ''}{shown}::{_escaped(message)}"


def _escaped(words: str, more: str = "") -> str:
    """Words as data of a command: what would end it, or a property of it, by its number."""
    for each in f"%\r\n{more}":
        words = words.replace(each, f"%{ord(each):02X}")
    return words
