"""Measure what a verification costs beside another version of the harness, by turns in one run.

    python benchmarks/cost.py BASE [ROUNDS]

BASE is checked out in a temporary worktree. Each version verifies the tutorial's repository as its own tutorial makes
it, and runs a chain of trivial stages. The medians, as a table, replace the section of docs/benchmarks.md.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "harness"))

from heat_repository import ROOT, Repository, new_repository
from trivial_chain import STAGES, write_chain
from walkthrough import Commands, steps

MEASURED = {
    "verify, all from the cache": ("heat", "", "harness verify"),
    "verify, with an empty cache": ("heat", "rm -r .harness/cache", "harness verify"),
    f"run {STAGES} trivial stages": ("chain", "", "harness run one --no-cache"),
    "run 1 trivial stage": ("chain", "", "harness run one --no-cache --until s0"),
}
OVERHEAD = "each trivial stage"
HEAD = "## What a verification costs beside an earlier version"

Times = tuple[float, float]
"""Seconds on the clock, and of the processors."""


class Version:
    """One version of the harness, at ``root``, and the repositories that it works on."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.heat = _of(new_repository(folder / "heat"), root)
        self.chain = _of(new_repository(folder / "chain"), root)
        write_chain(self.chain.root)
        text = (root / "docs" / "tutorial-harness.md").read_text(encoding="utf-8")
        for step in steps(text.partition("\n## Break it\n")[0]):
            if not isinstance(step, Commands):
                step.do(self.heat.root)
                continue
            for line, status in step.lines:
                if not line.startswith(("python -m pip", "pytest")):
                    self.heat.expect(line, status)
        self.times: dict[str, list[Times]] = {name: [] for name in [*MEASURED, OVERHEAD]}

    def measure(self, name: str) -> None:
        """Once more."""
        which, first, line = MEASURED[name]
        repository = getattr(self, which)
        if first:
            repository.expect(first)
        before, clock = os.times(), time.perf_counter()
        done = repository.shell(line)
        clock, after = time.perf_counter() - clock, os.times()
        if done.returncode != 0:
            raise SystemExit(f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        used = after.children_user + after.children_system - before.children_user - before.children_system
        self.times[name].append((clock, used))

    def overhead(self) -> None:
        """What one stage more costs, of the runs of one and of all."""
        many, one, *_ = (self.times[name][-1] for name in MEASURED if "trivial" in name)
        self.times[OVERHEAD].append(((many[0] - one[0]) / (STAGES - 1), (many[1] - one[1]) / (STAGES - 1)))


def _of(repository: Repository, root: Path) -> Repository:
    return Repository(repository.root, repository.environment | {"PYTHONPATH": str(root)})


@contextmanager
def checked_out(base: str) -> Iterator[Path]:
    """The files of a commit, for as long as it is held."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "base"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(place), base], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


def row(name: str, before: list[Times], after: list[Times]) -> str:
    """A line of the table: medians, and what became of them."""
    cells = []
    for kind in (0, 1):
        old, new = (statistics.median(times[kind] for times in side) * 1e3 for side in (before, after))
        cells += [f"{old:,.1f}", f"{new:,.1f}", f"{new - old:+,.1f}", f"{new / old:.2f}"]
    return f"| {name} | {' | '.join(cells)} |"


def table(base: str, rounds: int, before: Version, after: Version) -> str:
    """The section of the page."""
    load = os.getloadavg()[0]
    rows = [row(name, before.times[name], after.times[name]) for name in after.times]
    return "\n".join(
        [
            HEAD,
            "",
            f"Made by `python benchmarks/cost.py {base} {rounds}`: {base} (before) and this version (after) verify the",
            f"tutorial's repository, and run a chain of trivial stages, by turns, {rounds} times each. Medians in",
            "milliseconds, on the clock and of the processors, all processes together; the load average was "
            f"{load:.1f}.",
            "",
            "| what | clock before | after | more | ratio | CPU before | after | more | ratio |",
            f"| --- |{' ---: |' * 8}",
            *rows,
            "",
        ]
    )


def main(base: str, rounds: int) -> None:
    """Measure, print the table and write it into the page."""
    with checked_out(base) as place, tempfile.TemporaryDirectory() as folder:
        before, after = Version(place, Path(folder) / "before"), Version(ROOT, Path(folder) / "after")
        for number in range(rounds):
            for name in MEASURED:
                for version in (before, after) if number % 2 else (after, before):
                    version.measure(name)
            before.overhead()
            after.overhead()
        shutil.rmtree(folder, ignore_errors=True)
    section, page = table(base, rounds, before, after), ROOT / "docs" / "benchmarks.md"
    print(section)
    page.write_text(page.read_text(encoding="utf-8").partition(f"\n{HEAD}\n")[0] + f"\n{section}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9)
