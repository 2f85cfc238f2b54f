"""The report's four forms: what they say, that nothing in them can break out, and that nothing is lost."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as Xml

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from report_example import STAGES, VIEWS, Example, example, heavy

from harness.core import text
from harness.core.errors import GoldenError, HarnessError
from harness.core.protocol import Artifact, Curve, Image, Ladder
from harness.core.reports import dump_report, read_report, report_from_json, report_to_json
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
from harness.report import html, junit, markdown, markup, rows, selection, summary
from harness.report.folder import write_report
from harness.report.graphics import exhibits, pictures, png, svg

SCHEMA = Path(__file__).parents[3] / "schemas" / "harness" / "report.schema.json"
EVIL = "<script>alert(1)</script>|`x`&\"'\x1b[31m\x00 @you [a](b)\n# no"
VOID = {"meta", "link", "img", "br"}


@pytest.fixture(scope="module")
def failing():
    return example()


@pytest.fixture(scope="module")
def healthy():
    return example(failing=False)


def nothing(scenario, track, artifact):
    return None, None


def a_report(*artifacts, **more):
    """A report of one scenario ``s``."""
    scenario = ScenarioReport("s", "cpu", "a title", artifacts, **more)
    return Report("p", "cpu", {}, "now", 1.0, (scenario,))


def an_artifact(*verdicts, stage="stage", track="cpu", **more):
    return ArtifactReport(stage, stage, track, verdicts, **more)


GOOD = Verdict("good", Status.PASS, "deterministic", expected=1.0, obtained=1.0, used=0.5)
BAD = Verdict("bad", Status.FAIL, "deterministic", expected=1.0, obtained=2.0, used=3.0, allowed="± 0.333")


# Text


@pytest.mark.parametrize(
    ("expected", "obtained", "shown"),
    [
        (1.0, 2.0, ("1", "2")),
        (0.9971234, 0.9971235, ("0.9971234", "0.9971235")),
        (1.0, 1.0 + 2**-52, ("1", "1.0000000000000002")),
        (3, 3.0000001, ("3", "3.0000001")),
        (float("nan"), 1.0, ("NaN", "1")),
        (-1e-7, None, ("−1e−7", "–")),
        (True, 1, ("true", "1")),
        ("a", [1, 2], ("a", "[1, 2]")),
    ],
)
def test_two_values_are_shown_with_the_digits_that_tell_them_apart(expected, obtained, shown):
    assert text.pair(expected, obtained) == shown


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_different_numbers_never_look_alike(a, b):
    shown = text.pair(a, b)
    assert (shown[0] == shown[1]) == (a == b)


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, ""),
        (0.0, "0 %"),
        (1e-9, "< 1 %"),
        (0.43, "43 %"),
        (0.9999, "> 99.5 %"),
        (1.0, "100 %"),
        (1.0000001, "1.0000001×"),
        (3.21, "3.2×"),
        (41.4, "41×"),
        (699_999.0, "700,000×"),
        (3e12, "3e12×"),
        (math.inf, "∞×"),
        (math.nan, "NaN"),
    ],
)
def test_use_of_a_tolerance_is_a_percentage_within_and_a_factor_beyond(share, shown):
    assert text.used(share) == shown


@given(st.floats(min_value=0, exclude_min=True))
def test_a_use_beyond_the_limit_never_looks_as_if_within(share):
    shown = text.used(share)
    assert shown.endswith("×") == (share > 1)
    assert shown != "1×"


def test_shares_that_are_not_none_or_all_are_not_shown_as_such():
    assert [text.portion(v) for v in (0, 1e-9, 0.00123, 0.25, 0.99999999, 1)] == [
        "0 %",
        "< 0.01 %",
        "0.12 %",
        "25.0 %",
        "99.99 %",
        "100 %",
    ]


def test_differences_have_a_sign_and_a_ratio_where_it_tells():
    assert text.difference(1.0, 1.7) == "+0.7 (×1.7)"
    assert text.difference(1.0, 0.999) == "−0.001"
    assert text.difference("a", 1.0) == text.difference(1.0, 1.0) == text.difference(1.0, math.nan) == ""
    assert text.difference(10**400, 1.0) == ""


def test_durations_and_counts():
    assert [text.seconds(v) for v in (0, 0.2, 2.34, 61, 99.7, 204, 7260)] == [
        "0 ms",
        "200 ms",
        "2.3 s",
        "61 s",
        "1 min 40 s",
        "3 min 24 s",
        "2 h 1 min",
    ]
    assert text.count(1, "value") == "1 value"
    assert text.count(13482, "value") == "13,482 values"


def test_ends_of_a_scale_have_no_needless_digits():
    assert text.limits(0.1212826, 1.863459) == ("0.121", "1.86")
    assert text.limits(1.00001, 1.00002) == ("1.00001", "1.00002")


# What is said first


def test_the_worst_measured_value_of_the_diagnosed_stage_is_the_culprit():
    missing = Verdict("gone", Status.MISSING, "exact")
    hopeless = replace(BAD, path="nan", used=math.inf)
    early = an_artifact(replace(BAD, path="early", used=9.0), stage="early")
    named = an_artifact(GOOD, BAD, missing, hopeless, replace(BAD, path="worse", used=4.0), stage="named")
    scenario = a_report(early, named, diagnosis=Diagnosis("", "named")).scenarios[0]
    assert selection.broken_artifact(scenario) is named
    assert selection.culprit_place(scenario).name == "named/worse"


def test_failing_values_are_listed_from_those_without_a_measure_to_the_closest():
    gone = Verdict("gone", Status.MISSING, "exact")
    failures = selection.failing([BAD, GOOD, replace(BAD, path="worse", used=9.0), gone])
    assert [v.path for v in failures] == ["gone", "worse", "bad"]


def test_without_a_diagnosis_the_first_failing_artifact_is_shown():
    scenario = a_report(an_artifact(GOOD), an_artifact(BAD, stage="b", track="replay")).scenarios[0]
    assert selection.culprit_place(scenario).name == "replay/b/bad"


def test_broken_invariants_are_a_culprit_too():
    scenario = a_report(an_artifact(GOOD), invariants=(replace(BAD, path="product"),)).scenarios[0]
    assert selection.broken_artifact(scenario) is None
    assert selection.culprit_place(scenario).name == "invariants/product"


def test_closest_calls_are_passing_values_in_order():
    values = [replace(GOOD, path=str(i), used=i / 10) for i in range(10)]
    scenario = a_report(an_artifact(BAD, *values), invariants=(replace(GOOD, path="x", used=0.95),)).scenarios[0]
    assert [p.verdict.path for p in selection.closest_calls((scenario,), 3)] == ["x", "9", "8"]
    assert len(selection.closest_calls((scenario,), 99)) == 10  # those that use nothing were never close


@pytest.mark.parametrize(
    ("artifacts", "findings", "kind", "word"),
    [
        ([an_artifact(GOOD)], (), "pass", "pass"),
        ([an_artifact(GOOD, BAD)], (), "first", "fail"),
        ([an_artifact(GOOD), an_artifact(BAD, track="replay")], (("stage", "wrong"),), "first", "wrong"),
        ([an_artifact(BAD)], (("stage", "input already wrong"),), "down", "input wrong"),
        ([an_artifact(BAD)], (("stage", "differs here"),), "first", "differs"),
        ([an_artifact(error="boom")], (), "first", "error"),
        ([an_artifact(blocked="no input")], (), "down", "blocked"),
        ([an_artifact(GOOD, replace(GOOD, status=Status.IMPROVED))], (), "improved", "better"),
        ([an_artifact(replace(GOOD, status=Status.SKIPPED))], (), "skipped", "skipped"),
        ([an_artifact(GOOD, replace(GOOD, status=Status.SKIPPED))], (), "pass", "pass"),
        ([an_artifact(replace(GOOD, status=Status.STALE))], (), "first", "fail"),
    ],
)
def test_a_stage_has_one_state(artifacts, findings, kind, word):
    named = tuple(StageFinding(*f, "why") for f in findings)
    first = "other" if findings else None
    scenario = a_report(*artifacts, diagnosis=Diagnosis("", first, named)).scenarios[0]
    state = summary.stage_state(scenario, "stage")
    assert (state.kind, state.word) == (kind, word)
    assert summary.stage_state(scenario, "absent").kind == "none"


def test_headlines():
    passing = a_report(an_artifact(GOOD))
    assert summary.headline(passing) == "The scenario passed"
    assert summary.headline(replace(passing, problems=("x",))) == "The store of goldens has 1 problem"
    assert summary.headline(a_report()) == "Nothing was compared"
    assert summary.headline(a_report(an_artifact(BAD))) == "1 of 1 scenario failed"
    assert summary.headline(example(failing=False).report) == "All 8 scenarios passed"


# JSON

jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["$float", "$map", "$"]), inner),
    max_leaves=5,
)
floats = st.none() | st.floats(allow_nan=False)
verdicts = st.builds(
    Verdict,
    path=st.text(),
    status=st.sampled_from(Status),
    tier=st.sampled_from(["exact", "invariant"]),
    message=st.text(),
    expected=jsons,
    obtained=jsons,
    used=floats,
    share=floats,
    worst=st.lists(st.builds(Worst, st.tuples(st.integers(0)), jsons, jsons, st.floats(allow_nan=False))).map(tuple),
)


def same(a, b):
    """Equal to the type: 1 is not 1.0, and NaN is NaN."""
    return repr(a) == repr(b)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(verdicts, max_size=3))
def test_json_loses_nothing(verdicts):
    report = a_report(an_artifact(*verdicts, cached=True, error="\udce4"), invariants=tuple(verdicts), skipped="why")
    again = report_from_json(json.loads(dump_report(report)))
    assert again == report
    assert same(again, report)


def test_json_keeps_what_is_not_finite():
    verdict = replace(
        BAD, expected=math.nan, obtained="NaN", used=math.inf, worst=(Worst((1,), -math.inf, 0, math.nan),)
    )
    report = a_report(an_artifact(verdict))
    content = dump_report(report)
    assert same(report_from_json(json.loads(content, parse_constant=pytest.fail)), report)


def test_what_equals_a_default_and_is_of_another_type_is_kept():
    report = a_report(an_artifact(replace(GOOD, expected=False, obtained=0), seconds=0))
    assert same(report_from_json(json.loads(dump_report(report))), report)


def test_numpy_scalars_become_numbers():
    verdict = replace(BAD, expected=np.float32(0.5), obtained=np.int64(3))
    again = report_from_json(json.loads(dump_report(a_report(an_artifact(verdict)))))
    assert same([(v.expected, v.obtained) for v in again.scenarios[0].verdicts()], [(0.5, 3)])


@pytest.mark.parametrize("which", [True, False])
def test_json_meets_its_schema(which):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    check = jsonschema.Draft202012Validator(schema)
    check.check_schema(schema)
    report = example(which, values=4).report
    odd = replace(
        BAD,
        expected={"$a": math.nan},
        obtained=[None, {"b": math.inf}],
        used=math.nan,
        worst=(Worst((1, 2), 1, 2.0, 3.0),),
    )
    report = replace(report, problems=("x",), scenarios=(*report.scenarios, *a_report(an_artifact(odd)).scenarios))
    value = json.loads(dump_report(report))
    assert not [e.message for e in check.iter_errors(value)]
    assert same(report_from_json(value), report)
    value["scenarios"][0]["artifacts"][0]["verdicts"][0]["usd"] = 1
    assert [e.message for e in check.iter_errors(value)]


def test_the_schema_is_closed_and_says_what_everything_means():
    def walk(node, place):
        if isinstance(node, dict):
            if "properties" in node:
                assert node.get("additionalProperties") is False, place
                for name, inner in node["properties"].items():
                    assert inner.get("description"), f"{place}/{name}"
            for name, inner in node.items():
                walk(inner, f"{place}/{name}")
        elif isinstance(node, list):
            for i, inner in enumerate(node):
                walk(inner, f"{place}/{i}")

    walk(json.loads(SCHEMA.read_text()), "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 1"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"project": None}, None),
        ({"scenarios": {}}, "scenarios of report is not a list"),
        ({"scenarios": [{"scenario": "s"}]}, "scenarios/0 of report lacks 'profile'"),
        ({"scenarios": [1]}, "damaged"),
        ({"environment": None}, "this is damaged (environment of report is None)"),
        ({"environment": {"keras": 3}}, "environment of report is {'keras': 3}"),
        ({"seconds": "a"}, "seconds of report is 'a'"),
        ({"started": 5}, "started of report is 5"),
        ({"problems": [5]}, "problems of report is [5]"),
        ({"timings": {"a": "x"}}, "timings of report is {'a': 'x'}"),
    ],
)
def test_a_damaged_report_is_refused(change, message):
    value = {**report_to_json(a_report(an_artifact(GOOD))), **change}
    if message is None:
        del value["project"]
        message = "report lacks 'project'"
    with pytest.raises(HarnessError, match=re.escape(message)):
        report_from_json(value)


@pytest.mark.parametrize(("key", "value"), [("status", "fine"), ("tier", "loose"), ("worst", 3)])
def test_a_verdict_of_another_kind_is_refused(key, value):
    whole = report_to_json(a_report(an_artifact(GOOD)))
    whole["scenarios"][0]["artifacts"][0]["verdicts"][0][key] = value
    with pytest.raises(HarnessError, match=r"harness verify"):
        report_from_json(whole)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot read"), ("{", "not strict JSON"), ('{"version": NaN}', "NaN")]
)
def test_a_report_that_cannot_be_read_says_where(tmp_path, content, message):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(HarnessError, match=message) as caught:
        read_report(path)
    assert str(path) in str(caught.value)


# Pictures


def pixels(tile):
    from PIL import Image as Pillow

    content = base64.b64decode(tile.source.removeprefix("data:image/png;base64,"))
    return np.asarray(Pillow.open(io.BytesIO(content)).convert("RGB"))


def shown(golden, obtained, **more):
    return pictures.compare_pictures(golden, obtained, "label", "place", **more)


RAMP = np.arange(12.0).reshape(3, 4)


def test_three_tiles_on_stated_scales():
    picture = shown(RAMP, RAMP + np.array([[0.5, 0, 0, 0]] * 3))
    golden, obtained, change = picture.tiles
    assert [t.title for t in picture.tiles] == ["golden", "obtained", "difference"]
    assert (golden.low, golden.high) == (obtained.low, obtained.high)
    assert (change.low, change.middle, change.high) == ("−0.5", "0", "+0.5")
    red, white = pixels(change)[0, 0], pixels(change)[0, 1]
    assert red[0] > red[2] + 50  # more than the golden is red
    assert np.ptp(white.astype(int)) < 5
    assert pixels(golden).shape == (3, 4, 3)


def test_less_than_the_golden_is_blue():
    blue = pixels(shown(RAMP, RAMP - 1).tiles[2])[1, 1]
    assert blue[2] > blue[0] + 50


def test_the_common_scale_shows_a_wrong_gain():
    golden, obtained, _ = shown(RAMP, 2 * RAMP).tiles
    assert pixels(obtained).mean() > 1.5 * pixels(golden).mean()


@pytest.mark.parametrize("kind", ["uint8", "uint64", "int16", "bool", "float16", "float64"])
def test_every_kind_of_number_has_a_picture(kind):
    golden = (RAMP % 2).astype(kind)
    picture = shown(golden, (1 - RAMP % 2).astype(kind))
    assert (picture.tiles[2].low, picture.tiles[2].high) == ("−1", "+1")  # unsigned numbers do not wrap
    assert picture.deviation == 1


def test_complex_arrays_differ_by_the_modulus_of_the_difference():
    golden = np.ones((4, 4), np.complex64)
    picture = shown(golden, golden * 1j)
    assert picture.tiles[2].high == "+1.41"
    assert "complex" in picture.notes[0]
    assert np.array_equal(pixels(picture.tiles[0]), pixels(picture.tiles[1]))


def test_what_is_not_finite_has_a_colour_of_its_own_and_is_counted():
    broken = RAMP.copy()
    broken[1, 2], broken[0, 0] = math.nan, math.inf
    picture = shown(RAMP, broken)
    assert tuple(pixels(picture.tiles[1])[1, 2]) == tuple(pixels(picture.tiles[1])[0, 0]) == png.NOT_FINITE
    assert tuple(pixels(picture.tiles[2])[1, 2]) == png.NOT_FINITE
    assert picture.notes == ("2 pixels of the obtained array not finite, shown in magenta.",)
    assert picture.deviation == math.inf


def test_nan_where_the_golden_has_nan_is_no_difference():
    both = RAMP.copy()
    both[0, 0] = math.nan
    assert len(shown(both, both.copy()).tiles) == 1


def test_equal_arrays_are_shown_once():
    picture = shown(RAMP, RAMP.copy())
    assert [t.title for t in picture.tiles] == ["golden = obtained"]
    assert picture.notes == ("Equal to the last bit.",)
    assert picture.deviation == 0


def test_equal_numbers_of_another_dtype_are_not_called_equal():
    picture = shown(RAMP, RAMP.astype(np.float32))
    assert len(picture.tiles) == 3
    assert "The golden is float64, obtained is float32." in picture.notes


def test_other_shapes_are_both_shown_without_a_difference():
    picture = shown(RAMP, RAMP[:, :3])
    assert [t.title for t in picture.tiles] == ["golden", "obtained"]
    assert picture.notes[0] == "No difference can be taken: the golden is 3 × 4, obtained is 3 × 3."
    assert picture.deviation == math.inf


@pytest.mark.parametrize(
    ("before", "after", "note"), [(RAMP, None, "Nothing was obtained."), (None, RAMP, "no golden yet")]
)
def test_one_array_alone_is_shown(before, after, note):
    picture = shown(before, after)
    assert len(picture.tiles) == 1
    assert note in picture.notes[0]


@pytest.mark.parametrize("array", [np.float64(3), np.empty((0, 4)), np.array([["a"]])])
def test_what_has_no_picture_says_so(array):
    picture = shown(np.asarray(array), np.asarray(array))
    assert not picture.tiles
    assert "has no picture" in picture.notes[0]
    assert "Neither" in shown(None, None).notes[0]


def test_a_lone_wrong_pixel_survives_reduction_and_has_a_ring():
    golden = np.zeros((500, 700))
    obtained = golden.copy()
    obtained[123, 456] = -1
    golden[0, 0] = obtained[0, 0] = 5
    picture = shown(golden, obtained, side=100)
    change = pixels(picture.tiles[2]).astype(int)
    assert pixels(picture.tiles[1]).shape == (72, 100, 3)
    assert change.shape == (46, 64, 3)  # coarser, so that one pixel can be seen
    assert change[11, 41, 2] - change[11, 41, 0] > 50
    assert picture.tiles[2].ring == pytest.approx((100 * 456.5 / 700, 100 * 123.5 / 500))
    assert picture.notes == (
        "Shown of 500 × 700: means of 7 × 7 pixels.",
        "Of the difference, the largest of every 11 × 11 pixels.",
    )


def test_differences_everywhere_have_no_ring():
    assert shown(RAMP, RAMP + 1).tiles[2].ring is None


def test_of_many_planes_the_one_that_differs_most_is_shown():
    golden = np.zeros((2, 3, 4, 5))
    obtained = golden.copy()
    obtained[1, 2, 3, 3] = 7
    picture = shown(golden, obtained)
    assert "Plane [1, 2] of 6" in " ".join(picture.notes)
    assert picture.tiles[2].high == "+7"


def test_extreme_numbers_are_drawn_without_a_warning():
    huge = np.array([[1.7e308, -1.7e308]])
    assert len(shown(huge, -huge).tiles) == 3
    assert len(shown(np.full((2, 2), 5e-324), np.zeros((2, 2))).tiles) == 3
    assert len(shown(np.full((2, 2), math.nan), np.zeros((2, 2))).tiles) == 3


def test_an_unknown_colour_map_is_named_and_replaced():
    assert "Colour map 'virdis' is unknown: shown in gray." in shown(RAMP, RAMP, colormap="virdis").notes


@pytest.mark.parametrize("name", [*png.ANCHORS, "cividis"])
def test_colour_maps_are_matplotlibs(name):
    matplotlib = pytest.importorskip("matplotlib")
    ours, theirs = (
        png.colour_table(name)[:255].astype(float),
        matplotlib.colormaps[name](np.linspace(0, 1, 255))[:, :3] * 255,
    )
    assert np.abs(ours - theirs).max() < 8
    assert tuple(png.colour_table(name)[255]) == png.NOT_FINITE


# Charts


def drawn(content):
    return Xml.fromstring(content)


def paths(chart, name):
    return [p.attrib["d"] for p in chart.iter("path") if p.attrib["class"] == name]


def test_a_curve_is_drawn_over_the_goldens_with_title_and_description():
    chart = drawn(svg.draw_curve([3.0, 2.0, 1.0], [3.0, 2.5, 2.0], "Loss <1>", marks=[1, 2]))
    assert chart.find("title").text == "Loss <1>"
    assert "golden: 3 values, from 3 to 1" in chart.find("desc").text
    assert "index 1, 2" in chart.find("desc").text
    assert len(paths(chart, "golden")[0].split("L")) == len(paths(chart, "obtained")[0].split("L")) == 3
    assert sum(c.attrib["class"] == "dot mark" for c in chart.iter("circle")) == 3  # two, and the legend's


def test_a_curve_breaks_where_it_is_not_finite():
    chart = drawn(svg.draw_curve(None, [1.0, 2.0, math.nan, 3.0, math.inf, 4.0, 5.0], "x"))
    (line,) = [d for d in paths(chart, "obtained") if "," in d and "h" not in d]
    assert line.count("M") == 3
    assert sum(c.attrib["class"] == "dot obtained" for c in chart.iter("circle")) == 1


def test_equal_distances_on_a_logarithmic_axis_are_equal_factors():
    axis = svg.Axis(1e-3, 1e3, 0, 600, log=True)
    assert [axis(10.0**e) for e in range(-3, 4)] == pytest.approx([0, 100, 200, 300, 400, 500, 600])
    assert axis.ticks(4) == pytest.approx([1e-3, 1e-1, 10, 1e3])


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_ticks_are_few_round_and_within(a, b):
    axis = svg._padded([a, b], 0, 100, log=False)
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 7
    assert all(axis.low <= t <= axis.high or math.isclose(t, axis.low) or math.isclose(t, axis.high) for t in ticks)


@pytest.mark.parametrize("values", [[], [0.0], [1.0, 1.0], [math.nan], [1e-320, 1e308], [-1.0, 0.0], list(range(5000))])
@pytest.mark.parametrize("log", [True, False])
def test_any_list_of_numbers_can_be_drawn(values, log):
    content = svg.draw_curve(values, values, "x", log)
    assert "nan" not in content
    assert len(content) < 40_000
    drawn(content)


def test_a_spike_is_not_lost_among_many_points():
    values = [0.0] * 10_000
    values[7777] = 1.0
    (line,) = [d for d in paths(drawn(svg.draw_curve(None, values, "x")), "obtained") if "L" in d]
    heights = [float(p.partition(",")[2]) for p in re.split("[ML]", line) if p]
    assert min(heights) < svg._TOP + 20


def test_a_wrong_gain_moves_every_later_step_of_the_ladder():
    rungs = [("a", 1.0, 1.0), ("b", 0.01, 0.02), ("c", 1.0, 1.0), ("d", 100.0, 100.0)]
    chart = drawn(svg.draw_ladder(rungs, "gains", marks=[1]))
    steps = {
        name: [float(x) for x in re.findall(r"H([\d.]+)", next(d for d in paths(chart, name) if "V" in d))]
        for name in ("golden", "obtained")
    }
    apart = [o - g for o, g in zip(steps["obtained"], steps["golden"], strict=True)]
    assert apart[0] == pytest.approx(0, abs=0.2)
    assert apart[1] > 5
    assert apart[1:] == pytest.approx([apart[1]] * 3, abs=0.3)
    assert "b: measured 0.02, expected 0.01" in chart.find("desc").text


@pytest.mark.parametrize("rungs", [[], [("x", 1.0, -1.0)], [("<x>", math.nan, 1.0)], [("x", 1e300, 1e300)] * 3])
def test_any_ladder_can_be_drawn(rungs):
    content = svg.draw_ladder(rungs, "x")
    drawn(content)
    assert "<x>" not in content


# What a pipeline asks to be shown


def collected(views, artifact, golden, obtained, verdicts=(), **more):
    scenario = a_report(an_artifact(*verdicts, stage="a", **more)).scenarios[0]
    return exhibits.collect_exhibits(scenario, views, lambda track, name: (golden, obtained), 64)


def test_views_that_find_nothing_say_so():
    views = (Image("a", "x", "I"), Curve("a", "c", "C"), Ladder("a", "l", "L"), Image("elsewhere", "x", "I"))
    shown = collected(views, "a", Artifact({"c": 3, "l": [1]}), Artifact({"c": "text", "l": {"gain": 2}}))
    assert [bool(p.tiles) for p in shown.pictures] == [False]
    assert [bool(c.drawing) for c in shown.charts] == [False, False]
    assert all(c.notes for c in shown.charts)
    assert shown.telling is None


def test_curves_are_taken_from_values_and_arrays_with_what_is_not_finite():
    golden, obtained = Artifact({"c": [1, 2.5, "NaN"]}), Artifact({}, {"c": np.array([1, 2, np.inf])})
    (chart,) = collected((Curve("a", "c", "C", log=True),), "a", golden, obtained).charts
    assert "Last: golden NaN, obtained ∞." in chart.notes


def test_failing_elements_are_marked_on_their_curve():
    bad = [replace(BAD, path=p) for p in ("c/1", "c/2", "cc/0", "c2")]
    values = Artifact({"c": [1.0, 2.0, 3.0]})
    (chart,) = collected((Curve("a", "c", "C"),), "a", values, values, [*bad, replace(GOOD, path="c/0")]).charts
    assert chart.failed
    assert "out of tolerance at index 1, 2." in chart.drawing


def test_a_golden_that_cannot_be_read_does_not_stop_the_report():
    def find(scenario, track, artifact):
        raise GoldenError("a.json is damaged <here>")

    page = html.render_html(a_report(an_artifact(GOOD, stage="a")), (Image("a", "x", "I"),), find)
    assert "a.json is damaged &lt;here&gt;" in page


def test_the_telling_picture_is_of_the_diagnosed_stage(failing):
    scenario = failing.report.scenarios[0]
    shown = exhibits.collect_exhibits(
        scenario, VIEWS, lambda track, name: failing.find(scenario.scenario, track, name), 64
    )
    assert shown.telling.place == "normalized/mean_frame"
    assert shown.cover.place == "simulation/scene"
    elsewhere = replace(scenario, diagnosis=Diagnosis("", "trained"))
    shown = exhibits.collect_exhibits(
        elsewhere, VIEWS, lambda track, name: failing.find(scenario.scenario, track, name), 64
    )
    assert shown.telling.place == "normalized/mean_frame"  # no picture of that stage: the earliest that failed


def test_a_golden_alone_is_not_telling(failing):
    values = Artifact({}, {"x": RAMP})
    shown = collected((Image("a", "x", "I"),), "a", values, None, error="boom")
    assert shown.telling is None
    assert shown.cover.place == "a/x"
    assert collected((Image("a", "x", "I"),), "a", values, values, [BAD]).telling is None


def test_a_picture_that_failed_is_shown_before_one_that_merely_differs():
    artifacts = (an_artifact(stage="early"), an_artifact(replace(BAD, path="x"), stage="late"))
    pair = Artifact({}, {"x": RAMP}), Artifact({}, {"x": RAMP + 1})
    views = (Image("early", "x", "E"), Image("late", "x", "L"))
    assert (
        exhibits.collect_exhibits(a_report(*artifacts).scenarios[0], views, lambda *where: pair, 64).telling.label
        == "L"
    )


def test_a_view_that_failed_in_the_replay_is_taken_from_there():
    artifacts = (
        an_artifact(replace(GOOD, path="x"), stage="a"),
        an_artifact(replace(BAD, path="x"), stage="a", track="replay"),
    )
    asked = []

    def look(track, name):
        asked.append(track)
        return None, None

    shown = exhibits.collect_exhibits(a_report(*artifacts).scenarios[0], (Image("a", "x", "I"),), look, 64)
    assert asked == ["replay"]
    assert shown.pictures[0].place == "replay/a/x"


# HTML


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
    assert template.count("|drawing") == 1


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


def test_a_large_report_is_small(tmp_path):
    large = heavy()
    paths = write_report(large.report, VIEWS, large.find, tmp_path)
    assert paths["report.html"].stat().st_size < 8e6


# Markdown


def cells(line):
    line = re.sub(r"(`+)(.*?)\1", lambda m: m[0].replace("\\|", "!"), line)
    return re.split(r"(?<!\\)\|", line)


def test_a_comment_has_headline_diagnosis_tables_and_the_first_failing_values(failing):
    comment = markdown.render_markdown(failing.report)
    assert comment.startswith("## ❌ night-sky: 3 of 8 scenarios failed")
    assert "normalized is wrong even on its stored, correct input" in comment
    assert "| `star_sharp` | `normalized/gain` | fail | `0.01131` | `0.019227` | ± 1.13e-08 | 700,000× |" in comment
    assert r"and 36 more of trained/loss/\*: see report.html" in comment
    assert "- `normalized` **wrong**: replayed alone" in comment
    assert "- sound: `simulation`, `split`, `groups`\n" in comment
    assert len(re.findall(r"\| `\w+` \| `.*\| (?:fail|missing|unexpected) \|", comment)) == 13
    assert len(comment) < 60_000
    for block in comment.split("\n\n"):
        widths = {len(cells(line)) for line in block.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, block


def test_a_healthy_comment_is_short(healthy):
    comment = markdown.render_markdown(healthy.report)
    assert comment.startswith("## ✅ night-sky: All 8 scenarios passed")
    assert "closest call" in comment
    assert "failing" not in comment
    assert "skipped" in comment


@pytest.mark.parametrize("words", [EVIL, "`", "``a`", "a|b", "", " ", "\\|"])
def test_code_spans_hold_anything(words):
    span = markup.code(words)
    fence = re.match("`+", span)[0]
    assert span.endswith(fence)
    assert fence not in span[len(fence) : -len(fence)].replace("`" * (len(fence) + 1), "")
    assert len(cells(f"| {span} |")) == 3
    assert "\n" not in span


@pytest.mark.parametrize(
    ("cell", "escaped"),
    [
        ("a|b", r"a\|b"),
        (r"a\|b", r"a\|b"),
        ("|", r"\|"),
        ("||", r"\|\|"),
        ("a\r\nb\n", "a b "),
        (markup.code("a|b"), r"`a\|b`"),
    ],
)
def test_a_cell_ends_where_its_table_says(cell, escaped):
    table = markup.markdown_table(("name|", "value"), [(cell, "1"), ("x", "2")], numeric=(1,))
    assert table == f"| name\\| | value |\n| --- | ---: |\n| {escaped} | 1 |\n| x | 2 |"
    assert [len(cells(line)) for line in table.splitlines()] == [4] * 4


# JUnit


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


def test_junit_leaves_out_what_xml_cannot_hold():
    content = junit.render_junit(a_report(an_artifact(GOOD, error="\x1b[31mred\x1b[0m \x00\x08\ufffe\udce4 <&> ok")))
    (error,) = Xml.fromstring(content).iter("error")
    assert error.text == "red  <&> ok"


# The folder


def test_all_four_files_are_written_and_can_be_made_from_the_json_again(tmp_path, failing):
    paths = write_report(failing.report, VIEWS, failing.find, tmp_path / "new" / "folder")
    assert set(paths) == {"report.html", "report.json", "report.md", "junit.xml"}
    assert {p.name for p in (tmp_path / "new" / "folder").iterdir()} == set(paths)
    again = read_report(paths["report.json"])
    assert same(again, failing.report)
    for name, path in write_report(again, VIEWS, failing.find, tmp_path / "again").items():
        assert path.read_bytes() == paths[name].read_bytes()


def test_a_lone_surrogate_in_a_name_does_not_stop_the_report(tmp_path):
    report = a_report(an_artifact(replace(BAD, path="caf\udce9")))
    paths = write_report(report, (), nothing, tmp_path)
    assert same(read_report(paths["report.json"]), report)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match="cannot write"):
        write_report(a_report(), (), nothing, tmp_path / "file")


def test_every_stage_of_the_example_is_in_the_overview(failing_page):
    head = failing_page[failing_page.index('<table class="grid">') :]
    assert re.findall(r'<th scope="col"><span>(\w+)</span>', head[: head.index("</thead>")]) == [*STAGES, "invariants"]
