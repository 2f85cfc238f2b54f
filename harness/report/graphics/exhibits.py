"""What a pipeline asks to be shown of a scenario: pictures, curves and ladders, golden against obtained."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from harness.core import globs, text
from harness.core.errors import HarnessError
from harness.core.protocol import Artifact, Curve, Image, Ladder
from harness.core.trees import NON_FINITE, value_at
from harness.core.verdicts import ArtifactReport, ScenarioReport
from harness.report import selection
from harness.report.graphics import pictures, svg
from harness.report.graphics.drawn import drawn_array
from harness.report.graphics.pictures import Picture

GoldenAndObtained: TypeAlias = tuple[Artifact | None, Artifact | None]
Look: TypeAlias = Callable[[str, str], GoldenAndObtained]
"""``(track, artifact)`` to golden and obtained, of one scenario."""


@dataclass(frozen=True)
class Chart:
    """A drawn curve or ladder; without ``drawing``, ``notes`` say why there is none."""

    label: str
    place: str
    drawing: str
    notes: tuple[str, ...] = ()
    failed: bool = False


@dataclass(frozen=True)
class Exhibits:
    """Everything to show of a scenario, in the order of the pipeline's views.

    ``telling`` is the picture to show first when something failed, ``cover`` when all is well.
    """

    pictures: tuple[Picture, ...] = ()
    charts: tuple[Chart, ...] = ()
    telling: Picture | None = None
    cover: Picture | None = None


def collect_exhibits(
    scenario: ScenarioReport, views: Sequence[Image | Curve | Ladder], look: Look, side: int
) -> Exhibits:
    """Draw what the scenario has of ``views``; pictures are at most ``side`` pixels wide and high."""
    shown: list[Picture] = []
    charts: list[Chart] = []
    ranks: list[tuple[bool, bool, bool, int]] = []
    for view in views:
        report = _track(scenario, view.artifact, view.array if isinstance(view, Image) else view.path)
        if report is None:
            continue
        place = view.artifact if report.track == scenario.profile else f"{report.track}/{view.artifact}"
        try:
            both = look(report.track, view.artifact)
        except HarnessError as error:
            charts.append(Chart(view.label, place, "", (f"It cannot be shown: {error}",)))
            continue
        if isinstance(view, Image):
            picture = _picture(view, both, report, f"{place}/{view.array}", side)
            shown.append(picture)
            first = report.stage == scenario.diagnosis.first
            ranks.append((picture.failed, first, picture.deviation > 0, -scenario.artifacts.index(report)))
        elif isinstance(view, Curve):
            charts.append(_curve(view, both, report, f"{place}/{view.path}"))
        else:
            charts.append(_ladder(view, both, report, f"{place}/{view.path}"))
    # What failed, of the stage to look at; else what differs, as early in the pipeline as there is a picture.
    # A golden alone tells nothing, and neither do equal arrays.
    drawn = [i for i, picture in enumerate(shown) if picture.tiles]
    best = max((i for i in drawn if shown[i].compared and shown[i].deviation > 0), key=lambda i: ranks[i], default=None)
    telling, cover = (None if i is None else shown[i] for i in (best, min(drawn, default=None)))
    return Exhibits(tuple(shown), tuple(charts), telling, cover)


def value_failed(report: ArtifactReport, path: str) -> bool:
    """Whether the value at ``path``, or anything below it, failed."""
    return any(v.status.failed and _is_at(v.path, path) for v in selection.notable(report.verdicts))


def _is_at(path: str, place: str) -> bool:
    """Whether ``path`` is at ``place``, below it, or of the column that it is a pattern of."""
    if "*" in place:
        return globs.compiled(place).fullmatch(f"{path}/") is not None
    return path == place or path.startswith(f"{place}/")


def _explained(report: ArtifactReport, place: str) -> list[str]:
    """What is said of the failing values at ``place``, as a sentence of its own."""
    odd = (v for v in selection.notable(report.verdicts) if v.status.failed and _is_at(v.path, place))
    said = dict.fromkeys(text.capitalized(v.explanation.text) for v in odd if v.explanation)
    return [f"{sentence}." for sentence in said][:1]


def _track(scenario: ScenarioReport, artifact: str, path: str) -> ArtifactReport | None:
    """Where to take a view from: the track in which it failed, else the profile, else whichever there is."""
    tracks = [a for a in scenario.artifacts if a.artifact == artifact]
    return max(tracks, key=lambda a: (value_failed(a, path), a.track == scenario.profile), default=None)


def _picture(view: Image, both: GoldenAndObtained, report: ArtifactReport, place: str, side: int) -> Picture:
    golden, obtained = (None if a is None else drawn_array(a, view.array) for a in both)
    wrong = value_failed(report, view.array)
    picture = pictures.compare_pictures(golden, obtained, view.label, place, view.colormap, side, wrong)
    return replace(picture, notes=(*_explained(report, view.array), *picture.notes))


def _curve(view: Curve, both: GoldenAndObtained, report: ArtifactReport, place: str) -> Chart:
    golden, obtained = (_numbers(_at(artifact, view.path)) for artifact in both)
    if not golden and not obtained:
        return Chart(view.label, place, "", ("There is no list of numbers at this place.",))
    notes = _explained(report, view.path)
    notes += [] if golden else ["There is no golden yet."]
    notes += [] if obtained else ["Nothing was obtained."]
    marks = _marks(report, view.path)
    logarithmic = view.log and all(v > 0 for s in (golden, obtained) for v in s or () if math.isfinite(v))
    if view.log and not logarithmic:
        notes.append("Not all values are positive: the axis is linear.")
    if golden and obtained:
        last = text.pair(golden[-1], obtained[-1])
        notes.append(f"Last: golden {last[0]}, obtained {last[1]}.")
    drawing = svg.draw_curve(golden, obtained, view.label, logarithmic, marks)
    if golden and obtained:
        drawing += svg.draw_difference(golden, obtained, view.label, marks)
        if len(golden) != len(obtained):
            notes.append(f"No difference can be drawn: the golden has {len(golden)}, obtained are {len(obtained)}.")
    return Chart(view.label, place, drawing, tuple(notes), value_failed(report, view.path))


def _ladder(view: Ladder, both: GoldenAndObtained, report: ArtifactReport, place: str) -> Chart:
    golden, obtained = (_at(artifact, view.path) for artifact in both)
    try:
        rungs = [(str(r["gain"]), _number(r["expected"]), _number(r["measured"])) for r in obtained]
    except (TypeError, KeyError, ValueError):
        return Chart(view.label, place, "", ("Nothing was obtained that has gain, expected and measured.",))
    drawing = svg.draw_ladder(rungs, view.label, _marks(report, view.path))
    product, expected = (math.prod(rung[k] for rung in rungs) for k in (2, 1))
    expected_text, measured_text = text.pair(expected, product)
    notes = [f"Product of all: measured {measured_text}, expected {expected_text}."]
    notes += [] if golden is not None else ["There is no golden yet."]
    return Chart(view.label, place, drawing, tuple(notes), value_failed(report, view.path))


def _marks(report: ArtifactReport, path: str) -> set[int]:
    """Indices below ``path`` that failed."""
    odd = [v for v in selection.notable(report.verdicts) if v.status.failed]
    above, _, _ = path.partition("*")
    start = above if "*" in path else f"{path}/"
    below = (v.path.removeprefix(start) for v in odd if v.path.startswith(start) and _is_at(v.path, path))
    return {int(rest.partition("/")[0]) for rest in below if rest.partition("/")[0].isdecimal()}


def _at(artifact: Artifact | None, path: str) -> Any:
    """The value or one-dimensional array at ``path``, or the column that it is a pattern of; None where nothing is."""
    if artifact is None:
        return None
    if (drawn := drawn_array(artifact, path)) is not None:
        return drawn
    above, one, below = path.partition("*")
    try:
        if not one:
            return value_at(artifact.values, path)
        items = value_at(artifact.values, above.strip("/"))
        return [value_at(item, below.strip("/")) for item in items] if isinstance(items, list) else None
    except KeyError:
        return None


def _numbers(value: Any) -> list[float] | None:
    """A list of numbers, or a one-dimensional array; None for anything else."""
    if not isinstance(value, list | tuple | np.ndarray):
        return None
    try:
        return [_number(v) for v in value]
    except (TypeError, ValueError):
        return None


def _number(value: Any) -> float:
    return NON_FINITE[value] if value in list(NON_FINITE) else float(value)
