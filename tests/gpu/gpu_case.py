"""One training in a process of its own, so that its peak memory is its own: ``gpu_case.py CASE.json OUT.json``.

``gpu_case.py --look OUT.json`` only says what the backend sees and computes on.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpu_load import Load

SCENARIO = "gs2_ideal"
PRECISIONS = ("float32", "mixed_bfloat16")
GEOMETRY = {
    64: (),
    # Twice the patch is twice the probe: with its radius the scan's margin doubles, so that it stays on the object.
    128: ("N=128", "simulate.scan.margin_px=20.0"),
}
# On the CPU the cpu profile; four times the pixels take four times as long, so N = 128 trains a quarter of the groups.
REDUCED = {64: (), 128: ("group.train_groups=128",)}
# The estimate is made where the network is. The oracle, NumPy's, says nothing of a device: forty sweeps of 4000 frames
# of 128 pixels would take minutes of it.
DEVICE = ("model.sweeps_on=device", "reference.sweeps=5")
WIDTH = "model.filters=24"  # of the full profile: what is reduced is the data, not the network


@dataclass(frozen=True)
class Case:
    """A training: patches of ``N`` pixels, a precision, and whether it is reduced for the CPU."""

    N: int
    precision: str
    reduced: bool

    @property
    def name(self) -> str:
        """``gs2_ideal-N64-float32``."""
        return f"{SCENARIO}-N{self.N}-{self.precision}"

    @property
    def alone(self) -> bool:
        """Whether nothing else may run beside it, because its speed is what is reported first."""
        return self.precision == "float32"

    @property
    def profile(self) -> str:
        """The scenario's profile that it starts from."""
        return "cpu" if self.reduced else "full"

    @property
    def overrides(self) -> list[str]:
        """What differs from the profile."""
        reduced = (*REDUCED[self.N], WIDTH) if self.reduced else ()
        return [*GEOMETRY[self.N], *reduced, *DEVICE, f"model.precision={self.precision}"]


class Clock:
    """When each epoch ended. The first one holds the compilation."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def __call__(self, stage: str, done: int, total: int, note: str) -> None:
        if stage == "train" and note.startswith("loss"):
            self.ends.append(time.perf_counter())
            print(f"epoch {done} of {total}: {note}", flush=True)

    def seconds_an_epoch(self) -> float | None:
        """The mean of all epochs but the first; None where there is no other."""
        return (self.ends[-1] - self.ends[0]) / (len(self.ends) - 1) if len(self.ends) > 1 else None


def measure(case: Case) -> dict[str, Any]:
    """Run the whole pipeline of ``case``: what it ran on and under, its quality, speed and memory."""
    from ptycho.config.reading import config_digest
    from ptycho.config.scenario import load_scenario
    from ptycho.model import machine
    from ptycho.pipeline.execution import run

    scenario = load_scenario(SCENARIO, case.profile, case.overrides)
    config, clock = scenario.config, Clock()
    place = machine.computes_on()
    with tempfile.TemporaryDirectory(prefix="gpu-case-") as folder, Load(place) as load:
        done = run(scenario, Path(folder), clock)
    counts, times = done.metadata["counts"], done.metadata["timings"]
    held = round(config.train.validation_fraction * counts["train_groups"])
    trained, epoch = counts["train_groups"] - held, clock.seconds_an_epoch()
    rate = trained / epoch if epoch else None
    return {
        "place": place,
        "device": machine.device_name(place),
        "versions": machine.versions(),
        "config_digest": config_digest(config),
        "precision": config.model.precision,
        "object_px": config.simulate.object.size if config.simulate else None,
        "images": counts["train"] + counts["test"],
        "groups": counts["train_groups"],
        "group_size": config.group_size,
        "epochs": config.train.epochs,
        "batch_size": config.train.batch_size,
        "metrics": {
            "pearson_r": done.metrics["amplitude"]["pearson_r"],
            "relative_bias": done.metrics["amplitude"]["relative_bias"],
            "phase_mae_rad": done.metrics["phase"]["mae"],
        },
        "oracle_pearson_r": done.metrics["oracle"]["amplitude"]["pearson_r"],
        "first_loss": done.outputs["train"].outcome.history["loss"][0],
        "final_loss": done.outputs["train"].outcome.history["loss"][-1],
        "invariants_missed": [i.name for i in done.invariants if not i.passed],
        "training_seconds": times["training_seconds"],
        "total_seconds": times["total_seconds"],
        "seconds_an_epoch": epoch,
        "groups_per_second": rate,
        "images_per_second": None if rate is None else rate * config.group_size,
        "device_busy": load.between(clock.ends[0], clock.ends[-1]) if clock.ends else None,
        "peak_host_memory_mb": done.metadata["peak_memory_mb"],
        "peak_device_memory_mb": machine.peak_device_memory_mb(place),
    }


def look() -> dict[str, Any]:
    """What the backend sees and computes on (see ``gpu_plan.Sight``), and the machine around it."""
    from ptycho.model import machine

    place, versions = machine.computes_on(), machine.versions()
    device = machine.compute_device()
    return {
        "sight": {
            "backend": versions["backend"],
            "accelerators": device["accelerators"],
            "place": place,
            "name": machine.device_name(place),
        },
        "host": {key: device[key] for key in ("platform", "processor", "cpus", "load_average")},
        "versions": versions,
    }


def end_with_parent() -> None:
    """End where whoever asked is gone, so that no training keeps a device that nobody waits for."""
    if stat.S_ISFIFO(os.fstat(0).st_mode):  # a pipe whose other end they hold
        os.read(0, 1)
        os._exit(1)


def main(arguments: list[str]) -> None:
    """One of the two forms above; the answer is written whole."""
    asked, out = arguments
    threading.Thread(target=end_with_parent, daemon=True).start()
    if asked == "--look":
        answer = look()
    else:
        case = Case(**json.loads(Path(asked).read_text(encoding="utf-8")))
        answer = {"case": asdict(case), **measure(case)}
    Path(out).write_text(json.dumps(answer, allow_nan=False), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
