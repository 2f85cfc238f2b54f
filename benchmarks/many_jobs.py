"""What an engine costs beside the work: many short jobs, on processes of this machine and on Dask.

    python benchmarks/many_jobs.py                        # 10,000 jobs of 10 ms on 3 workers of Dask
    python benchmarks/many_jobs.py --executor processes
    python benchmarks/many_jobs.py --scheduler tcp://...  # workers that are there

A job sleeps, so that as many workers as one likes fit on few cores. The overhead of a job is the time that a worker
was neither asleep nor started: (elapsed x workers - sum of the jobs) / jobs. Memory: the most that this process held
above what it held before, and with Dask it holds the scheduler and the workers as well.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from harness.host.cluster.engine import Engine
from harness.host.project import open_project
from harness.run.cache import Cache
from harness.run.jobs import Executor, Job

NAP = "benchmarks.many_jobs:nap"


def nap(seconds: float) -> float:
    """The job."""
    time.sleep(seconds)
    return seconds


def peak() -> float:
    """The most memory that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the benchmark, and print a row of its table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--jobs", type=int, default=10_000)
    asked.add_argument("--seconds", type=float, default=0.01)
    asked.add_argument("--workers", type=int, default=3)
    asked.add_argument("--executor", default="dask")
    asked.add_argument("--scheduler", default="")
    given = asked.parse_args()
    engine = Engine(1 if given.scheduler else given.workers, given.executor, given.scheduler, tell=print)
    with tempfile.TemporaryDirectory(prefix="many-jobs-") as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text("[tool.harness]\n")
        project, cache = open_project(root), Cache(root / ".harness/cache", 10**9)
        with engine.opened(project, cache) as executor:
            measure(executor, given)


def measure(executor: Executor, given: argparse.Namespace) -> None:
    """Let the workers start, then measure, and print the row."""
    for future in [executor.submit(Job(NAP, {"seconds": 0.5})) for _ in range(given.workers)]:
        future.result()
    before = peak()
    began = time.perf_counter()
    jobs = [executor.submit(Job(NAP, {"seconds": given.seconds})) for _ in range(given.jobs)]
    submitted = time.perf_counter() - began
    for future in executor.as_completed(jobs):
        assert future.result() == given.seconds
    elapsed = time.perf_counter() - began
    overhead = elapsed * given.workers / given.jobs - given.seconds
    print("| executor | workers | jobs | of | submitted in | done in | jobs/s | overhead a job | memory |")
    print(
        f"| {given.executor} | {given.workers} | {given.jobs} | {given.seconds * 1000:.0f} ms | {submitted:.1f} s | "
        f"{elapsed:.1f} s | {given.jobs / elapsed:.0f} | {overhead * 1000:.1f} ms | {peak() - before:.0f} MB |"
    )
    assert not executor.lost


if __name__ == "__main__":
    main()
