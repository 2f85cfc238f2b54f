"""Curves and ladders as SVG."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as Xml

import hypothesis.strategies as st
import pytest
from hypothesis import given

from harness.report.graphics import svg


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


def test_a_difference_is_drawn_of_its_own_where_curves_lie_on_each_other():
    golden = [float(i % 20 - 10) for i in range(100)]
    chart = drawn(svg.draw_difference(golden, [1.01 * v for v in golden], "Loss", marks=[14]))
    assert chart.find("desc").text == "Loss, obtained minus golden: from −0.1 to 0.09."
    (line,) = [p for p in paths(chart, "difference") if "L" in p]
    heights = [float(y) for y in re.findall(r",([\d.]+)", line)]
    assert max(heights) - min(heights) > 100  # pixels: it fills its chart, which two lines on one axis do not
    assert sum(c.attrib["class"] == "dot mark" for c in chart.iter("circle")) == 1


@pytest.mark.parametrize(("golden", "obtained", "shown"), [
    ([1.0, 2.0], [1.0, 2.0], False),
    ([1.0, 2.0], [1.0], False),
    ([math.nan, math.inf], [1.0, math.inf], False),
    ([math.nan, 2.0, math.nan], [math.nan, 2.5, math.nan], True),
    ([-1e308, 0.0, 1.0], [1e308, 0.0, 1.5], True),
])  # fmt: skip
def test_a_difference_is_drawn_where_there_is_one(golden, obtained, shown):
    content = svg.draw_difference(golden, obtained, "x")
    assert bool(content) is shown
    assert "nan" not in content
    assert not shown or drawn(content) is not None
