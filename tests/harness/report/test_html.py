"""The page: it is well formed, nothing in it can break out, and nothing is lost."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from report_example import STAGES, VIEWS, Example, heavy
from small_reports import BAD, EVIL, GOOD, RAMP, a_report, an_artifact, nothing

from harness.core.protocol import Artifact, Curve, Image, Ladder
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
from harness.report import html, junit, markdown, rows, selection, summary
from harness.report.folder import write_report

VOID = {"meta", "link", "img", "br"}


class Balanced(HTMLParser):
    """Tags that are opened and not closed, and the text outside of style sheets."""

    def __init__(self, page):
        super().__init__()
        self.open, self.text, self.ids, self.links, self.tags = [], "", [], [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        attributes = dict(attrs)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if tag == "a" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, content):
        if self.open and self.open[-1] != "style":
            self.text += " " + " ".join(content.split())


def page_of(shown: Example) -> str:
    return html.render_html(shown.report, VIEWS, shown.find)


@pytest.fixture(scope="module")
def failing_page(failing):
    return page_of(failing)


def test_the_page_is_well_formed_and_needs_nothing_else(failing_page):
    parsed = Balanced(failing_page)
    assert not parsed.open
    assert failing_page.startswith("<!doctype html>")
    assert "default-src 'none'" in failing_page
    assert not parsed.tags & {"script", "iframe", "object", "embed"}
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", failing_page)
    assert not re.findall(r"url\(|@import|https?://", failing_page)
    assert len(set(parsed.ids)) == len(parsed.ids) == 9
    assert {link.removeprefix("#") for link in parsed.links} == set(parsed.ids)


def test_the_hero_says_what_failed_where_and_by_how_much(failing_page):
    hero = Balanced(failing_page[: failing_page.index("<main")] + "</body></html>").text
    assert "Replayed alone from stored inputs it differs" in hero
    for words in ("3 of 8 scenarios failed", "normalized", "in star_sharp", "normalized/gain", "0.01131", "0.019227"):
        assert words in hero
    assert "700,000×" in hero
    assert "Also failed: disks_phase (trained)" in re.sub(r"\s+", " ", hero)
    assert failing_page.index('alt="Mean normalised frame: difference') < failing_page.index("<main")


def test_a_healthy_hero_is_calm_and_names_the_closest_call(healthy):
    page = page_of(healthy)
    hero = Balanced(page[: page.index("<main")] + "</body></html>").text
    assert "All 8 scenarios passed" in hero
    assert "Closest call" in hero
    assert f"{healthy.report.compared:,}" in hero
    assert "tensorflow 2.19.0" in re.sub(r"\s+", " ", hero)
    assert "Look first at" not in hero
    assert page.count("<img") > 8


def test_what_is_skipped_cached_or_blocked_is_seen(failing_page):
    parsed = re.sub(r"\s+", " ", Balanced(failing_page).text)
    assert "– skipped the measured frames are not on this machine" in parsed
    assert "cached" in parsed
    assert "⊘ blocked" in parsed
    assert "encoder_3" in parsed


def test_failing_scenarios_come_first_and_open(failing_page):
    names = re.findall(r'<details class="scenario [^"]*"( open)?>\s*<summary>.*?<b>(\w+)</b>', failing_page)
    assert [name for opened, name in names if opened] == ["star_sharp", "disks_phase", "grain_soft"]
    assert all(opened for opened, _ in names[:3])
    assert not any(opened for opened, _ in names[3:])


def test_long_lists_of_failing_elements_are_thinned_and_counted(failing_page):
    assert "36 more of trained/loss/*" in failing_page
    many = [replace(BAD, path=f"value_{i}") for i in range(50)]
    page = html.render_html(a_report(an_artifact(*many)), (), nothing)
    assert "20 more of values" in page
    assert page.count("bad") < page.count("value_")


def test_every_text_is_escaped_everywhere():
    verdict = Verdict(
        EVIL, Status.FAIL, "exact", EVIL, EVIL, EVIL, [EVIL], EVIL, 2.0, 0.5, (Worst((0,), EVIL, EVIL, 2.0),)
    )
    close = replace(verdict, status=Status.PASS, used=0.9)
    artifacts = (
        ArtifactReport(EVIL, EVIL, EVIL, (verdict, close, replace(verdict, status=Status.IMPROVED))),
        ArtifactReport(EVIL, EVIL, EVIL, error=EVIL),
        ArtifactReport(EVIL, EVIL, EVIL, blocked=EVIL),
    )
    diagnosis = Diagnosis(EVIL, EVIL, (StageFinding(EVIL, EVIL, EVIL),), (EVIL,))
    scenario = ScenarioReport(EVIL, EVIL, EVIL, artifacts, (verdict, close), diagnosis)
    skipped = ScenarioReport(EVIL, EVIL, EVIL, skipped=EVIL)
    report = Report(EVIL, EVIL, {EVIL: EVIL}, EVIL, 1.0, (scenario, skipped), (EVIL,), {EVIL: 1.0})
    views = (Image(EVIL, EVIL, EVIL, EVIL), Curve(EVIL, EVIL, EVIL), Ladder(EVIL, EVIL + "l", EVIL))
    values = {EVIL: [1.0, 2.0], EVIL + "l": [{"gain": EVIL, "expected": 1.0, "measured": 2.0}]}
    artifact = Artifact(values, {EVIL: RAMP})
    other = Artifact(values, {EVIL: RAMP + 1})
    page = html.render_html(report, views, lambda *where: (artifact, other))
    assert "<script" not in page
    assert not Balanced(page).open
    comment = markdown.render_markdown(report)
    assert "<script" not in re.sub(r"(`+).*?\1", "", comment)
    assert not re.search(r"[^;]@you", re.sub(r"(`+).*?\1", "", comment))
    Xml.fromstring(junit.render_junit(report))


def test_only_what_was_drawn_here_is_put_in_unescaped():
    template = (Path(html.__file__).parent / "template.html.j2").read_text()
    assert "|safe" not in template
    assert template.count("|drawing") == 3  # what svg.py drew, and twice what png.py did


def test_a_store_with_problems_and_a_report_of_nothing_do_not_look_healthy():
    page = html.render_html(replace(a_report(an_artifact(GOOD)), problems=("g/x.json was altered",)), (), nothing)
    assert 'class="failed"' in page
    assert "g/x.json was altered" in page
    assert 'class="failed"' in html.render_html(a_report(), (), nothing)
    assert 'class="passed"' in html.render_html(a_report(an_artifact(GOOD)), (), nothing)


@pytest.mark.parametrize(
    ("used", "percent"), [(0, 0), (0.5, 30), (1, 60), (10, 73.33), (1000, 100), (1e9, 100), (math.nan, 100)]
)
def test_bars_are_linear_to_the_limit_and_logarithmic_beyond(used, percent):
    assert rows.bar_fill(used) == pytest.approx(percent, abs=0.01)
    place = selection.Place(a_report().scenarios[0], None, replace(BAD, used=used))
    assert rows.value_row(place).beyond == (not used <= 1000)


@pytest.mark.slow
def test_a_large_report_is_small(tmp_path):
    large = heavy()
    paths = write_report(large.report, VIEWS, large.find, tmp_path)
    assert paths["report.html"].stat().st_size < 8e6


def test_every_stage_of_the_example_is_in_the_overview(failing_page):
    head = failing_page[failing_page.index('<table class="grid">') :]
    assert re.findall(r'<th scope="col"><span>(\w+)</span>', head[: head.index("</thead>")]) == [*STAGES, "invariants"]


def test_an_array_that_fails_shows_the_numbers_of_its_worst_element():
    worst = (Worst((2, 3), 1.25, 1.5, 200.0), Worst((0, 0), 1.0, 1.1, 9.0))
    shape = "float64 [8, 8]"
    bad = Verdict(
        "x", Status.FAIL, "exact", "64 out", expected=shape, obtained=shape, used=200.0, share=1.0, worst=worst
    )
    row = rows.value_row(selection.failing_places(a_report(an_artifact(bad)).scenarios[0])[0])
    assert (row.expected, row.obtained, row.change) == ("1.25", "1.5", "+0.25 (×1.2)")
    assert row.at == "[2, 3] of float64 [8, 8]"
    other = replace(bad, obtained="float32 [8, 8]")
    assert rows.value_row(selection.failing_places(a_report(an_artifact(other)).scenarios[0])[0]).expected == shape
    comment = markdown.render_markdown(a_report(an_artifact(bad)))
    assert "| `1.25` | `1.5` |" in comment
    assert "the worst at \\[2, 3\\] of float64 \\[8, 8\\]" in comment


def test_there_is_one_column_of_invariants():
    bounds = an_artifact(replace(GOOD, path="mass/low"), stage="invariants")
    page = html.render_html(a_report(an_artifact(GOOD), bounds, invariants=(replace(GOOD, path="mass"),)), (), nothing)
    head = page.partition("<thead>")[2].partition("</thead>")[0]
    assert head.count("invariants") == 1
    moved = an_artifact(replace(BAD, path="mass/low"), stage="invariants")
    state = summary.invariants_state(
        a_report(an_artifact(GOOD), moved, invariants=(replace(GOOD, path="mass"),)).scenarios[0]
    )
    assert (state.kind, state.word) == ("first", "bounds")


def test_a_use_without_end_is_said_in_words():
    verdict = replace(BAD, used=math.inf)
    assert "\u221e" not in html.render_html(a_report(an_artifact(verdict)), (), nothing)
    assert "beyond<span" in html.render_html(a_report(an_artifact(verdict)), (), nothing)
    assert summary.verdict_line(replace(verdict, message="")).endswith("allowed ± 0.333, beyond it")
