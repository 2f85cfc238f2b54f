"""Train healthy runs on seeds of the machine and of the training: none may fail by what its scenario is judged by.

    python benchmarks/healthy_members.py RUNS LOG.jsonl [--scenario gs2_base] [--profile smoke] [--python PYTHON...]

Each run has training seeds that no ensemble has, and is judged as a verification judges it: every value of the
scenario's own profile against its golden, and all statistical ones together. What the batch order decides exactly is
left out, as it is another with other seeds (``rehearsal``), and so are the replays, which ``healthy_runs.py`` has.
Runs go in batches, some side by side; each batch draws threads, instruction sets and one of the Pythons, as there. To
the log a later call adds, and at the end, and for 0 runs, the rate of the whole log is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from healthy_runs import ROOT, every_setting, rows_of, settings_of, tell_rate

FIRST = 1000  # seeds of ensembles and of what was held out before are below
BATCH = 20
BY_SEED = ("configuration", "rehearsal")


def failures(scenario: str, profile: str, seeds: Sequence[int]) -> Iterator[dict[str, object]]:
    """Run those members here; what failed of each, by address."""
    from harness.core.protocol import Artifact
    from harness.host.project import open_project
    from harness.run.runner import Runner
    from harness.verify.ensembles.draws import member_draws
    from harness.verify.ensembles.findings import judged_together
    from harness.verify.ensembles.members import ensemble_member, run_artifacts
    from harness.verify.examination import Examination
    from harness.verify.suite import open_cache

    project = open_project(ROOT)
    with open_cache(project, use=False) as cache:
        runner = Runner(project.pipeline, cache)
        of = Examination(project, runner, scenario, profile)
        stages = [s for s in of.pipeline.stages if s.main and s.artifact not in BY_SEED]
        accepted = {s.artifact: golden.artifact for s in stages if (golden := of.golden(profile, s.artifact))}
        about: Artifact = of.golden(profile, "ensemble").artifact  # type: ignore[union-attr]
        for seed in seeds:
            began = time.perf_counter()
            given = {n: a for n, a in run_artifacts(runner, ensemble_member(of, seed)).items() if n in accepted}
            verdicts = [v for s in stages for v in of.judge(profile, s.artifact, given[s.artifact], s.tier)]
            verdicts += judged_together(about.values, member_draws(of, accepted, given).numbers)
            failed = [f"{v.path}: {v.message}" for v in verdicts if v.status.failed]
            seconds = round(time.perf_counter() - began, 1)
            yield {"seed": seed, "values": len(verdicts), "failed": failed, "seconds": seconds}


def batch(about: dict[str, Any], profile: str, seeds: Sequence[int], log: Path) -> None:
    """Run those members in a process of their own, and add them to the log."""
    line = [about["python"], __file__, "0", str(log), "--scenario", about["scenario"], "--profile", profile, "--seeds"]
    environment = os.environ | settings_of(about)
    done = subprocess.run([*line, *map(str, seeds)], env=environment, capture_output=True, text=True, check=False)
    rows = [json.loads(row) for row in done.stdout.splitlines() if row.startswith("{")]
    rows += [{"seed": seed, "failed": [done.stderr[-500:]]} for seed in seeds[len(rows) :]]
    with log.open("a") as file:
        file.writelines(json.dumps({**about, "profile": profile, **row}) + "\n" for row in rows)
    print(f"{seeds[0]} to {seeds[-1]}: {sum(bool(row['failed']) for row in rows)} failed", flush=True)


def main() -> int:
    """Run, and print the rate; 1 where any run failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=int)
    parser.add_argument("log", type=Path)
    parser.add_argument("--scenario", default="gs2_base")
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--python", nargs="+", default=[sys.executable])
    parser.add_argument("--together", type=int, default=2, help="how many batches run side by side")
    parser.add_argument("--seeds", type=int, nargs="+", help="run these members here, and print what failed of each")
    given = parser.parse_args()
    if given.seeds:
        for row in failures(given.scenario, given.profile, given.seeds):
            print(json.dumps(row), flush=True)
        return 0
    first = max([FIRST - 1, *(row["seed"] for row in rows_of(given.log))]) + 1
    chance, among = random.Random(first), every_setting([given.scenario], given.python)
    starts = range(first, first + given.runs, BATCH)

    def run(start: int, about: dict[str, str]) -> None:
        batch(about, given.profile, range(start, min(start + BATCH, first + given.runs)), given.log)

    with ThreadPoolExecutor(given.together) as pool:  # what a batch raises is raised here
        list(pool.map(run, starts, [chance.choice(among) for _ in starts]))
    return tell_rate(given.log)


if __name__ == "__main__":
    sys.exit(main())
