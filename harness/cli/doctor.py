"""What this machine and this repository lack, each with its remedy."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence

from harness.cli.places import Check, beyond
from harness.core import text
from harness.core.errors import HarnessError
from harness.core.project import Project
from harness.core.protocol import Json
from harness.host.project import open_project
from harness.run.pipeline_source import libraries_of, sources_of
from harness.run.source.distributions import NOT_INSTALLED, library_version


def run_checks() -> list[Check]:
    """Every check, in the order in which a new user would mend them."""
    return list(_examine())


def checks_to_json(checks: Sequence[Check]) -> list[dict[str, Json]]:
    """The checks as ``harness doctor --json`` prints them, where a state is called ``found``."""
    return [{"name": c.name, "held": c.held, "needed": c.needed, "found": c.state, "remedy": c.remedy} for c in checks]


def _examine() -> Iterator[Check]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check(
        "python", sys.version_info >= (3, 10), True, python, "" if sys.version_info >= (3, 10) else "use 3.10 or newer"
    )
    for program, what in (("git", "accepting goldens"), ("ssh-keygen", "signed approvals")):
        path = shutil.which(program)
        yield Check(program, bool(path), False, path or "not found", "" if path else f"install it for {what}")
    free = shutil.disk_usage(os.getcwd()).free / 2**30
    yield Check("disk", free > 1, False, f"{free:.1f} GiB free", "" if free > 1 else "make room: the cache needs some")
    try:
        project = open_project()
        where = project.root / "pyproject.toml" if project.declared else project.root
        yield Check("project", True, True, str(where))
        pipeline = project.pipeline
    except HarnessError as error:
        yield Check("project", False, True, "not usable", str(error))
        return
    stages = f"{project.adapter}: {len(pipeline.stages)} stages"
    yield Check("adapter", True, True, stages if project.adapter else "none: the goldens are of tests alone")
    yield from _surroundings(project)
    yield from beyond(project)
    sources = sources_of(pipeline)
    if project.adapter:
        roots = sorted({name.partition(".")[0] for name in sources.territory.own})
        state = f"{', '.join(roots)}: {text.count(len([*sources.files()]), 'file')}"
        yield Check("source", True, False, state)
    for name in libraries_of(pipeline, sources):
        found = library_version(name)
        missing = found == NOT_INSTALLED
        yield Check(name, not missing, True, found, f"python -m pip install {name}" if missing else "")
    yield from _goldens(project)


def _goldens(project: Project) -> Iterator[Check]:
    from harness.core import git
    from harness.judge.schema import Schemas
    from harness.store.goldens import Goldens
    from harness.study.sizes import large_goldens

    try:
        git.top(project.root)
        yield Check("repository", True, False, str(project.root))
        yield Check("git user", True, False, git.person(project.root))
    except HarnessError as error:
        yield Check("repository", False, False, "approvals need one", str(error))
    schemas = Schemas(project.schemas)
    lacking = [
        s.artifact
        for s in project.pipeline.stages
        if s.main and not (project.schemas / f"{s.artifact}.schema.json").exists()
    ]
    shown = f"{len(list(schemas.files()))} in {project.schemas.name}/"
    yield Check(
        "schemas", not lacking, True, shown, f"missing: {', '.join(lacking)}; see `harness schema`" if lacking else ""
    )
    try:
        manifest = Goldens.of(project).manifest()
        first = "harness verify" if project.adapter else "pytest"
        yield Check(
            "goldens",
            bool(manifest),
            False,
            f"{len(manifest)} in the manifest",
            "" if manifest else f"run `{first}`, then accept the candidates",
        )
        for golden in large_goldens(project):
            yield Check("size", False, False, f"{golden.identity}: {text.size(golden.size)}", golden.told)
    except HarnessError as error:
        yield Check("goldens", False, True, "not readable", str(error))
    for name in sorted(project.pipeline.scenarios()):
        try:
            scenario = project.scenario(name, project.profile)
        except HarnessError as error:
            yield Check(f"scenario {name}", False, True, "cannot be loaded", str(error))
            continue
        yield Check(f"scenario {name}", not scenario.missing, False, scenario.title, scenario.missing)
    yield from _store(project)


def _surroundings(project: Project) -> Iterator[Check]:
    from harness.cli.surroundings import pytest_configuration, shadowing_package
    from harness.store.checkout import checkout_problems

    if shadow := shadowing_package(project.root):
        remedy = "`python -m pytest` imports it in place of this package: run `pytest`, rename it, or move it into src/"
        yield Check("package harness", False, False, f"{shadow} has that name too", remedy)
    if configuration := pytest_configuration(project.root):
        inside = configuration.is_relative_to(project.root)
        yield Check("pytest", True, False, f"{configuration}{'' if inside else ', above the repository'}")
    try:
        for sentence in checkout_problems(project):
            yield Check("checkout", False, True, "not as git has it", sentence)
    except HarnessError:
        return  # what cannot be read is told below


def _store(project: Project) -> Iterator[Check]:
    """What a verification would say of the store and of the rules before it compares anything."""
    from harness.run.cache import Cache
    from harness.run.runner import Runner
    from harness.store.goldens import Goldens
    from harness.verify.examination import Examination
    from harness.verify.housekeeping import store_problems
    from harness.verify.rule_gaps import candidate_rule_problems

    runner = Runner(project.pipeline, Cache(project.state / "cache", project.cache_bytes))
    try:
        names = sorted(project.pipeline.scenarios())
        examinations = {name: Examination(project, runner, name, project.profile) for name in names}
        problems = store_problems(project, examinations, complete=True)
        for examination in examinations.values():
            problems += candidate_rule_problems(project, examination)
    except HarnessError as error:
        yield Check("store", False, True, "cannot be checked", str(error))
        return
    accepted = bool(Goldens.of(project).manifest())  # before the first acceptance nothing is in order yet
    for problem in dict.fromkeys(problems):
        yield Check("store", False, accepted, "not in order", problem)
    if not problems:
        yield Check("store", True, False, "in order")
