"""The report as one HTML file that needs nothing else: no script, no network, light and dark, phone and paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core import text
from harness.core.ids import CONFIGURATION, INVARIANTS
from harness.core.protocol import Curve, Image, Ladder
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status
from harness.report import selection, summary
from harness.report.differences import folding
from harness.report.graphics.exhibits import Exhibits, GoldenAndObtained, collect_exhibits
from harness.report.graphics.unasked import unasked_views
from harness.report.rows import BAR_DECADES, BAR_LIMIT, Row, value_row
from harness.report.selection import Place
from harness.report.sharpness import sharpness_sentence

if TYPE_CHECKING:
    from harness.report.folder import Find

CLOSEST_CALLS = 20  # passing values that are shown of a scenario
SHOWN_FAILURES = 30  # failing values that are shown of an artifact
FIRST_NOTES = 4  # notes of the first scenario that failed, on the first screen
GALLERY = 12  # scenarios whose first picture is on the first screen when all is well
FAILING_PIXELS, PASSING_PIXELS = 3_000_000, 1_800_000  # of all pictures: what keeps the file small
LARGEST_SIDE, SMALLEST_SIDE = 320, 48  # pixels, of one picture


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
    sharpness: str
    groups: tuple[Group, ...]
    improved: tuple[Row, ...]
    warned: tuple[Row, ...]
    ignored: tuple[selection.Remark, ...]
    closest: tuple[Row, ...]
    rest: int
    stages: tuple[tuple[ArtifactReport, summary.State, Row | None], ...]


_BEGINNINGS = ("replayed ", "it ", "nothing ", "all ")  # of a diagnosis; else it begins with the name of a value


def render_html(report: Report, views: Sequence[Image | Curve | Ladder], find: Find) -> str:
    """The page of ``report``; ``find`` gives golden and obtained of what ``views`` show."""
    # Asked once: each answer looks at every value.
    passed, failed = report.passed, [s.failed for s in report.scenarios]
    seen = [
        [*views, *(unasked_views(s, views, partial(find, s.scenario)) if failed[i] else [])]
        for i, s in enumerate(report.scenarios)
    ]
    sides = _sides(failed, [sum(isinstance(view, Image) for view in shown) for shown in seen])
    sections = [_section(i, s, failed[i], seen[i], find, sides[failed[i]]) for i, s in enumerate(report.scenarios)]
    stages = summary.stages_run(report)
    first = next((s for s in sections if s.failed), None)
    near = selection.closest_calls(report.scenarios, 1)
    page = template(Path(__file__).parent / "template.html.j2").render(
        report=report,
        passed=passed,
        headline=summary.headline(report),
        seal="\u25c6" if report.of_candidates else "\u2713" if passed else "\u2715",
        sections=sorted(sections, key=lambda s: not s.failed),
        first=first,
        gallery=[s for s in sections if s.exhibits.cover][:GALLERY] if passed else [],
        culprit=_culprit(first.scenario) if first else None,
        broken=selection.broken_artifact(first.scenario) if first else None,
        notes=summary.where_to_look(first.scenario)[1 : 1 + FIRST_NOTES] if first else [],
        also=[s for s in sections if s.failed and s is not first],
        near=value_row(near[0], scenario=True) if near else None,
        better=report.count(Status.IMPROVED),
        warned=report.count(Status.WARNING),
        ignored=report.count(Status.IGNORED),
        cached=sum(a.cached for s in report.scenarios for a in s.artifacts),
        artifacts=sum(a.stage not in (CONFIGURATION, INVARIANTS) for s in report.scenarios for a in s.artifacts),
        stages=(columns := [stage for stage in stages if stage != INVARIANTS]),
        grid=[
            (s, [summary.stage_state(s.scenario, t) for t in columns], summary.invariants_state(s.scenario))
            for s in sections
        ],
        limit=BAR_LIMIT,
        reach=f"{10**BAR_DECADES:,}",
    )
    return text.legible(str(page)).strip() + "\n"


@cache
def template(path: Path) -> Any:
    """The template at ``path``, which may include those beside this file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader([path.parent, Path(__file__).parent], encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Only what svg.py drew is put in as it is; it escapes what it is given.
    environment.filters |= {
        "drawing": Markup,
        "seconds": text.seconds,
        "number": text.number,
        "count": text.count,
        "cell": text.cell,
        "capitalized": text.capitalized,
        "sentence": lambda words: text.capitalized(words) if words.startswith(_BEGINNINGS) else words,
        "used": text.used,
    }
    return environment.get_template(path.name)


def _shown(value: Any) -> Any:
    """What the template puts in: words are clean and not too many; what is markup already stays as it is."""
    return text.bounded(text.cleaned(value)) if type(value) is str else value


def _sides(scenarios: list[bool], images: list[int]) -> dict[bool, int]:
    """The largest side of a picture, by whether its scenario failed: the more ``images`` there are, the smaller."""
    sides = {}
    passing = PASSING_PIXELS if any(scenarios) else PASSING_PIXELS + FAILING_PIXELS
    for failed, pixels in ((True, FAILING_PIXELS), (False, passing)):
        tiles = 3 * sum(n for n, state in zip(images, scenarios, strict=True) if state is failed)
        side = math.isqrt(pixels // max(tiles, 1))
        sides[failed] = max(SMALLEST_SIDE, min(LARGEST_SIDE if failed else LARGEST_SIDE // 2, side))
    return sides


def _section(
    i: int, s: ScenarioReport, failed: bool, views: Sequence[Image | Curve | Ladder], find: Find, side: int
) -> Section:
    looked_up: dict[tuple[str, str], GoldenAndObtained] = {}

    def look(track: str, artifact: str) -> GoldenAndObtained:
        if (track, artifact) not in looked_up:
            looked_up[track, artifact] = find(s.scenario, track, artifact)
        return looked_up[track, artifact]

    failures = folding.folded_places(s)
    groups = []
    for artifact in s.artifacts:
        places = [place for place in failures if place.artifact is artifact]
        if places:
            shown, rest = selection.thinned(places, SHOWN_FAILURES)
            track = "" if artifact.track == s.profile else f" \u00b7 {artifact.track}"
            title = (
                artifact.artifact if artifact.artifact == artifact.stage else f"{artifact.stage}: {artifact.artifact}"
            )
            groups.append(Group(f"{title}{track}", tuple(map(value_row, shown)), rest))
    near = selection.closest_calls((s,), CLOSEST_CALLS)
    passing = s.counts[Status.PASS]
    return Section(
        anchor=f"s{i}",
        scenario=s,
        failed=failed,
        state=summary.scenario_state(s),
        exhibits=collect_exhibits(s, views, look, side),
        invariants=tuple(value_row(Place(s, None, v), short=True) for v in s.invariants),
        sharpness=sharpness_sentence(s.statistics) if s.statistics else "",
        groups=tuple(groups),
        improved=tuple(value_row(place) for place in selection.places_of_status(s, Status.IMPROVED)[:SHOWN_FAILURES]),
        warned=tuple(value_row(place) for place in selection.most_used(s, Status.WARNING, SHOWN_FAILURES)),
        ignored=tuple(selection.remarks((s,), Status.IGNORED)),
        closest=tuple(value_row(place) for place in near),
        rest=passing - len(near),
        stages=tuple((a, summary.artifact_state(s, a), _most(s, a)) for a in s.artifacts),
    )


def _culprit(scenario: ScenarioReport) -> Row | None:
    place = folding.culprit(scenario)
    return value_row(place) if place else None


def _most(scenario: ScenarioReport, artifact: ArtifactReport) -> Row | None:
    """The value of an artifact that uses most of its tolerance."""
    measured = [v for v in artifact.verdicts if v.told_share is not None]
    failed = selection.failing(measured)
    worst = failed[0] if failed else max(measured, key=lambda v: v.told_share or 0.0, default=None)
    return value_row(Place(scenario, artifact, worst), short=True) if worst else None
