"""Tell where the time of a verification went, from its report: ``python benchmarks/cold.py [REPORT.json]``.

A report has the seconds of each stage as it was computed, whenever that was: one of an empty cache tells what a first
verification takes. The table replaces the section of docs/benchmarks.md.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pages

ROOT = Path(__file__).parents[1]


def seconds_by_stage(report: dict[str, Any]) -> dict[tuple[str, str], list[float]]:
    """By track and stage the seconds of every scenario."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for scenario in report["scenarios"]:
        for artifact in scenario["artifacts"]:
            track = "replay" if artifact["track"] == "replay" else "whole"
            if seconds := artifact.get("seconds"):
                found[track, artifact["stage"]].append(seconds)
    return found


def section(report: dict[str, Any]) -> list[str]:
    """The lines of the page."""
    found = seconds_by_stage(report)
    total = sum(sum(times) for times in found.values())
    rows = [
        f"| {stage} | {track} | {len(times)} | {sum(times):,.1f} | {sum(times) / total:.0%} | {max(times):,.1f} |"
        for (track, stage), times in sorted(found.items(), key=lambda item: -sum(item[1]))
        if sum(times) >= total / 200
    ]
    clock = report["seconds"]
    return [
        "Made by `python benchmarks/cold.py` from the report of a `harness verify` whose cache was empty:",
        f"{clock:,.0f} seconds on the clock for stages that took {total:,.0f}, {os.cpu_count()} processors. Scenarios",
        "are computed side by side. What takes less than half a percent is left out.",
        "",
        "| stage | track | runs | seconds | share | longest |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
        *rows,
    ]


def main(source: Path) -> None:
    """Print the section, and write it into the page."""
    lines = section(json.loads(source.read_text(encoding="utf-8")))
    print("\n".join(lines))
    pages.put(pages.BENCHMARKS, "cold", lines)


if __name__ == "__main__":
    main(Path(*sys.argv[1:]) if sys.argv[1:] else ROOT / ".harness" / "report" / "report.json")
