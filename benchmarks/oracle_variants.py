"""The oracle's damping and softness: Fourier errors sweep by sweep, and what a rounding error grows to.

``python benchmarks/oracle_variants.py [SCENARIO ...]`` prints a table for each scenario (default: gs2_ideal and
siemens_star at their cpu profiles). "Growth": the relative distance of two runs whose starts differ by 1e-16.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from unittest import mock

import numpy as np

from ptycho.config.scenario import load_scenario
from ptycho.pipeline import stages
from ptycho.reconstruction import oracle

VARIANTS = ((1.0, 0.0), (0.25, 0.0), (0.1, 0.0), (1.0, 0.5), (0.25, 0.5), (0.1, 0.2))
SWEEPS = (1, 5, 10, 20)


def silent(*_: object) -> None:
    """Progress that no one reads."""


def nudged(projections):
    """``Projections`` of a canvas that is off by 1e-16 of itself."""

    def make(canvas, *arguments, **options):
        canvas *= 1 + 1e-16 * np.random.default_rng(0).standard_normal(canvas.shape)
        return projections(canvas, *arguments, **options)

    return make


def report(name: str) -> None:
    """Print one scenario's table."""
    config = load_scenario(name, "cpu").config
    dataset = stages.simulate(config, silent)
    frames = stages.split(config, silent, dataset).test if config.infer.frames == "test" else dataset.frames
    print(f"{name}: {len(frames)} frames, N = {config.N}, step {config.reference.step}, {SWEEPS[-1]} sweeps")
    print("| damping | softness | " + " | ".join(f"sweep {n}" for n in SWEEPS) + " | seconds | growth |")
    print("| ---: " * (len(SWEEPS) + 4) + "|")
    for damping, softness in VARIANTS:
        settings = dataclasses.replace(config.reference, sweeps=SWEEPS[-1], damping=damping, softness=softness)

        def run(settings=settings):
            return list(oracle.epie(frames, dataset.probe, dataset.object_shape, settings))

        started = time.perf_counter()
        plain = run()
        seconds = time.perf_counter() - started
        with mock.patch.object(oracle, "Projections", nudged(oracle.Projections)):
            other = run()
        a, b = plain[-1].object, other[-1].object
        growth = np.linalg.norm(a - b) / np.linalg.norm(a)
        errors = " | ".join(f"{plain[n - 1].fourier_error:.4f}" for n in SWEEPS)
        print(f"| {damping} | {softness} | {errors} | {seconds:.1f} | {growth:.0e} |", flush=True)


if __name__ == "__main__":
    for scenario in sys.argv[1:] or ("gs2_ideal", "siemens_star"):
        report(scenario)
