"""The oracle beside pty-chi on the same data, in one run: Fourier errors by our forward model, and seconds.

Twice each on simulated data (``gs2_ideal``) and on real ones (``siemens_star``), at their cpu profiles: each engine at
its best, the built-in one as the scenario has it, pty-chi's LSQML as ``reference.oracle = "ptychi"`` runs it; and ePIE
against ePIE, frame by frame. Engines take turns, three times; seconds are medians of the processor's time, on one
thread, so that a busy machine changes little. Run in an environment of its own, because pty-chi needs PyTorch:
``python -m tox run -e oracle-check [-- SCENARIO ...]``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
import sys
import time
from typing import Any
from unittest import mock

from ptycho.config.pipeline import ReferenceConfig
from ptycho.config.scenario import load_scenario
from ptycho.data.frames import Dataset, Frames
from ptycho.pipeline import stages
from ptycho.pipeline.comparison import illuminated
from ptycho.quality import metrics
from ptycho.reconstruction import ptychi_engine
from ptycho.reconstruction.engines import reconstruct
from ptycho.reconstruction.oracle import Iterate, fourier_error

SCENARIOS = ("gs2_ideal", "siemens_star")
EPIE_SWEEPS, TURNS = 5, 3


def silent(*_: object) -> None:
    """Progress that no one reads."""


def epie_options(api: Any, config: ReferenceConfig) -> Any:
    """pty-chi's ePIE, one frame a step, in place of its LSQML."""
    options = api.EPIEOptions()
    how, obj, probe = options.reconstructor_options, options.object_options, options.probe_options
    how.num_epochs, how.batch_size, how.default_device = config.sweeps, 1, api.Devices.CPU
    obj.remove_object_probe_ambiguity.enabled = False
    obj.alpha = probe.alpha = config.step
    probe.optimizable = config.update_probe_from > 0
    probe.optimization_plan.start = max(config.update_probe_from - 1, 0)
    return options


def ran(frames: Frames, dataset: Dataset, config: ReferenceConfig, epie: bool) -> tuple[Iterate, float]:
    """The last iterate, and the processor's seconds that it took."""
    options = mock.patch.object(ptychi_engine, "_options", epie_options) if epie else contextlib.nullcontext()
    started = time.process_time()
    with options:
        *_, last = reconstruct(frames, dataset.probe, dataset.object_shape, config)
    return last, time.process_time() - started


def report(name: str) -> None:
    """Print one scenario's rows."""
    config = load_scenario(name, "cpu").config
    dataset = stages.simulate(config, silent)
    frames = stages.split(config, silent, dataset).test if config.infer.frames == "test" else dataset.frames
    support = illuminated(frames, dataset.probe, dataset.object_shape, 0.5)
    plain = dataclasses.replace(config.reference, sweeps=EPIE_SWEEPS, damping=1.0, softness=0.0)
    next(
        reconstruct(frames, dataset.probe, dataset.object_shape, dataclasses.replace(plain, oracle="ptychi"))
    )  # imports
    for how, ours in (("best", config.reference), ("ePIE", plain)):
        theirs = dataclasses.replace(ours, oracle="ptychi", softness=0.0)
        if how == "best":  # pty-chi's own choices, which are better on both: the length of a step, and the damping
            theirs = dataclasses.replace(theirs, step=0.9, damping=0.1)
        turns = [[ran(frames, dataset, settings, how == "ePIE") for settings in (ours, theirs)] for _ in range(TURNS)]
        ends = [last for last, _ in turns[-1]]
        errors = [fourier_error(last.object, last.probe, frames) for last in ends]
        seconds = [statistics.median(turn[side][1] for turn in turns) for side in (0, 1)]
        aligned, _ = metrics.align_objects(ends[1].object, ends[0].object, support, plane=True, shift=True)
        agreement = metrics.quality_scores(aligned, ends[0].object, support)
        r = " | ".join(f"{agreement[p]['pearson_r'] or float('nan'):.4f}" for p in ("amplitude", "phase"))
        what = f"`{name}` | {how}, {ours.sweeps} sweeps"
        print(
            f"| {what} | {errors[0]:.4f} | {errors[1]:.4f} | {errors[0] / errors[1]:.2f} "
            f"| {seconds[0]:.1f} | {seconds[1]:.1f} | {seconds[1] / seconds[0]:.1f} | {r} |",
            flush=True,
        )


if __name__ == "__main__":
    print(
        "| data | algorithm | Fourier error, built-in | pty-chi | ratio | seconds, built-in | pty-chi | ratio ", end=""
    )
    print("| r of amplitudes | of phases |\n| --- | --- |" + " ---: |" * 8)
    for scenario in sys.argv[1:] or SCENARIOS:
        report(scenario)
