"""How long a verdict takes after a typical edit: one constant in each of ten modules, verified without training.

``python benchmarks/edits.py [EDIT...]`` clones the last commit into a temporary folder, verifies it once so that the
cache is warm, and then makes the edits of ``EDITS`` one after the other (or those whose module's name is given). For
each it prints when the first stage that is not as accepted was named, and when the whole verdict was there, in seconds
on the clock, and the time of all processors, and at the end the medians. Nothing else should run beside it.
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pages

ROOT = Path(__file__).parents[1]
EDITS = {  # a line's part, and what somebody makes of it
    "ptycho/optics/objects.py": ("rng.uniform()) for _", "rng.uniform(0.01)) for _"),
    "ptycho/data/photons.py": ("NEAR = 0.75", "NEAR = 0.7"),
    "ptycho/data/grouping.py": (
        "np.sort(rng.permuted(ranks, axis=1)[:, :",
        "np.sort(rng.permuted(ranks, axis=1)[:, 1:][:, :",
    ),
    "ptycho/data/normalization.py": (
        "math.sqrt(nphotons / (gain**2 * energy))",
        "math.sqrt(1.01 * nphotons / (gain**2 * energy))",
    ),
    "ptycho/model/features.py": ("MOMENTUM = 0.5", "MOMENTUM = 0.45"),
    "ptycho/model/network.py": ("CHANGE_SCALE = 10.0", "CHANGE_SCALE = 9.0"),
    "ptycho/model/losses.py": ("FLOOR = 1e-6", "FLOOR = 1e-2"),
    "ptycho/training/training.py": ("factor=0.5", "factor=0.4"),
    "ptycho/reconstruction/synchronization.py": ("POLISH = 50", "POLISH = 1"),
    "ptycho/quality/metrics.py": ("DIM = 0.01", "DIM = 0.02"),
}
WORKERS = "2"


@dataclass(frozen=True)
class Verdict:
    """``told``: when the first stage was named, None where everything is as accepted; ``whole``: when it ended."""

    told: float | None
    whole: float
    processors: float
    status: int
    first: str


def verify(clone: Path) -> Verdict:
    """The verdict on the source as it is."""
    command = [sys.executable, "-m", "harness", "verify", "--no-training", "--workers", WORKERS]
    settings = {"PYTHONPATH": str(clone), "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200"}
    before, began = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), time.perf_counter()
    told, first = None, ""
    with subprocess.Popen(
        command, cwd=clone, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if told is None and "FAIL" in line:  # a row of the first table that has one
                told, first = time.perf_counter() - began, ", ".join(re.findall(r"\w+", line)[:3])
    spent = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before
    return Verdict(told, time.perf_counter() - began, spent, running.returncode, first)


def edit(path: Path, old: str, new: str) -> str:
    """Make the edit; the content before. Raises SystemExit where there is no such line, or more than one."""
    content = path.read_text()
    if content.count(old) != 1:
        raise SystemExit(f"{path.name} has {content.count(old)} times {old!r}: mend the list of edits")
    path.write_text(content.replace(old, new))
    return content


def main() -> None:
    """Print a line for each edit, and the medians; of all of them they go into the page."""
    chosen = sys.argv[1:] or [*EDITS]
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / ROOT.name
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        first, unchanged = verify(clone), verify(clone)
        lines = [
            f"Made by `python benchmarks/edits.py`: {WORKERS} workers on {os.cpu_count()} processors, no training;",
            f"with an empty cache {first.whole:.0f} s, and {unchanged.whole:.1f} s where nothing had changed.",
            "",
            "| module | first stage named (s) | whole verdict (s) | processors (s) | named |",
            "| --- | ---: | ---: | ---: | --- |",
        ]
        print("\n".join([f"status {first.status}, load {os.getloadavg()[0]:.1f}", *lines]), flush=True)
        verdicts = []
        for module in chosen:
            content = edit(clone / module, *EDITS[module])
            verdicts.append(found := verify(clone))
            (clone / module).write_text(content)
            told = "" if found.told is None else f"{found.told:.1f}"
            row = (f"`{module}`", told, f"{found.whole:.1f}", f"{found.processors:.0f}", found.first or "as accepted")
            lines.append(f"| {' | '.join(row)} |")
            print(lines[-1], flush=True)
    named = [v.told for v in verdicts if v.told is not None]
    medians = [f"{statistics.median(times):.1f} s" for times in (named, [v.whole for v in verdicts]) if times]
    lines += ["", f"Medians: {' until the first stage was named, and '.join(medians)} for the whole verdict."]
    print("\n".join(lines[-2:]))
    if chosen == [*EDITS]:
        pages.put(pages.BENCHMARKS, "edits", lines)


if __name__ == "__main__":
    main()
