"""The report as one HTML file that needs nothing else: no script, no network, light and dark, phone and paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core import text
from harness.core.ids import CONFIGURATION, INVARIANTS
from harness.core.protocol import Curve, Image, Ladder
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status, Verdict
from harness.report import exhibits, summary
from harness.report.exhibits import Exhibits
from harness.report.summary import Place

if TYPE_CHECKING:
    from harness.report.folder import Find

CLOSEST = 20  # passing values that are shown of a scenario
MOST = 30  # failing values that are shown of an artifact
GALLERY = 12  # scenarios whose first picture is on the first screen when all is well
ELEMENTS = 5  # worst elements that are shown of an array
NEAR = 0.8  # of a tolerance: from here on a passing bar has another colour
LIMIT, DECADES = 60.0, 3  # a bar: percent of its width at the limit, and decades beyond
FAILING_PIXELS, PASSING_PIXELS = 3_000_000, 1_800_000  # of all pictures: what keeps the file small
LARGEST, SMALLEST = 320, 48  # pixels, of one


@dataclass(frozen=True)
class Row:
    """A value as it is shown. ``fill``: percent of the bar, None without one; ``beyond``: it would not fit."""

    name: str
    kind: str
    symbol: str
    status: str
    tier: str
    expected: str
    obtained: str
    change: str
    allowed: str
    rule: str
    used: str
    fill: float | None
    beyond: bool
    share: str
    message: str
    worst: tuple[tuple[str, str, str, str, str], ...]


@dataclass(frozen=True)
class Group:
    """Failing values of one artifact; ``rest`` says which more there are."""

    title: str
    rows: tuple[Row, ...]
    rest: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A scenario's part of the page."""

    anchor: str
    scenario: ScenarioReport
    failed: bool
    state: summary.State
    exhibits: Exhibits
    invariants: tuple[Row, ...]
    groups: tuple[Group, ...]
    improved: tuple[Row, ...]
    closest: tuple[Row, ...]
    rest: int
    stages: tuple[tuple[ArtifactReport, summary.State, Row | None], ...]


def render_html(report: Report, views: Sequence[Image | Curve | Ladder], find: Find) -> str:
    """The page of ``report``; ``find`` gives golden and obtained of what ``views`` show."""
    # Asked once: each answer looks at every value.
    passed, failed = report.passed, [s.failed for s in report.scenarios]
    sides = _sides(failed, sum(isinstance(view, Image) for view in views))
    sections = [_section(i, s, failed[i], views, find, sides[failed[i]]) for i, s in enumerate(report.scenarios)]
    stages = summary.stages_run(report)
    first = next((s for s in sections if s.failed), None)
    near = summary.closest_calls(report.scenarios, 1)
    page = template(Path(__file__).parent / "template.html.j2").render(
        report=report,
        passed=passed,
        headline=summary.headline(report),
        sections=sorted(sections, key=lambda s: not s.failed),
        first=first,
        gallery=[s for s in sections if s.exhibits.cover][:GALLERY] if passed else [],
        culprit=_culprit(first.scenario) if first else None,
        broken=summary.broken_artifact(first.scenario) if first else None,
        also=[s for s in sections if s.failed and s is not first],
        near=row(near[0], scenario=True) if near else None,
        better=report.count(Status.IMPROVED),
        cached=sum(a.cached for s in report.scenarios for a in s.artifacts),
        artifacts=sum(a.stage not in (CONFIGURATION, INVARIANTS) for s in report.scenarios for a in s.artifacts),
        stages=stages,
        grid=[
            (s, [summary.stage_state(s.scenario, t) for t in stages], summary.invariants_state(s.scenario))
            for s in sections
        ],
        limit=LIMIT,
        reach=f"{10**DECADES:,}",
    )
    return str(page).strip() + "\n"


@cache
def template(path: Path) -> Any:
    """The template at ``path``, which may include those beside this file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader([path.parent, Path(__file__).parent], encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Only what svg.py drew is put in as it is; it escapes what it is given.
    environment.filters |= {
        "drawing": Markup, "seconds": text.seconds, "number": text.number, "count": text.count, "cell": text.cell,
        "capitalized": text.capitalized, "used": text.used,
    }  # fmt: skip
    return environment.get_template(path.name)


def _sides(scenarios: list[bool], images: int) -> dict[bool, int]:
    """Sides of pictures, by whether the scenario failed: whatever their number, the file stays small."""
    made = {}
    passing = PASSING_PIXELS if any(scenarios) else PASSING_PIXELS + FAILING_PIXELS
    for failed, pixels in ((True, FAILING_PIXELS), (False, passing)):
        tiles = 3 * images * scenarios.count(failed)
        side = math.isqrt(pixels // max(tiles, 1))
        made[failed] = max(SMALLEST, min(LARGEST if failed else LARGEST // 2, side))
    return made


def _section(
    i: int, s: ScenarioReport, failed: bool, views: Sequence[Image | Curve | Ladder], find: Find, side: int
) -> Section:
    found: dict[tuple[str, str], exhibits.Pair] = {}

    def look(track: str, artifact: str) -> exhibits.Pair:
        if (track, artifact) not in found:
            found[track, artifact] = find(s.scenario, track, artifact)
        return found[track, artifact]

    failures = summary.failing_places(s)
    groups = []
    for artifact in s.artifacts:
        places = [place for place in failures if place.artifact is artifact]
        if places:
            shown, rest = summary.thinned(places, MOST)
            track = "" if artifact.track == s.profile else f" \u00b7 {artifact.track}"
            title = (
                artifact.artifact if artifact.artifact == artifact.stage else f"{artifact.stage}: {artifact.artifact}"
            )
            groups.append(Group(f"{title}{track}", tuple(map(row, shown)), rest))
    near = summary.closest_calls((s,), CLOSEST)
    passing = sum(v.status is Status.PASS for v in s.verdicts())
    return Section(
        anchor=f"s{i}",
        scenario=s,
        failed=failed,
        state=summary.scenario_state(s),
        exhibits=exhibits.collect_exhibits(s, views, look, side),
        invariants=tuple(row(Place(s, None, v), short=True) for v in s.invariants),
        groups=tuple(groups),
        improved=tuple(row(place) for place in summary.places_of_status(s, Status.IMPROVED)[:MOST]),
        closest=tuple(row(place) for place in near),
        rest=passing - len(near),
        stages=tuple((a, summary.artifact_state(s, a), _most(s, a)) for a in s.artifacts),
    )


def _culprit(scenario: ScenarioReport) -> Row | None:
    place = summary.culprit_place(scenario)
    return row(place) if place else None


def _most(scenario: ScenarioReport, artifact: ArtifactReport) -> Row | None:
    """The value of an artifact that uses most of its tolerance."""
    measured = [v for v in artifact.verdicts if v.used is not None]
    failed = [v for v in summary.failing(measured) if v.used is not None]
    worst = failed[0] if failed else max(measured, key=lambda v: v.used or 0.0, default=None)
    return row(Place(scenario, artifact, worst), short=True) if worst else None


SYMBOLS = {
    Status.PASS: ("pass", "\u2713"),
    Status.IMPROVED: ("improved", "\u25b2"),
    Status.SKIPPED: ("skipped", "\u2013"),
}


def row(place: Place, scenario: bool = False, short: bool = False) -> Row:
    """A verdict as it is shown, its name with the scenario's, as a whole, or as the path alone."""
    verdict = place.verdict
    kind, symbol = SYMBOLS.get(verdict.status, ("first", "\u2715"))
    if kind == "pass" and (verdict.used or 0) > NEAR:
        kind = "pass near"
    expected, obtained = text.pair(verdict.expected, verdict.obtained)
    return Row(
        name=verdict.path if short else f"{place.scenario.scenario}/{place.name}" if scenario else place.name,
        kind=kind,
        symbol=symbol,
        status=verdict.status.value,
        tier=verdict.tier,
        # An invariant has bounds, and expects no value.
        expected="" if place.artifact is None else expected,
        obtained=obtained,
        change=text.difference(verdict.expected, verdict.obtained),
        allowed=text.clipped(verdict.allowed),
        rule=text.clipped(verdict.rule),
        used=text.used(verdict.used),
        fill=None if verdict.used is None else fill(verdict.used),
        beyond=verdict.used is not None and not verdict.used <= 10**DECADES,
        share="" if verdict.share is None else text.portion(verdict.share),
        message=text.clipped(verdict.message, 600),
        worst=_elements(verdict),
    )


def fill(used: float) -> float:
    """Percent of a bar: linear up to the limit, then a decade of excess at equal distances, NaN in full."""
    if used <= 1:
        return round(LIMIT * max(used, 0.0), 2)
    beyond = math.log10(used) / DECADES if math.isfinite(used) else 1.0
    return round(LIMIT + (100 - LIMIT) * min(beyond, 1.0), 2)


def _elements(verdict: Verdict) -> tuple[tuple[str, str, str, str, str], ...]:
    made = []
    for worst in verdict.worst[:ELEMENTS]:
        expected, obtained = text.pair(worst.expected, worst.obtained)
        index = f"[{', '.join(map(str, worst.index))}]"
        made.append((index, expected, obtained, text.difference(worst.expected, worst.obtained), text.used(worst.used)))
    return tuple(made)
