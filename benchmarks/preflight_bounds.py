"""The figures behind the preflight's bounds: what right and wrong data give for each check.

Run it as ``python benchmarks/preflight_bounds.py``; it prints the table of docs/explanation/preflight.md. The data
are those of tests/preflight: one small simulated scan in many right and many wrong variants.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/preflight")]

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


def main() -> None:
    common, began = scan_of(), time.process_time()
    right, wrong = defaultdict(list), defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for make, config, n in RIGHT.values():
            for o in look(Path(folder), make(), config, n).observations:
                if o.value is not None and o.bound is not None:
                    right[o.name, o.bound].append(o.value)
        for case in WRONG.values():
            for o in look(Path(folder), case.spoil(common), case.config, case.n).observations:
                if o.level != "info" and o.value is not None and o.bound is not None:
                    wrong[o.name, o.bound].append(o.value)
    print("| check | right data | bound | wrong data |\n| --- | --- | --- | --- |")
    for name, bound in sorted({*right, *wrong}):
        print(f"| `{name}` | {span(right[name, bound])} | {bound:g} | {span(wrong[name, bound])} |")
    seconds = (time.process_time() - began) / (len(RIGHT) + len(WRONG))
    print(f"\n{len(RIGHT)} right and {len(WRONG)} wrong variants, {seconds:.1f} CPU-seconds each")


def span(values: list[float]) -> str:
    return f"{min(values):.3g} to {max(values):.3g}" if values else "-"


if __name__ == "__main__":
    main()
