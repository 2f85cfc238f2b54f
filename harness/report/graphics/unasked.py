"""What nobody asked to be shown, and shows a failure: arrays that differ, and explained columns of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.core.errors import HarnessError
from harness.core.protocol import Curve, Image, Ladder
from harness.core.verdicts import ArtifactReport, ScenarioReport
from harness.report import selection
from harness.report.graphics.exhibits import Look

MOST = 4  # of a scenario
_LONGEST = 20_000  # elements of a curve
_INDEX = re.compile(r"(?<![^/])\d+(?![^/])")

View = Image | Curve | Ladder


def unasked_views(scenario: ScenarioReport, views: Sequence[View], look: Look) -> list[Image | Curve]:
    """At most a few views of failing arrays and columns that ``views`` do not show, of the diagnosed stage first."""
    asked = {(v.artifact, v.array if isinstance(v, Image) else v.path) for v in views}
    first = scenario.diagnosis.first
    failed = sorted((a for a in scenario.artifacts if a.failed), key=lambda a: a.stage != first)
    found: dict[tuple[str, str], Image | Curve] = {}
    for report in failed:
        for view in _of_artifact(report, look):
            place = view.artifact, view.array if isinstance(view, Image) else view.path
            if place not in asked and len(found) < MOST:
                found.setdefault(place, view)
    return list(found.values())


def _of_artifact(report: ArtifactReport, look: Look) -> Iterator[Image | Curve]:
    failing = selection.failing(report.verdicts)
    columns = {re.sub(_INDEX, "*", v.path): v.path for v in failing if v.explanation}
    arrays = [v.path for v in failing if v.worst or v.explanation or v.share is not None]
    if not columns and not arrays:
        return
    try:
        golden, obtained = look(report.track, report.artifact)
    except HarnessError:
        return
    if golden is None or obtained is None:
        return
    for path in arrays:
        if path in golden.arrays and path in obtained.arrays:
            array, name = golden.arrays[path], path.rpartition("/")[2]
            if array.dtype.kind not in "biufc" or not array.size or not array.ndim:
                continue
            if array.ndim > 1:
                yield Image(report.artifact, path, name)
            elif array.dtype.kind != "c" and array.size <= _LONGEST:
                yield Curve(report.artifact, path, name)
    for pattern in columns:
        if pattern.count("*") == 1 and pattern not in golden.arrays:
            yield Curve(report.artifact, pattern, pattern.removesuffix("/*").rpartition("/")[2])
