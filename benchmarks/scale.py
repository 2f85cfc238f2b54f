"""Where time and bytes go as scenarios and members become many, on a pipeline whose stages cost nothing.

    python benchmarks/scale.py            # five minutes on two cores

What is printed is what the harness adds to the stages' own time: for a job, for a member that is read back, for an
item of the cache as the cache grows, and in the ensemble. docs/explanation/scale.md extrapolates from it.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.core.files import sha256
from harness.core.protocol import Artifact
from harness.host.cluster.engine import Engine
from harness.host.project import open_project
from harness.run.cache import Cache
from harness.run.runner import Runner
from harness.verify.ensembles.calibration import calibrate_scenario
from harness.verify.ensembles.members import compute_member
from harness.verify.examination import Examination
from harness.verify.suite import open_cache

VALUES = 100  # statistical values of a scenario
ADAPTER = """
import random
from harness import Pipeline, Scenario, Stage

def load(name, profile, overrides):
    return Scenario(name, profile, "one of many", {"n": int(name[1:]), "seed": 0})
def reseed(config, member):
    return {**config, "seed": member + 1}
def make(config, progress):
    return {"total": config["n"] * 2.0}
def fit(config, progress, make):
    draw = random.Random(config["seed"])
    return {f"value{i}": draw.gauss(make["total"], 1.0) for i in range(VALUES)}

pipeline = Pipeline(
    "many",
    (
        Stage("make", "made", make, reads=("n",)),
        Stage("fit", "fit", fit, needs=("make",), reads=("seed",), tier="statistical"),
    ),
    lambda: {f"s{i}": "one of many" for i in range(1000)}, load, ("many",), reseed=reseed,
)
"""
SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "description": "anything", "type": "object"}


def repository(root: Path) -> None:
    """A guarded repository of a thousand scenarios."""
    for folder in ("goldens", "schemas"):
        (root / folder).mkdir(parents=True)
    (root / "pyproject.toml").write_text('[tool.harness]\nadapter = "many:pipeline"\n')
    (root / "many.py").write_text(f"VALUES = {VALUES}\n{ADAPTER}")
    (root / "goldens/tolerances.toml").write_text(
        'version = 1\n[rules]\n"fit/**" = { interval = true }\n"**" = { rtol = 1e-6 }\n'
    )
    for name in ("made", "fit"):
        (root / f"schemas/{name}.schema.json").write_text(json.dumps({**SCHEMA, "$id": f"many/{name}-1"}))


@contextmanager
def timed(what: str, each: int = 1) -> Iterator[None]:
    """Print a row: how long it took, for ``each``."""
    began = time.perf_counter()
    yield
    print(f"| {what} | {(time.perf_counter() - began) / each * 1e3:,.2f} ms |", flush=True)


def items(folder: Path) -> None:
    """An item of the cache, written and read, beside more and more others."""
    there = 0
    for wanted in (100, 400, 1_600):
        cache = Cache(folder, 20 * 2**30)
        with timed(f"an item is written, up to {wanted:,} there", wanted - there):
            for number in range(there, wanted):
                cache.put(sha256(str(number).encode()), ({"total": 1.0}, {}), Artifact({"total": 1.0}), {"stage": "s"})
        there = wanted
        with timed(f"an item is found, {wanted:,} there", 100):
            for number in range(100):
                cache.get(sha256(str(number).encode()))
        with timed(f"the cache is cleaned, {wanted:,} there"):
            cache.clean()
    files = [path for path in folder.rglob("*") if path.is_file()]
    size, blocks = (
        sum(sizes) / there for sizes in ([p.stat().st_size for p in files], [p.stat().st_blocks * 512 for p in files])
    )
    print(f"| an item, {len(files) / there:.1f} files | {size:,.0f} bytes, {blocks:,.0f} on the disk |")


def members(root: Path) -> None:
    """A job, and an ensemble of 100 members: made, and read back."""
    project = open_project(root)
    with open_cache(project) as cache:
        place = {"root": str(root), "cache": str(cache.folder), "scenario": "s1", "profile": "cpu"}
        with timed("the first job of a worker: it opens the project", 1):
            compute_member(**place, number=99, overrides=[])
        with timed("another job: it runs one member", 5):
            for number in range(5):
                compute_member(**place, number=number, overrides=[])
        for count in (10, 100):
            for again in ("made", "read back"):
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                with timed(f"a member, {again}, of {count}", count):
                    examination = Examination(project, Runner(project.pipeline, cache), "s1", "cpu")
                    made = calibrate_scenario(examination, cache, members=count, alpha=0.01, values=10**5)
                grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
                print(f"| memory of that | {grown:.1f} MB |")
        text = json.dumps(made.ensemble.values)
        print(f"| an ensemble of 100 members and {VALUES} values | {len(text):,} bytes |")
        with timed("a scenario is loaded and its examination prepared", 100):
            for number in range(100):
                Examination(project, Runner(project.pipeline, cache), f"s{number}", "cpu").prepare()
    with open_cache(project, use=False) as cache, timed("a job of Dask on 3 workers, in whole", 60):
        examination = Examination(project, Runner(project.pipeline, cache), "s2", "cpu")
        calibrate_scenario(examination, cache, members=59, alpha=0.01, values=10**5, engine=Engine(3, "dask"))


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        print("| what | measured |\n| --- | ---: |")
        items(Path(folder) / "cache")
        repository(Path(folder) / "many")
        members(Path(folder) / "many")


if __name__ == "__main__":
    main()
