"""What a group costs by the side of its patches and by how many it has, and what many frames cost.

    python benchmarks/sizes.py [--sides N ...] [--frames COUNT ...]

``gs2_ideal`` with few groups, each size in a process of its own so that its peak memory is its own. Training is of all
epochs but the first, which compiles; inference is of whole batches after the first one, features included. The probe
grows with the patch, and the scan's margin with it. Scans of many frames are reconstructed whole, a group a frame. The
tables and their plot go into docs/benchmarks.md. Nothing else should run beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import matplotlib
import pages

from ptycho.config.pipeline import PipelineConfig
from ptycho.config.scenario import load_scenario
from ptycho.data.splitting import Split
from ptycho.model import machine
from ptycho.model.features import FeatureMaker
from ptycho.model.network import PtychoModel
from ptycho.pipeline import stages
from ptycho.pipeline.inference import infer_frames, make_model
from ptycho.pipeline.values import Grouped, Prepared
from ptycho.training.training import input_maker, train_network

matplotlib.use("svg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
PLOT = pages.DOCS / "images/sizes.svg"
SIDES, GROUP_SIDES, FRAMES = (64, 128, 256), (1, 2, 3, 4), (1_000, 10_000, 100_000)
EPOCHS = 3


def silent(*_: object) -> None:
    """Progress that no one reads."""


def prepared(overrides: list[str]) -> tuple[Split, Grouped, PtychoModel, FeatureMaker, PipelineConfig]:
    """``gs2_ideal`` as far as an untrained model."""
    config = load_scenario("gs2_ideal", "cpu", overrides).config
    dataset = stages.simulate(config, silent)
    parts = stages.split(config, silent, dataset)
    grouped = stages.group(config, silent, dataset, parts)
    scales = stages.normalize(config, silent, Prepared(dataset, parts, dataset.probe, grouped))
    return parts, grouped, *make_model(config, scales, dataset.probe, grouped.reach), config


def measure_scan(count: int) -> dict[str, Any]:
    """Groups a second of a scan of ``count`` frames; MiB of its frames, and at most before inference and after it."""
    overrides = [
        "gridsize=1", f"simulate.scan.images={count}", "group.train_groups=64", "infer.frames=all",
        "infer.batch_size=64",
    ]  # fmt: skip
    _, grouped, model, maker, config = prepared(overrides)
    before = machine.peak_memory_mb()
    done = infer_frames(config, model, maker, grouped.frames, grouped.infer, None)
    return {
        "speed": done.groups_per_second,
        "frames": grouped.frames.diffraction.nbytes / 2**20,
        "before": before,
        "memory": machine.peak_memory_mb(),
    }


def measure(N: int, gridsize: int) -> dict[str, Any]:
    """Groups a second of training and of inference, and the peak memory, MiB, of patches of ``N`` pixels."""
    groups = max(8, 64 * 64 // N)
    batch = min(16, groups // 4)
    overrides = [
        f"N={N}", f"gridsize={gridsize}", f"simulate.scan.margin_px={10 * N / 64}", "simulate.scan.images=256",
        f"group.train_groups={groups}", f"train.batch_size={batch}", f"train.epochs={EPOCHS}",
        "train.validation_fraction=0.0", f"group.neighbors={max(4, gridsize**2)}",
    ]  # fmt: skip
    parts, grouped, model, maker, config = prepared(overrides)
    ends: list[float] = []
    train_network(
        model, input_maker(maker, parts.train), grouped.train, config.train, lambda *_: ends.append(time.perf_counter())
    )
    few = grouped.infer.take(slice(0, 4 * batch))
    moments = [time.perf_counter() for which, inputs in maker.batches(grouped.frames, few, batch)
               if model.predict_on_batch(inputs) is not None]  # fmt: skip
    return {
        "training": groups * (EPOCHS - 1) / (ends[-1] - ends[0]),
        "inference": (len(few) - batch) / (moments[-1] - moments[0]),
        "memory": machine.peak_memory_mb(),
    }


def in_a_process(*asked: int) -> dict[str, Any]:
    """``measure(N, gridsize)`` or ``measure_scan(count)`` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
        line = [sys.executable, __file__, "--one", *map(str, asked), "--answer", str(answer)]
        done = subprocess.run(line, env=environment, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"{asked} was not measured:\n{done.stderr[-1000:]}")
        found: dict[str, Any] = json.loads(answer.read_text())
    print(*asked, found, flush=True)
    return found


def table(titles: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of Markdown, its columns to the right."""
    return [f"| {' | '.join(cells)} |" for cells in [titles, ["---:"] * len(titles), *rows]]


def section(sides: list[int], counts: list[int]) -> list[str]:
    """The lines of the page; the plot is written beside it."""
    by_size = {(N, side): in_a_process(N, side) for N in sides for side in GROUP_SIDES}
    scans = {count: in_a_process(count) for count in counts}
    about = machine.compute_device()
    plot(by_size)
    sizes = [
        [str(N), str(side), f"{m['training']:.1f}", f"{m['inference']:.1f}", f"{m['inference'] * side**2:.0f}",
         f"{m['memory']:.0f}"]
        for (N, side), m in by_size.items()
    ]  # fmt: skip
    many = [
        [f"{count:,}", f"{m['speed']:.0f}", f"{m['frames']:,.0f}", f"{m['before']:,.0f}", f"{m['memory']:,.0f}"]
        for count, m in scans.items()
    ]
    titles = ["N", "gridsize", "training, groups/s", "inference, groups/s", "inference, images/s", "peak memory, MiB"]
    return [
        f"Made by `python benchmarks/sizes.py` on {machine.device_name(machine.computes_on())},",
        f"{about['cpus']} processors, load {about['load_average']:.1f}: `gs2_ideal` with patches of N pixels, in",
        "groups of gridsize x gridsize. Speeds leave out what compiles; inference has the features in it.",
        "",
        *table(titles, sizes),
        "",
        "![Milliseconds a group by the side of its patches](images/sizes.svg)",
        "",
        "Scans of many frames, N = 64, gridsize 1, a group a frame, reconstructed whole. The frames are in memory:",
        "",
        *table(["frames", "groups/s", "the frames, MiB", "peak before inference, MiB", "peak after it, MiB"], many),
    ]


def plot(by_size: dict[tuple[int, int], dict[str, Any]]) -> None:
    """Milliseconds a group, of training and of inference."""
    matplotlib.rcParams["svg.hashsalt"] = "sizes"
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True, layout="constrained")
    for axes, kind in zip(panels, ("training", "inference"), strict=True):
        for side in sorted({side for _, side in by_size}):
            points = [(N, 1e3 / m[kind]) for (N, other), m in by_size.items() if other == side]
            axes.loglog(*zip(*points, strict=True), "o-", label=f"gridsize {side}", base=2)
        axes.set(title=kind, xlabel="N, pixels", xticks=sorted({N for N, _ in by_size}))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("ms a group")
    panels[1].legend(frameon=False)
    figure.savefig(PLOT, metadata={"Date": None})


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="*", default=[*SIDES])
    parser.add_argument("--frames", type=int, nargs="*", default=[*FRAMES])
    parser.add_argument("--one", type=int, nargs="+", help="N and gridsize, or a number of frames: measured here")
    parser.add_argument("--answer", type=Path)
    given = parser.parse_args()
    if given.one:
        found = measure(*given.one) if len(given.one) == 2 else measure_scan(*given.one)
        given.answer.write_text(json.dumps(found))
        return
    lines = section(given.sides, given.frames)
    print("\n".join(lines))
    pages.put(pages.BENCHMARKS, "sizes", lines)


if __name__ == "__main__":
    main()
