"""How much sharper the statistical tier is than it was: the smallest shift that is caught nine times in ten.

``python benchmarks/sharpness.py [COMMIT]`` takes each scenario that there was at COMMIT, and each value of it that an
ensemble's interval judges now, and asks how far its mean has to move: as rules and ensembles of COMMIT judge it, and as
those of the working tree do. Of a bound, the shift is the way from today's mean to an end and 1.28 of today's standard
deviations, as a run then lies beyond it nine times in ten; either the nearer end, or that of the direction which sees
less, which is none where a bound has one end. Nothing runs; the table goes into the page about statistics.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import NormalDist, median
from typing import Any

import pages

from harness.core.artifacts import parse_artifact
from harness.core.ids import ENSEMBLE
from harness.judge.ensemble import Interval, intervals
from harness.judge.rules import Rule
from harness.verify.ensembles.sharpness import DetectableShift, sharpness
from harness.verify.standards import rules_of

ROOT = Path(__file__).parents[1]
FIRST = "2dceb77"  # the last commit before ensembles of thirty
BEYOND = NormalDist().inv_cdf(0.9)


def shifts(goldens: Path, scenario: str) -> dict[str, DetectableShift]:
    """The values that a scenario's ensemble judges, by address; none without an ensemble."""
    if not (path := goldens / scenario / "cpu" / f"{ENSEMBLE}.json").is_file():
        return {}
    artifact, _ = parse_artifact({".json": path.read_bytes()}, ENSEMBLE)
    return {value.address: value for value in sharpness(artifact.values, intervals(artifact)).values}


def beyond_bounds(rule: Rule | None, interval: Interval) -> tuple[float, float] | None:
    """The shifts up and down that a rule without an ensemble sees, smaller first; None where it is not of a number."""
    terms: dict[str, Any] = dict(rule.terms) if rule else {}
    if "ssim" in terms or not {"max", "min", "atol", "rtol"} & {*terms}:
        return None
    width = terms.get("atol", 0.0) + terms.get("rtol", 0.0) * abs(interval.mean)
    about = {"atol", "rtol"} & {*terms}
    ends = (terms.get("max", math.inf) - interval.mean, interval.mean - terms.get("min", -math.inf))
    near, far = sorted(max(width if about else end, 0.0) + BEYOND * interval.deviation for end in ends)
    return near, far


def main() -> None:
    """Print the table, and put it into its page."""
    commit = sys.argv[1] if len(sys.argv) > 1 else FIRST
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", commit, "goldens"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        then = Path(folder) / "goldens"
        scenarios = sorted(path.parent.name for path in then.glob("*/cpu"))
        lines = [
            f"Made by `python benchmarks/sharpness.py {commit}`: values that an interval judges now, and a rule then.",
            "",
            "| scenario | judged then by | values | now, in *s* | now / then, nearer end | either way | at most 1/3 |",
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        every: list[tuple[float, float]] = []
        for scenario in scenarios:
            before, rules = shifts(then, scenario), rules_of(then, scenario)
            ratios, now = [], []
            for address, value in shifts(ROOT / "goldens", scenario).items():
                earlier = before.get(address)
                seen = (earlier.shift,) * 2 if earlier else beyond_bounds(rules.find(address), value.interval)
                if seen and seen[0] and value.interval.deviation:
                    ratios.append((value.shift / seen[0], value.shift / seen[1]))
                    now.append(value.shift / value.interval.deviation)
            every += ratios
            judge = f"{next(iter(before.values())).interval.n} members" if before else "bounds"
            lines.append(f"| `{scenario}` | {judge} | {len(now)} | {median(now):.3g} | {' | '.join(columns(ratios))} |")
        lines.append(f"| **all** | | {len(every)} | | {' | '.join(columns(every))} |")
    print("\n".join(lines))
    pages.put(pages.DOCS / "explanation/statistics.md", "sharpness", lines)


def columns(ratios: list[tuple[float, float]]) -> list[str]:
    """The medians of both ratios, and of how many values the shift is at most a third of what it was, either way."""
    near, far = zip(*ratios, strict=True)
    third = sum(ratio <= 1 / 3 for ratio in far)
    return [f"{median(near):.2f}", f"{median(far):.3f}", f"{third} of {len(far)}"]


if __name__ == "__main__":
    main()
