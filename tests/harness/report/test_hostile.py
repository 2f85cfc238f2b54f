"""Whatever the words of a report are, its files are whole, readable, of a bearable size, and hold nothing raw."""

from __future__ import annotations

import json
from xml.etree import ElementTree as Xml

import pytest
from plant_repository import raw
from small_reports import RAMP

from harness.core.protocol import Artifact, Curve, Image, Ladder
from harness.core.reports import dump_report, report_from_json, report_to_json
from harness.core.verdicts import (
    ArtifactReport,
    Diagnosis,
    Report,
    ScenarioReport,
    StageFinding,
    Status,
    Verdict,
    Worst,
)
from harness.report.folder import write_report

HOSTILE = (
    "\x1b[31m[/b]\x00\x9b1m\u202e\udc80\n::error::bad\r\n##[error]x\x07\ufffe\x7f </pre>]]>"
    "| `a` \x1b]8;;http://x\x1b\\ "
)
LARGE = HOSTILE + "much " * 200_000


def report_of(words):
    verdict = Verdict(
        words, Status.FAIL, "exact", words, words, words, [words], words, 2.0, 0.5, (Worst((0,), words, 1, 2.0),)
    )
    artifacts = (
        ArtifactReport(words, words, words, (verdict,)),
        ArtifactReport(words, words, words, error=words, details=f"{words}\n" * 3),
        ArtifactReport(words, words, words, blocked=words),
    )
    diagnosis = Diagnosis(words, words, (StageFinding(words, words, words),), (words,))
    finding = {"cause": words, "level": "fault", "statement": words, "evidence": [words], "remedy": words}
    hypothesis = {"id": words, "statement": words, "status": words, "evidence": words}
    table = {"title": words, "columns": [words], "rows": [[words], [10**5000]]}
    analysis = {"name": "a", "title": words, "figures": {words: words}, "tables": [table], "notes": [words]}
    run = {
        "name": words,
        "layout": words,
        "missing": [words],
        "verdict": words,
        "findings": [finding],
        "hypotheses": [hypothesis],
        "analyses": [analysis],
    }
    scenario = ScenarioReport(words, words, words, artifacts, (verdict,), diagnosis, analysis=run)
    skipped = ScenarioReport(words, words, words, skipped=words)
    return Report(words, words, {words: words}, words, 1.0, (scenario, skipped), (words,), {words: 1.0}, words)


@pytest.mark.parametrize("words", [HOSTILE, pytest.param(LARGE, marks=pytest.mark.slow)], ids=["hostile", "large"])
def test_no_file_of_a_report_holds_anything_raw(words, tmp_path):
    ladder = [{"gain": words, "expected": 1.0, "measured": 2.0}]
    artifact = Artifact({words: [1.0, 2.0], "l": ladder}, {words: RAMP})
    views = (Image(words, words, words), Curve(words, words, words), Ladder(words, "l", words))
    paths = write_report(report_of(words), views, lambda *where: (artifact, artifact), tmp_path)
    texts = {name: path.read_bytes().decode("utf-8") for name, path in paths.items()}
    assert raw(texts["report.html"].partition("</style>")[2]) == []
    for name in ("report.json", "junit.xml", "report.md"):
        assert raw(texts[name]) == [], name
    assert max(map(len, texts.values())) < 2_000_000
    assert len(texts["report.md"]) < 65_536  # a comment may have so many
    Xml.fromstring(texts["junit.xml"])
    json.loads(texts["report.json"])


def test_a_report_comes_back_with_its_words():
    assert report_from_json(json.loads(dump_report(report_of(HOSTILE)))).scenarios[0].title == HOSTILE


def test_the_middle_of_a_very_long_text_is_left_out_of_json():
    title = report_to_json(report_of("x" * 1_000_000))["scenarios"][0]["title"]
    assert len(title) <= 20_000
    assert "characters are left out" in title
