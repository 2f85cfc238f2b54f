"""How long a verdict takes after a typical edit: one constant in each of ten modules, verified without training.

``python benchmarks/edits.py [EDIT...]`` clones the last commit into a temporary folder, verifies it once so that the
cache is warm, and then makes the edits of ``EDITS`` one after the other (or those whose module's name is given). For
each it prints when the first stage that is not as accepted was named, when ``--fail-fast`` gave its verdict on the same
cache, and when the whole verdict was there, in seconds on the clock, and the time of all processors for the whole; at
the end the medians. Nothing else should run beside it.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
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
CACHE = Path(".harness/cache")


@dataclass(frozen=True)
class Verdict:
    """``told``: when the first stage was named, None where everything is as accepted; ``whole``: when it ended."""

    told: float | None
    whole: float
    processors: float
    status: int
    first: str


def verify(clone: Path, *options: str) -> Verdict:
    """The verdict on the source as it is."""
    command = [sys.executable, "-m", "harness", "verify", "--no-training", "--workers", WORKERS, *options]
    settings = {"PYTHONPATH": str(clone), "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200"}
    before, began = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), time.perf_counter()
    told, first = None, ""
    with subprocess.Popen(
        command, cwd=clone, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if told is None and ("not as accepted: " in line or "FAIL" in line):  # a sentence, or a row of a table
                told = time.perf_counter() - began
                first = re.sub(r"^not as accepted: \w+, stage|\W", " ", line).split()[0]
    spent = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before
    return Verdict(told, time.perf_counter() - began, spent, running.returncode, first)


def verify_both(clone: Path, cache: Path) -> tuple[Verdict, Verdict]:
    """The whole verdict, and that of ``--fail-fast``, both with the cache that is kept elsewhere."""
    verdicts = []
    for options in ((), ("--fail-fast",)):
        shutil.rmtree(clone / CACHE)
        shutil.copytree(cache, clone / CACHE, symlinks=True)
        verdicts.append(verify(clone, *options))
    return verdicts[0], verdicts[1]


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
        shutil.copytree(clone / CACHE, cache := Path(folder) / "cache", symlinks=True)
        lines = [
            f"Made by `python benchmarks/edits.py`: {WORKERS} workers on {os.cpu_count()} processors, no training;",
            f"with an empty cache {first.whole:.0f} s, and {unchanged.whole:.1f} s where nothing had changed.",
            "",
            "| module | first stage named (s) | `--fail-fast` (s) | whole verdict (s) | processors (s) | named |",
            "| --- | ---: | ---: | ---: | ---: | --- |",
        ]
        print("\n".join([f"status {first.status}, load {os.getloadavg()[0]:.1f}", *lines]), flush=True)
        verdicts = []
        for module in chosen:
            content = edit(clone / module, *EDITS[module])
            verdicts.append(found := verify_both(clone, cache))
            (clone / module).write_text(content)
            whole, fast = found
            told = "" if whole.told is None else f"{whole.told:.1f}"
            seconds = (told, f"{fast.whole:.1f}", f"{whole.whole:.1f}", f"{whole.processors:.0f}")
            lines.append(f"| {' | '.join((f'`{module}`', *seconds, whole.first or 'as accepted'))} |")
            print(lines[-1], flush=True)
    medians = {
        "until the first stage was named": [whole.told for whole, _ in verdicts if whole.told is not None],
        "for the verdict of `--fail-fast`": [fast.whole for _, fast in verdicts],
        "for the whole verdict": [whole.whole for whole, _ in verdicts],
    }
    said = [f"{statistics.median(times):.1f} s {what}" for what, times in medians.items() if times]
    lines += ["", f"Medians: {', '.join(said)}."]
    print("\n".join(lines[-2:]))
    if chosen == [*EDITS]:
        pages.put(pages.BENCHMARKS, "edits", lines)


if __name__ == "__main__":
    main()
