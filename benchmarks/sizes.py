"""What a group costs by the side of its patches and by how many it has: ``python benchmarks/sizes.py [N ...]``.

``gs2_ideal`` with few groups, each size in a process of its own so that its peak memory is its own. Training is of all
epochs but the first, which compiles; inference is of whole batches after the first one, features included. The probe
grows with the patch, and the scan's margin with it. The table is printed. Nothing else should run beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ptycho.config.scenario import load_scenario
from ptycho.model import machine
from ptycho.pipeline import stages
from ptycho.pipeline.inference import make_model
from ptycho.pipeline.values import Prepared
from ptycho.training.training import input_maker, train_network

ROOT = Path(__file__).parents[1]
SIZES, GROUP_SIDES = (64, 128, 256), (1, 2)
EPOCHS = 3


def silent(*_: object) -> None:
    """Progress that no one reads."""


def measure(N: int, gridsize: int) -> dict[str, Any]:
    """Groups a second of training and of inference, and the peak memory, MiB, of patches of ``N`` pixels."""
    groups = max(8, 64 * 64 // N)
    batch = min(16, groups // 4)
    overrides = [
        f"N={N}", f"gridsize={gridsize}", f"simulate.scan.margin_px={10 * N / 64}", "simulate.scan.images=256",
        f"group.train_groups={groups}", f"train.batch_size={batch}", f"train.epochs={EPOCHS}",
        "train.validation_fraction=0.0",
    ]  # fmt: skip
    config = load_scenario("gs2_ideal", "cpu", overrides).config
    dataset = stages.simulate(config, silent)
    parts = stages.split(config, silent, dataset)
    grouped = stages.group(config, silent, dataset, parts)
    scales = stages.normalize(config, silent, Prepared(dataset, parts, dataset.probe, grouped))
    model, maker = make_model(config, scales, dataset.probe, grouped.reach)
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


def in_a_process(N: int, gridsize: int) -> dict[str, Any]:
    """The same in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
        line = [sys.executable, __file__, "--one", str(N), str(gridsize), str(answer)]
        subprocess.run(line, check=True, env=environment, stderr=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(answer.read_text())
    return found


def section(sizes: list[int]) -> list[str]:
    """The lines of the page."""
    rows = []
    for N in sizes:
        for gridsize in GROUP_SIDES:
            m = in_a_process(N, gridsize)
            images = m["inference"] * gridsize**2
            cells = [
                N,
                gridsize,
                f"{m['training']:.1f}",
                f"{m['inference']:.1f}",
                f"{images:.0f}",
                f"{m['memory']:.0f}",
            ]
            rows.append("| " + " | ".join(map(str, cells)) + " |")
    about = machine.compute_device()
    return [
        f"Made by `python benchmarks/sizes.py` on {machine.device_name(machine.computes_on())},",
        f"{about['cpus']} processors, load {about['load_average']:.1f}: `gs2_ideal` with patches of N pixels, in",
        "groups of gridsize x gridsize. Speeds leave out what compiles; inference has the features in it.",
        "",
        "| N | gridsize | training, groups/s | inference, groups/s | inference, images/s | peak memory, MiB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        Path(sys.argv[4]).write_text(json.dumps(measure(int(sys.argv[2]), int(sys.argv[3]))))
    else:
        print("\n".join(section([int(n) for n in sys.argv[1:]] or list(SIZES))))
