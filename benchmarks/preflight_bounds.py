"""The figures behind the preflight's bounds: what right and wrong data give for each check.

Run it as ``python benchmarks/preflight_bounds.py``; it prints the table of docs/explanation/preflight.md. The data
are those of tests/preflight: one small simulated scan in many right and many wrong variants. With ``--scan second`` or
``--scan third`` they are those of tests/preflight/held_out.py, and what was told or alarmed is counted and named first.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/preflight")]

from held_out import SECOND, THIRD, right_variants, wrong_variants  # noqa: E402 (their folders were just named)
from spoilt import RIGHT, WRONG  # noqa: E402 (their folders were just named)
from star_scan import Scan, scan_of  # noqa: E402

from ptycho.config.experiment import MeasuredConfig  # noqa: E402
from ptycho.preflight.examination import examine  # noqa: E402
from ptycho.preflight.findings import PreflightReport  # noqa: E402


def look(folder: Path, scan: Scan, config: dict[str, Any], n: int) -> PreflightReport:
    path = folder / "scan.npz"
    np.savez(path, **scan.arrays())
    usual = {"quantity": "counts", "order": "xy", "centred": True, "refine_probe_sweeps": 0}
    return examine(MeasuredConfig(**({"path": str(path)} | usual | config)), n)[0]


def variants(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Right and wrong data by name: how they are made, their configuration, and ``N``."""
    if name != "common":
        draw = {"second": SECOND, "third": THIRD}[name]
        return right_variants(draw), wrong_variants(draw)
    common = scan_of()
    wrong = {name: (lambda case=case: case.spoil(common), case.config, case.n) for name, case in WRONG.items()}
    return RIGHT, wrong


def main() -> None:
    reading = argparse.ArgumentParser(description="figures behind the preflight's bounds")
    reading.add_argument("--scan", choices=("common", "second", "third"), default="common")
    name, began = reading.parse_args().scan, time.process_time()
    right, wrong = variants(name)
    ranges: dict[str, dict[tuple[str, float], list[float]]] = {"right": defaultdict(list), "wrong": defaultdict(list)}
    amiss: dict[str, list[str]] = {"right": [], "wrong": []}
    with tempfile.TemporaryDirectory() as folder:
        for kind, cases in (("right", right), ("wrong", wrong)):
            for case, (make, config, n) in cases.items():
                seen = look(Path(folder), make(), config, n).observations
                loud = [o for o in seen if o.level != "info"]
                if bool(loud) == (kind == "right"):
                    amiss[kind].append(f"{case} ({', '.join(o.name for o in loud)})" if loud else case)
                for o in seen if kind == "right" else loud:
                    if o.value is not None and o.bound is not None:
                        ranges[kind][o.name, o.bound].append(o.value)
    if name != "common":
        print(
            f"{len(wrong) - len(amiss['wrong'])} of {len(wrong)} wrong variants told, not: {', '.join(amiss['wrong'])}"
        )
        print(f"{len(amiss['right'])} of {len(right)} right variants alarmed: {', '.join(amiss['right']) or 'none'}\n")
    print("| check | right data | bound | wrong data |\n| --- | --- | --- | --- |")
    for check, bound in sorted({*ranges["right"], *ranges["wrong"]}):
        columns = (span(ranges[kind][check, bound]) for kind in ("right", "wrong"))
        print(f"| `{check}` | {next(columns)} | {bound:g} | {next(columns)} |")
    seconds = (time.process_time() - began) / (len(right) + len(wrong))
    print(f"\n{len(right)} right and {len(wrong)} wrong variants, {seconds:.1f} CPU-seconds each")


def span(values: list[float]) -> str:
    return f"{min(values):.3g} to {max(values):.3g}" if values else "-"


if __name__ == "__main__":
    main()
