"""The gates that need no network: what the oracle makes of right and of wrong measured data.

Run it as ``python benchmarks/gates.py [NAME...]``; docs/explanation/preflight.md has figures of it. The data are
those of tests/preflight, all or those named, taken as they are, as if every finding had been forced.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/preflight")]

from spoilt import RIGHT, WRONG  # noqa: E402 (their folders were just named)
from star_scan import Scan, scan_of  # noqa: E402

from ptycho.config.experiment import MeasuredConfig  # noqa: E402
from ptycho.config.scenario import load_scenario  # noqa: E402
from ptycho.data.measured import load_measured  # noqa: E402
from ptycho.errors import PtychoError  # noqa: E402
from ptycho.pipeline.comparison import illuminated  # noqa: E402
from ptycho.quality import metrics  # noqa: E402
from ptycho.quality.gates import OVER_FLOOR, expected_error, half_scan_agreement, photon_floor  # noqa: E402
from ptycho.reconstruction.oracle import epie, fourier_error  # noqa: E402


def gates(folder: Path, scan: Scan, config: dict[str, Any], n: int) -> tuple[float, float]:
    """The oracle's Fourier error over the expected one, and the agreement of its halves."""
    path = folder / "scan.npz"
    np.savez(path, **scan.arrays())
    usual = {"quantity": "counts", "order": "xy", "centred": True, "refine_probe_sweeps": 0}
    dataset = load_measured(MeasuredConfig(**({"path": str(path)} | usual | config)), n)
    settings = load_scenario("siemens_star", "cpu", []).config
    shape, frames = dataset.object_shape, dataset.frames
    *_, whole = epie(frames, dataset.probe, shape, settings.reference)
    over = fourier_error(whole.object, whole.probe, frames) / expected_error(photon_floor(frames))
    support, objects = np.ones(shape, bool), []
    for first in (0, 1):
        half = frames.take(np.arange(first, len(frames), 2))
        *_, last = epie(half, dataset.probe, shape, settings.reference)
        objects.append(last.object)
        support &= illuminated(half, dataset.probe, shape, settings.compare.support_threshold)
    if not support.any():
        return over, float("nan")
    aligned, _ = metrics.align_objects(*objects, support, plane=True, shift=True)
    return over, half_scan_agreement({"oracle": metrics.quality_scores(aligned, objects[1], support)})


def main() -> None:
    common, found = scan_of(), {"right": [], "wrong": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = [("right", n, make, config, side) for n, (make, config, side) in RIGHT.items()]
        cases += [("wrong", n, lambda w=w: w.spoil(common), w.config, w.n) for n, w in WRONG.items()]
        for kind, case, make, config, side in (c for c in cases if not sys.argv[1:] or c[1] in sys.argv[1:]):
            try:
                over, agreement = gates(folder, make(), config, side)
            except PtychoError as error:
                print(f"{kind}: {case}: refused ({error})", flush=True)
                continue
            found[kind].append((over, agreement))
            print(f"{kind}: {case}: {over:.2f} times the floor, agreement {agreement:.2f}", flush=True)
    for kind, rows in found.items():
        table = np.array(rows)
        print(
            f"{kind}: {len(rows)} scans, over the floor {table[:, 0].min():.2f} to {table[:, 0].max():.2f} "
            f"({(table[:, 0] > OVER_FLOOR).sum()} above {OVER_FLOOR}), agreement {np.nanmin(table[:, 1]):.2f} to "
            f"{np.nanmax(table[:, 1]):.2f}"
        )


if __name__ == "__main__":
    main()
