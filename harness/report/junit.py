"""The report as JUnit XML: a test case for each artifact of each scenario, so that CI shows which broke."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree import ElementTree as Xml

from harness.core import text
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status, Verdict
from harness.report import selection
from harness.report.differences import folding
from harness.report.differences.lines import line_difference
from harness.report.summary import verdict_line

_LISTED = 20  # failing values of a test case


@dataclass
class JUnitSuite:
    """A scenario's test cases, counted as they are added."""

    name: str
    cases: list[Xml.Element] = field(default_factory=list)
    properties: dict[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def add(
        self, track: str, name: str, seconds: float, outcome: str, kind: str = "", lines: tuple[str, ...] = ()
    ) -> None:
        """Add a case; ``outcome`` is ``""`` (passed), failure, error or skipped, and ``lines`` say why."""
        case = _element("testcase", classname=f"{self.name}.{track}", name=name, time=f"{seconds:.3f}")
        if outcome:
            result = _element(
                outcome,
                message=text.clipped(next(iter(lines), kind), text.LONGEST_MESSAGE),
                **({} if outcome == "skipped" else {"type": kind}),
            )
            result.text = _clean("\n".join(text.bounded(each, 10 * text.LONGEST_MESSAGE) for each in lines))
            case.append(result)
        self.cases.append(case)

    def element(self, **more: str) -> Xml.Element:
        """The suite with its counts."""
        suite = _element("testsuite", name=self.name, **counts(self.cases), **more)
        if self.properties:
            properties = _element("properties")
            properties.extend(_element("property", name=name, value=str(n)) for name, n in self.properties.items())
            suite.append(properties)
        suite.extend(self.cases)
        if self.remarks:
            output = _element("system-out")
            output.text = _clean("\n".join(self.remarks))
            suite.append(output)
        return suite


def render_junit(report: Report) -> bytes:
    """``report`` as JUnit XML in UTF-8."""
    suites = [_scenario(scenario) for scenario in report.scenarios]
    if report.problems:
        suites.append(JUnitSuite("goldens"))
        suites[-1].add("store", "problems", 0.0, "failure", "store", report.problems)
    if not report.compared:
        suites.append(JUnitSuite(report.project))
        suites[-1].add(report.profile, "comparisons", 0.0, "error", "empty", ("nothing was compared",))
    total = counts([case for suite in suites for case in suite.cases])
    root = _element("testsuites", name=report.project, **{**total, "time": f"{report.seconds:.3f}"})
    root.extend(suite.element(timestamp=report.started) for suite in suites)
    Xml.indent(root)
    content: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def counts(cases: list[Xml.Element]) -> dict[str, str]:
    """The attributes that say how many cases there are, of which kind, and how long they took."""
    outcomes = [child.tag for case in cases for child in case]
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    seconds = sum(float(case.attrib["time"]) for case in cases)
    numbers = {name: str(outcomes.count(tag)) for name, tag in kinds.items()}
    return {"tests": str(len(cases)), **numbers, "time": f"{seconds:.3f}"}


def _scenario(scenario: ScenarioReport) -> JUnitSuite:
    suite = JUnitSuite(scenario.scenario)
    for status, name in ((Status.WARNING, "warnings"), (Status.IGNORED, "ignored")):
        if found := selection.remarks((scenario,), status):
            suite.properties[name] = sum(remark.count for remark in found)
            suite.remarks += tuple(f"{status.value}: {remark.sentence}" for remark in found)
    if scenario.skipped:
        suite.add(scenario.profile, "scenario", 0.0, "skipped", lines=(scenario.skipped,))
    for artifact in scenario.artifacts:
        suite.add(artifact.track, artifact.artifact, artifact.seconds, *_outcome(artifact))
    if scenario.invariants:
        suite.add(scenario.profile, "invariants", 0.0, *_judged(scenario.invariants))
    return suite


def _outcome(artifact: ArtifactReport) -> tuple[str, str, tuple[str, ...]]:
    if artifact.error:
        return "error", "raised", (artifact.error, *text.clean_lines(artifact.details))
    if artifact.blocked:
        return "error", "blocked", (artifact.blocked,)
    return _judged(artifact.verdicts)


def _judged(verdicts: tuple[Verdict, ...]) -> tuple[str, str, tuple[str, ...]]:
    failed = selection.failing(verdicts)
    if failed:
        told = folding.folded(verdicts, failed)
        rest = [f"... and {len(told) - _LISTED} more"] if len(told) > _LISTED else []
        head = f"{len(failed)} of {text.count(len(verdicts), 'value')} failed, first {verdict_line(told[0])}"
        lines = [words for v in told[:_LISTED] for words in (verdict_line(v), *line_difference(v))]
        return "failure", failed[0].status.value, (head, *lines, *rest)
    skipped = [v for v in selection.notable(verdicts) if v.status is Status.SKIPPED]
    if verdicts and len(skipped) == len(verdicts):
        return "skipped", "", tuple(v.message or v.path for v in skipped[:_LISTED])
    return "", "", ()


def _element(tag: str, **attributes: str) -> Xml.Element:
    return Xml.Element(tag, {name: _clean(value) for name, value in attributes.items()})


def _clean(words: str) -> str:
    """Text of bounded length without what XML 1.0 cannot hold, such as control characters and terminal colours."""
    return text.bounded(text.cleaned(words))
