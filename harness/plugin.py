"""The pytest plugin: every stage a fixture, every artifact a test.

In a repository with a ``[tool.harness]`` table there are, without a line in ``conftest.py``:

``scenario``
    the name of a scenario; a test that asks for it runs once for each.
one fixture for each stage, named after its artifact
    a ``StageResult`` of ``scenario``: computed once, whatever the number of tests and of workers.
``invariants``
    the verdicts on the invariants of ``scenario``.
``golden``
    an artifact and its golden; a test that asks for it runs once for each, and calls ``golden.check()``.

Anywhere else the plugin does nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError, ProjectError

if TYPE_CHECKING:
    from harness.core.project import Project
    from harness.core.protocol import Artifact, Output
    from harness.core.verdicts import ArtifactReport, Verdict
    from harness.run.cache import Cache
    from harness.verify.examination import Examination

PROJECT = pytest.StashKey["Project"]()
FRESH = pytest.StashKey["tempfile.TemporaryDirectory[str]"]()
SHOWN = 10  # mismatches in a failure's message
GROUP = "harness"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all with one prefix."""
    group = parser.getgroup(GROUP, "golden artifacts")
    group.addoption("--harness-profile", metavar="NAME", help="run scenarios at this profile")
    group.addoption("--harness-scenario", action="append", metavar="NAME", help="only this scenario; repeatable")
    group.addoption("--harness-no-cache", action="store_true", help="compute everything anew")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Find the project; refuse to regenerate anything in CI."""
    from harness.core.project import find_project, in_ci

    if in_ci():
        for option in ("force_regen", "regen_all"):
            if config.getoption(option, False):
                raise pytest.UsageError(f"--{option.replace('_', '-')} is not for CI: goldens are never written there")
    try:
        project = find_project(config.rootpath)
    except ProjectError as error:
        if "no pyproject.toml" in str(error):
            return
        raise pytest.UsageError(str(error)) from error
    config.stash[PROJECT] = project
    if not config.pluginmanager.hasplugin("xdist"):
        config.addinivalue_line("markers", "xdist_group(name): pytest-xdist's, which scenarios have with it or without")
    if config.getoption("harness_no_cache") and not hasattr(config, "workerinput"):
        config.stash[FRESH] = tempfile.TemporaryDirectory(prefix="harness-")  # gone when pytest is
    try:
        names, artifacts = _names(config, project), _artifacts(config, project)
        config.pluginmanager.register(_fixtures(project, names, artifacts), "harness-fixtures")
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker which cache to share."""
    folder = node.config.stash.get(FRESH, None)
    node.workerinput["harness_cache"] = folder.name if folder else ""


def _names(config: pytest.Config, project: Project) -> list[str]:
    chosen: list[str] = config.getoption("harness_scenario") or []
    known = project.pipeline.scenarios()
    for name in chosen:
        if name not in known:
            raise pytest.UsageError(
                f"--harness-scenario {name}: there is no such scenario; there are {', '.join(known)}"
            )
    return chosen or sorted(known)


def _artifacts(config: pytest.Config, project: Project) -> list[tuple[str, str]]:
    from harness.verify.coverage import verified_artifacts

    return verified_artifacts(project.pipeline, config.getoption("harness_profile") or project.profile)


@dataclass(frozen=True)
class StageResult:
    """A stage of a scenario, run once. ``output``: what the stage returned; ``artifact``: what is verified."""

    examination: Examination
    name: str

    @property
    def artifact(self) -> Artifact:
        """What is verified of the stage."""
        return self._outcome().observed.artifact()

    @property
    def output(self) -> Output:
        """What the stage returned."""
        return self._outcome().item.output()

    def _outcome(self) -> Any:
        outcome = self.examination.runs.of(self.name, replayed=False)
        if outcome.item is None:
            pytest.fail(f"stage {outcome.stage.name} has no result: {outcome.error or outcome.blocked + ' failed'}")
        return outcome


@dataclass(frozen=True)
class Checked:
    """One artifact of one scenario, and its golden."""

    examination: Examination
    track: str
    artifact: str
    request: pytest.FixtureRequest

    @property
    def report(self) -> ArtifactReport:
        """The verdicts; the stage is run now if it has not been."""
        return self.examination.report(self.track, self.artifact)

    def check(self) -> None:
        """Fail, with what differs, unless the artifact is as accepted."""
        __tracebackhide__ = True
        from pytest_regressions.common import perform_regression_check

        from harness.core.project import in_ci

        identity = self.examination.identity(self.track, self.artifact)
        report = self.report
        path = self.examination.goldens.root / f"{identity}.json"
        regenerate = self.request.config.getoption("force_regen") or self.request.config.getoption("regen_all")

        def compare(obtained: Path, expected: Path) -> None:
            __tracebackhide__ = True
            if report.failed:
                pytest.fail(mismatch_message(identity, report), pytrace=False)

        # Regenerating makes a candidate, and no test pass: nothing is golden before somebody accepts it.
        if report.error or report.blocked or not path.is_file() or (report.failed and regenerate):
            pytest.fail(mismatch_message(identity, report) + ("" if in_ci() else self._keep()), pytrace=False)
        perform_regression_check(
            datadir=self.request.getfixturevalue("tmp_path"), original_datadir=self.examination.goldens.root,
            request=self.request, check_fn=compare, dump_fn=self._dump, extension=".json", fullpath=path,
        )  # fmt: skip

    def _dump(self, path: Path) -> None:
        """The obtained artifact at ``path``; what would go among the goldens becomes a candidate instead."""
        from harness.core.artifacts import dump_artifact
        from harness.core.files import write_file

        if path.resolve().is_relative_to(self.examination.goldens.root.resolve()):
            self._keep()
            return
        found = self.examination.obtained(self.track, self.artifact)
        if found is not None:
            files = dump_artifact(found, self.examination.schema_of(self.track, self.artifact))
            for suffix, content in files.items():
                write_file(path.with_suffix(suffix), content)

    def _keep(self) -> str:
        from harness.verify.kept_candidates import keep_candidate

        examination, names = self.examination, [self.artifact]
        if self.track == examination.replay:  # a stage's stored output is the next one's input
            names = [s.artifact for s in examination.pipeline.stages if s.replay != "no"]
        found = (keep_candidate(examination, self.track, name, "pytest") for name in names)
        kept = " ".join(filter(None, found))
        return f"\nKept as candidate: `harness review {kept}`" if kept else ""


def _fixtures(project: Project, names: list[str], artifacts: list[tuple[str, str]]) -> ModuleType:
    """A plugin whose fixtures are the project's own stages.

    A test may choose its own, ``parametrize("scenario", [...], indirect=True)``, and override any of them.
    """
    checked = [(name, track, artifact) for name in names for track, artifact in artifacts]

    @pytest.fixture(scope="session")
    def harness_examinations(request: pytest.FixtureRequest) -> Callable[[str], Examination]:
        """Each scenario's examination, made when it is first asked for."""
        return _examinations(request.config, project)

    @pytest.fixture(scope="session", params=[_case(name) for name in names])
    def scenario(request: pytest.FixtureRequest, harness_examinations: Any) -> str:
        """A scenario's name."""
        _skip_if_missing(harness_examinations(request.param))
        return str(request.param)

    @pytest.fixture(scope="session")
    def invariants(scenario: str, harness_examinations: Any) -> tuple[Verdict, ...]:
        """The verdicts on the invariants of ``scenario``."""
        return tuple(harness_examinations(scenario).invariants())

    @pytest.fixture(params=[_case(*c) for c in checked])
    def golden(request: pytest.FixtureRequest, harness_examinations: Any) -> Checked:
        """An artifact and its golden: call ``check()``."""
        name, track, artifact = request.param
        _skip_if_missing(harness_examinations(name))
        return Checked(harness_examinations(name), track, artifact, request)

    made = ModuleType("harness_fixtures")  # a class's session fixtures would be bound to one test each
    stages = {stage.artifact: _stage_fixture(stage.artifact) for stage in project.pipeline.stages if stage.main}
    vars(made).update(
        stages, harness_examinations=harness_examinations, scenario=scenario, invariants=invariants, golden=golden
    )
    return made


def _case(name: str, *rest: str) -> Any:
    """A parameter. With ``--dist loadgroup`` a scenario stays on one worker, and no two wait for each other."""
    case = (name, *rest)
    return pytest.param(case if rest else name, id="-".join(case), marks=pytest.mark.xdist_group(name))


def _stage_fixture(artifact: str) -> Any:
    def stage(scenario: str, harness_examinations: Callable[[str], Examination]) -> StageResult:
        return StageResult(harness_examinations(scenario), artifact)

    stage.__doc__ = f"The stage that gives {artifact}, of ``scenario``."
    return pytest.fixture(stage, scope="session", name=artifact)


def _examinations(config: pytest.Config, project: Project) -> Callable[[str], Examination]:
    from harness.judge.schema import Schemas
    from harness.run.runner import Runner
    from harness.verify.examination import Examination

    runner, schemas = Runner(project.pipeline, _cache(config, project)), Schemas(project.schemas)
    made: dict[str, Examination] = {}

    def examination(name: str) -> Examination:
        if name not in made:
            profile = config.getoption("harness_profile") or project.profile
            made[name] = Examination(project, runner, name, profile, schemas=schemas)
        return made[name]

    return examination


def _cache(config: pytest.Config, project: Project) -> Cache:
    from harness.run.cache import Cache

    own = config.stash.get(FRESH, None)
    shared = getattr(config, "workerinput", {}).get("harness_cache") or (own.name if own else "")
    return Cache(Path(shared) if shared else project.state / "cache", project.cache_bytes)


def _skip_if_missing(examination: Examination) -> None:
    from harness.core.project import in_ci

    if missing := examination.scenario.missing:
        if in_ci():
            pytest.fail(f"{examination.scenario.name} cannot run here, and in CI every golden is compared: {missing}")
        pytest.skip(f"{examination.scenario.name}: {missing}")


def mismatch_message(identity: str, report: ArtifactReport) -> str:
    """Why an artifact fails: its first mismatches, the rest counted."""
    from harness.report.junit import verdict_line

    if report.error:
        return f"{identity}: stage {report.stage} raised {report.error}"
    if report.blocked:
        return f"{identity}: stage {report.stage} has no input, because {report.blocked} failed"
    failing = [v for v in report.verdicts if v.status.failed]
    rest = [f"... and {len(failing) - SHOWN} more"] if len(failing) > SHOWN else []
    return "\n".join(
        [
            f"{identity}: {len(failing)} of {len(report.verdicts)} values are not as accepted",
            *(f"  {verdict_line(v)}" for v in failing[:SHOWN]),
            *rest,
        ]
    )
