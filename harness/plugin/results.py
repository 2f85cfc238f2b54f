"""What the fixtures give to a test: a stage's result, and an artifact beside its golden."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.ids import INVARIANTS
from harness.core.text import line
from harness.plugin.session import GUARDED, note_remarks, noted

if TYPE_CHECKING:
    from harness.core.protocol import Artifact, Output
    from harness.core.verdicts import ArtifactReport
    from harness.verify.examination import Examination

SHOWN_MISMATCHES = 10  # in a failure's message
_SWITCHED_OFF = (
    "golden.check() compares by way of pytest-regressions, which is switched off here: take `-p no:regressions` out, "
    "or load it with `-p pytest_regressions.plugin`"
)


@dataclass(frozen=True)
class StageResult:
    """A stage of a scenario, run once. ``output``: what the stage returned; ``artifact``: what is verified."""

    examination: Examination
    name: str

    @property
    def artifact(self) -> Artifact:
        """What is verified of the stage."""
        return self._outcome().observed.artifact()

    @property
    def output(self) -> Output:
        """What the stage returned."""
        from harness.core.codecs import restored

        return restored(self._outcome().item.output(), f"stage {self.name} returned")

    def _outcome(self) -> Any:
        outcome = self.examination.runs.of(self.name, replayed=False)
        if outcome.item is None:
            why = outcome.error or f"{outcome.blocked} failed"
            sentence = with_traceback(f"stage {outcome.stage.name} has no result: {why}", outcome.details)
            pytest.fail(sentence, pytrace=False)
        return outcome


@dataclass(frozen=True)
class GoldenCheck:
    """One artifact of one scenario, and its golden: ``check()`` fails unless they agree."""

    examination: Examination
    track: str
    artifact: str
    request: pytest.FixtureRequest

    @property
    def report(self) -> ArtifactReport:
        """The verdicts; the stage is run now if it has not been."""
        report = self.examination.report(self.track, self.artifact)
        identity = self.examination.identity(self.track, self.artifact)
        noted(self.request, self.examination, identity, report.failed)
        if GUARDED in self.request.config.stash:
            note_remarks(self.request.node, identity, report)
        return report

    def check(self) -> None:
        """Fail, with what differs, unless the artifact is as accepted."""
        __tracebackhide__ = True
        from pytest_regressions.common import perform_regression_check

        from harness.core.project import in_ci

        identity = self.examination.identity(self.track, self.artifact)
        report = self.report
        if self.artifact == INVARIANTS and (broken := [v for v in self.examination.invariants() if v.status.failed]):
            lines = (line(f"{v.path} is {v.obtained}, allowed {v.allowed}: {v.message}") for v in broken)
            pytest.fail("\n  ".join([f"{identity}: {len(broken)} invariants do not hold", *lines]), pytrace=False)
        path = self.examination.goldens.root / f"{identity}.json"
        asked = [self.request.config.getoption(option, None) for option in ("force_regen", "regen_all")]
        if None in asked:
            pytest.fail(f"{identity}: {_SWITCHED_OFF}", pytrace=False)
        regenerate = any(asked)

        def fail_on_mismatch(obtained: Path, expected: Path) -> None:
            __tracebackhide__ = True
            if report.failed:
                pytest.fail(mismatch_message(identity, report), pytrace=False)

        # Regenerating makes a candidate, and no test pass: nothing is golden before somebody accepts it.
        if report.error or report.blocked or not path.is_file() or (report.failed and regenerate):
            pytest.fail(mismatch_message(identity, report) + ("" if in_ci() else self._keep()), pytrace=False)
        perform_regression_check(
            datadir=self.request.getfixturevalue("tmp_path"),
            original_datadir=self.examination.goldens.root,
            request=self.request,
            check_fn=fail_on_mismatch,
            dump_fn=self._dump,
            extension=".json",
            fullpath=path,
        )

    def _dump(self, path: Path) -> None:
        """The obtained artifact at ``path``; what would go among the goldens becomes a candidate instead."""
        from harness.core.artifacts import dump_artifact
        from harness.core.files import write_file

        if path.resolve().is_relative_to(self.examination.goldens.root.resolve()):
            self._keep()
            return
        obtained = self.examination.obtained(self.track, self.artifact)
        if obtained is not None:
            files = dump_artifact(obtained, self.examination.schema_of(self.track, self.artifact))
            for suffix, content in files.items():
                write_file(path.with_suffix(suffix), content)

    def _keep(self) -> str:
        from harness.verify.kept_candidates import keep_candidate

        examination, names = self.examination, [self.artifact]
        if self.track == examination.replay:  # a stage's stored output is the next one's input
            names = [s.artifact for s in examination.pipeline.stages if s.replay != "no"]
        ids = (keep_candidate(examination, self.track, name, "pytest") for name in names)
        kept = " ".join(filter(None, ids))
        return f"\nKept as candidate: `harness review {kept}`" if kept else ""


def mismatch_message(identity: str, report: ArtifactReport) -> str:
    """Why an artifact fails: its first mismatches, the rest counted."""
    from harness.core.text import LONGEST_MESSAGE, clean_lines, clipped, line
    from harness.report.differences.folding import folded
    from harness.report.differences.lines import line_difference
    from harness.report.summary import verdict_line

    if report.error:
        return with_traceback(f"{identity}: stage {report.stage} raised {report.error}", report.details)
    if report.blocked:
        return line(f"{identity}: stage {report.stage} has no input, because {report.blocked} failed")
    failing = [v for v in report.verdicts if v.status.failed]
    told = sorted(folded(report.verdicts), key=lambda verdict: verdict.explanation is None)
    shown = [
        words
        for verdict in told[:SHOWN_MISMATCHES]
        for words in (
            f"  {clipped(verdict_line(verdict), LONGEST_MESSAGE)}",
            *(f"    | {each}" for each in clean_lines("\n".join(line_difference(verdict)))),
        )
    ]
    rest = [f"... and {len(told) - SHOWN_MISMATCHES} more"] if len(told) > SHOWN_MISMATCHES else []
    return "\n".join(
        [
            line(f"{identity}: {len(failing)} of {len(report.verdicts)} values are not as accepted"),
            *shown,
            *rest,
        ]
    )


def with_traceback(sentence: str, details: str) -> str:
    """A sentence, and below it the traceback that belongs to it, if there is one."""
    from harness.core.text import LONGEST_MESSAGE, clean_lines, clipped

    return "\n".join([clipped(sentence, LONGEST_MESSAGE), *(f"  | {each}" for each in clean_lines(details))])
