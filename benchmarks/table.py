"""Turn pytest-benchmark's JSON into docs/benchmarks.md: ``python benchmarks/table.py IN.json OUT.md``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HEAD = """# Benchmarks

Made by `python -m tox run -e bench`, which rewrites this page. `benchmarks/test_stages.py` times the pipeline on
scenario `gs2_ideal` at the `cpu` profile (N = 64, groups of 4), `benchmarks/test_compare.py` the harness's comparison
of arrays beside NumPy's, `benchmarks/test_harness.py` its rules, cache and report. Medians over the rounds.

Machine: {cpu}, {cores} cores, Python {python}. Load average over one minute before the run: {load}.

| stage | what is timed | median | rate |
| --- | --- | ---: | ---: |
"""


def row(entry: dict[str, Any]) -> str:
    """One line of the table."""
    median, info = entry["stats"]["median"], entry["extra_info"]
    what = entry["name"].removeprefix("test_").replace("_", " ")
    time = f"{median:.2f} s" if median >= 1 else f"{median * 1e3:.1f} ms"
    return f"| {entry['group']} | {what} | {time} | {info['items'] / median:,.0f} {info['unit']}/s |\n"


def main(source: Path, target: Path) -> None:
    """Write the page."""
    measured = json.loads(source.read_text())
    about = measured["machine_info"]
    cpu = about["cpu"]
    head = HEAD.format(
        cpu=cpu.get("brand_raw", about["machine"]),
        cores=cpu.get("count", "?"),
        python=about["python_version"],
        load=about.get("load", "not recorded"),
    )
    _, heading, rest = target.read_text(encoding="utf-8").partition("\n## ")  # what benchmarks/cost.py measured
    table = "".join(row(entry) for entry in measured["benchmarks"])
    target.write_text(head + table + heading + rest, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
