"""The end of a session that failed: where to look first, and the report on what its tests compared.

It says what ``harness verify`` says, by the same words and the same report. A worker of pytest-xdist sends what it
judged to the process that the user started.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.core import text
from harness.core.adapters.faults import sentence_of
from harness.core.errors import HarnessError
from harness.core.ids import CHECK, INVARIANTS, GoldenId
from harness.core.project import in_ci

if TYPE_CHECKING:
    from harness.core.project import Project
    from harness.core.protocol import Artifact
    from harness.core.verdicts import ArtifactReport, Report, ScenarioReport
    from harness.report.folder import Find
    from harness.verify.examination import Examination

_PLACE = Path("report", "pytest")  # in the project's state: a whole verification's report is not replaced by a part


@dataclass
class Judged:
    """What tests judged in this process, while it goes on: examinations of scenarios, and what tests check.

    ``checked``: what became of a test's values, and these with their golden, for pictures.
    """

    started: float = field(default_factory=time.time)
    examinations: dict[str, Examination] = field(default_factory=dict)
    checked: dict[GoldenId, tuple[ArtifactReport, Artifact | None, Artifact]] = field(default_factory=dict)

    def reports(self) -> tuple[ScenarioReport, ...]:
        """What was judged of every scenario, and of modules of tests what is not as accepted.

        What is as accepted counts too: another process may have found what is not, in the same scenario.
        """
        return (*(_of_scenario(examination) for examination in self.examinations.values()), *self._modules())

    def _modules(self) -> Iterator[ScenarioReport]:
        from harness.verify.checks.verification import module_report

        modules: dict[str, list[ArtifactReport]] = {}
        for identity, (report, _, _) in self.checked.items():
            modules.setdefault(identity.scenario, []).append(report)
        yield from (module_report(name, reports) for name, reports in modules.items())

    def find(self, scenario: str, track: str, artifact: str) -> tuple[Artifact | None, Artifact | None]:
        """Golden and obtained artifact of what was judged in this process; None for any other."""
        if track == CHECK:
            return self.checked.get(GoldenId(scenario, track, artifact), (None, None, None))[1:]
        examination = self.examinations.get(scenario)
        if examination is None or examination.judged(track, artifact) is None:
            return None, None
        from harness.core.verdicts import Status

        if any(v.status is Status.STALE for v in examination.report(track, artifact).verdicts):
            return None, examination.obtained(track, artifact)
        try:
            golden = examination.golden(track, artifact)
        except HarnessError:
            golden = None  # its verdict tells
        return golden.artifact if golden else None, examination.obtained(track, artifact)


_JUDGED = pytest.StashKey[Judged]()


def judged_by_tests(config: pytest.Config) -> Judged:
    """What this process judged so far."""
    return config.stash.setdefault(_JUDGED, Judged())


def _of_scenario(examination: Examination) -> ScenarioReport:
    """What tests asked for, and whatever had to run before what failed: without it, nobody knows where it began."""
    from harness.core.verdicts import ScenarioReport

    known = [name for name in examination.artifacts if examination.judged(*name) is not None]
    failed = [track_and_name for track_and_name in known if examination.report(*track_and_name).failed]
    before: set[tuple[str, str]] = set()
    for track, name in failed:
        stage = next((s.name for s in examination.pipeline.stages if s.artifact == name), None)
        if track != examination.replay and stage is not None:
            leading = examination.pipeline.leading_to(stage)
            before |= {(track, s.artifact) for s in examination.pipeline.stages if s.name in leading and s.main}
    reports = [examination.report(*name) for name in examination.artifacts if name in known or name in before]
    held = examination.invariants() if (examination.profile, INVARIANTS) in known else ()
    title = examination.scenario.title
    return ScenarioReport(examination.scenario.name, examination.profile, title, tuple(reports), held)


def judged_part(config: pytest.Config, project: Project | None) -> str:
    """What this process judged, in a form that crosses processes; empty where that is nothing."""
    from harness.core.reports import dump_report

    if project is None or not (reports := judged_by_tests(config).reports()):
        return ""
    return dump_report(_report(project, {}, reports)).decode()


def _report(project: Project, environment: Mapping[str, str], reports: Sequence[ScenarioReport]) -> Report:
    from harness.core.verdicts import Report

    return Report(project.pipeline.name, project.profile, dict(environment), "", 0.0, tuple(reports))


def conclusion(config: pytest.Config, project: Project, sent: Sequence[str], problems: Sequence[str]) -> list[str]:
    """Write the report on what is not as accepted, and give the lines that say so; none where all is.

    ``sent`` is what other processes judged. In CI no report is written of tests that check values alone.
    """
    try:
        return _conclusion(config, project, sent, problems)
    except Exception as error:  # whatever keeps it from being written: the session has failed by other words
        return [f"the report of this session cannot be written: {sentence_of(error)}"]


def _conclusion(config: pytest.Config, project: Project, sent: Sequence[str], problems: Sequence[str]) -> list[str]:
    import json

    from harness.core.reports import report_from_json
    from harness.report.github import annotation_lines, on_github
    from harness.report.summary import page_line, where_to_look

    judged = judged_by_tests(config)
    parts = [*judged.reports(), *(s for each in sent for s in report_from_json(json.loads(each)).scenarios)]
    if not any(part.failed for part in parts):
        return []
    scenarios = [scenario for scenario in _joined(project, parts) if scenario.failed]
    lines = [line for scenario in scenarios for line in _prefixed(scenario, where_to_look(scenario))]
    if in_ci() and all(scenario.profile == CHECK for scenario in scenarios):
        return lines
    profile = config.getoption("harness_profile") or project.profile
    report, page = _write(project, judged, scenarios, problems, profile)
    return [*lines, page_line(page), *(annotation_lines(report, project.goldens) if on_github() else ())]


def forget_conclusion(project: Project) -> None:
    """Remove the report of an earlier session; one that cannot be removed is told when a new one is to be written."""
    from harness.report.folder import remove_report

    with suppress(HarnessError):
        remove_report(project.state / _PLACE)


def _prefixed(scenario: ScenarioReport, lines: Sequence[str]) -> list[str]:
    shown = [text.clipped(line, text.LONGEST_MESSAGE) for line in lines]
    return [f"{scenario.scenario}: {shown[0]}", *(f"  {line}" for line in shown[1:])] if shown else []


def _joined(project: Project, parts: Sequence[ScenarioReport]) -> Iterator[ScenarioReport]:
    """One report of each scenario, whichever processes judged parts of it, with its diagnosis."""
    from harness.verify.checks.verification import module_report
    from harness.verify.coverage import verified_artifacts
    from harness.verify.localisation.shared_source import shared_source
    from harness.verify.localisation.stages import localise

    together: dict[str, dict[tuple[str, str], ArtifactReport]] = {}
    heads: dict[str, ScenarioReport] = {}
    for part in parts:
        heads[part.scenario] = part if part.invariants else heads.get(part.scenario, part)
        together.setdefault(part.scenario, {}).update({(a.track, a.artifact): a for a in part.artifacts})
    for name, head in heads.items():
        if head.profile == CHECK:
            yield module_report(name, [report for _, report in sorted(together[name].items())])
            continue
        order = verified_artifacts(project.pipeline, head.profile)
        reports = tuple(together[name][key] for key in order if key in together[name])
        sharing = partial(shared_source, project, name)
        replay = project.pipeline.replay_profile
        diagnosis = localise(project.pipeline, reports, head.invariants, replay, sharing)
        if len(reports) < len(order):
            asked = f"This session looked at {len(reports)} of {len(order)} artifacts: `harness verify` at all"
            diagnosis = replace(diagnosis, notes=(*diagnosis.notes, asked))
        yield replace(head, artifacts=reports, diagnosis=diagnosis)


def _write(
    project: Project, judged: Judged, scenarios: Sequence[ScenarioReport], problems: Sequence[str], profile: str
) -> tuple[Report, Path]:
    from harness.report.folder import write_report
    from harness.run.runner import environment
    from harness.store.candidates import keep_out_of_git
    from harness.verify.suite import verification_subject

    keep_out_of_git(project)
    started = datetime.fromtimestamp(judged.started, timezone.utc).isoformat(timespec="seconds")
    report = replace(
        _report(project, environment(project.pipeline), scenarios),
        profile=profile,
        started=started,
        seconds=time.time() - judged.started,
        problems=tuple(problems),
        subject=verification_subject(project),
    )
    find: Find = judged.find
    return report, write_report(report, project.pipeline.views, find, project.state / _PLACE)["report.html"]
