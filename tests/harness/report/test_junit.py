"""The report as JUnit XML."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as Xml

from small_reports import BAD, GOOD, a_report, an_artifact

from harness.core.verdicts import Status
from harness.report import junit


def suite_of(report):
    return Xml.fromstring(junit.render_junit(report))


def test_junit_has_one_case_an_artifact_and_counts_them(failing):
    root = suite_of(failing.report)
    cases = list(root.iter("testcase"))
    artifacts = sum(len(s.artifacts) for s in failing.report.scenarios)
    judged = sum(bool(s.invariants) for s in failing.report.scenarios)
    assert len(cases) == artifacts + judged + 1  # and the skipped scenario
    assert len({(c.attrib["classname"], c.attrib["name"]) for c in cases}) == len(cases)
    for node, within in [(root, cases), *((s, list(s)) for s in root)]:
        outcomes = [child.tag for case in within for child in case]
        counted = {k: int(node.attrib[k]) for k in ("tests", "failures", "errors", "skipped")}
        assert counted == {
            "tests": len(within),
            "failures": outcomes.count("failure"),
            "errors": outcomes.count("error"),
            "skipped": outcomes.count("skipped"),
        }
        assert float(node.attrib["time"]) >= 0
    assert (root.attrib["errors"], root.attrib["skipped"]) == ("3", "1")


def test_junit_names_the_case_and_tells_the_worst_value_first(failing):
    (case,) = suite_of(failing.report).iterfind(".//testcase[@classname='star_sharp.cpu'][@name='normalized']")
    (failure,) = case
    assert failure.tag == "failure"
    assert failure.attrib["message"].startswith(
        "2 of 32 values failed, first gain: expected 0.01131, obtained 0.019227"
    )
    assert "its tolerance of ± 1.13e-08" in failure.text


def test_junit_tells_errors_blocks_skips_and_broken_invariants():
    skipped = replace(GOOD, status=Status.SKIPPED, message="not here")
    report = a_report(
        an_artifact(error="boom", stage="a"),
        an_artifact(blocked="a raised", stage="b"),
        an_artifact(skipped, stage="c"),
        an_artifact(GOOD, skipped, stage="d"),
        invariants=(replace(BAD, path="product"),),
    )
    outcomes = {c.attrib["name"]: [(o.tag, o.attrib["message"]) for o in c] for c in suite_of(report).iter("testcase")}
    assert outcomes.pop("invariants")[0][0] == "failure"
    assert outcomes == {"a": [("error", "boom")], "b": [("error", "a raised")], "c": [("skipped", "not here")], "d": []}


def test_junit_is_never_green_when_the_report_is_not():
    problems = suite_of(replace(a_report(an_artifact(GOOD)), problems=("altered",)))
    assert problems.attrib["failures"] == "1"
    assert suite_of(a_report()).attrib["errors"] == "1"
    assert suite_of(a_report(an_artifact(GOOD))).attrib["tests"] == "1"


def test_junit_replaces_what_xml_cannot_hold():
    content = junit.render_junit(a_report(an_artifact(GOOD, error="\x1b[31mred\x1b[0m \x00\x08\ufffe\udce4 <&> ok")))
    (error,) = Xml.fromstring(content).iter("error")
    assert error.text == "red \ufffd\ufffd\ufffd\ufffd <&> ok"
