"""What a pipeline asks to be shown: from which track, and which picture comes first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from report_example import VIEWS
from small_reports import BAD, GOOD, RAMP, a_report, an_artifact

from harness.core.errors import GoldenError
from harness.core.protocol import Artifact, Curve, Image, Ladder
from harness.core.verdicts import Diagnosis, Explanation
from harness.report import html
from harness.report.graphics import exhibits
from harness.report.graphics.unasked import MOST, unasked_views


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


TIMES = Explanation("factor", "every number is × 2")


def unasked(golden, obtained, *verdicts, views=()):
    """What nobody asked for, of an artifact ``a``; the verdicts fail, with an explanation where it is given."""
    scenario = a_report(an_artifact(*verdicts, stage="a")).scenarios[0]
    return unasked_views(scenario, views, lambda track, name: (golden, obtained))


def test_failing_arrays_and_explained_columns_are_shown_though_nobody_asked():
    rows = [{"x": float(i), "y": 1.0} for i in range(5)]
    golden = Artifact({"rows": rows, "n": 1.0}, {"i": RAMP, "s": RAMP[0], "c": RAMP[0] * 1j, "t": np.array(["a", "b"])})
    failing = [replace(BAD, path=p, share=1.0) for p in ("i", "s", "c", "t")]
    failing += [replace(BAD, path=f"rows/{i}/x", explanation=TIMES) for i in (1, 3)]
    failing += [replace(BAD, path="rows/2/y"), replace(BAD, path="n", explanation=TIMES)]
    expected = [Image("a", "i", "i"), Curve("a", "s", "s"), Curve("a", "rows/*/x", "x")]
    assert unasked(golden, golden, *failing) == expected
    assert unasked(golden, golden, *failing, views=(Image("a", "i", "Mine"),)) == expected[1:]
    assert unasked(None, golden, *failing) == []
    assert unasked(golden, golden, GOOD) == []


def test_there_are_not_too_many_of_them():
    arrays = {f"i{n}": RAMP for n in range(30)}
    failing = [replace(BAD, path=name, share=1.0) for name in arrays]
    assert len(unasked(Artifact({}, arrays), Artifact({}, arrays), *failing)) == MOST


def test_a_column_is_a_curve_with_what_is_said_of_it_and_its_failing_rows():
    golden, obtained = (Artifact({"rows": [{"x": by * i} for i in (1.0, 2.0, 3.0)]}) for by in (1, 2))
    bad = [replace(BAD, path=f"rows/{i}/x", explanation=TIMES) for i in (0, 2)]
    (chart,) = collected((Curve("a", "rows/*/x", "x"),), "a", golden, obtained, bad).charts
    assert chart.failed
    assert chart.notes[:2] == ("Every number is × 2.", "Last: golden 3, obtained 6.")
    assert "out of tolerance at index 0, 2." in chart.drawing


def test_a_picture_says_what_became_of_its_array():
    bad = replace(BAD, path="x", share=1.0, explanation=TIMES)
    (picture,) = collected(
        (Image("a", "x", "I"),), "a", Artifact({}, {"x": RAMP}), Artifact({}, {"x": 2 * RAMP}), [bad]
    ).pictures
    assert picture.notes[0] == "Every number is × 2."
