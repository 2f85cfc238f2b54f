"""The fixtures of a project: one for each stage, its scenarios, their invariants, and the goldens to check.

``pytest --fixtures`` shows the first paragraph of a docstring, so that an example follows without an empty line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from harness.plugin.examinations import project_examinations, skip_if_missing
from harness.plugin.results import GoldenCheck, StageResult

if TYPE_CHECKING:
    from harness.core.project import Project
    from harness.core.verdicts import Verdict
    from harness.verify.examination import Examination


NO_SCENARIO = "no-scenario"
_NOTHING = "the pipeline has no scenarios: nothing would be compared"


def fixture_plugin(project: Project, scenarios: Sequence[str], cases: Sequence[tuple[str, str, str]]) -> ModuleType:
    """A plugin whose fixtures are the project's own stages; ``cases`` are scenario, track and artifact of goldens.

    A test may choose its own scenarios, ``parametrize("scenario", [...], indirect=True)``, and override any fixture.
    """
    stages = {stage.artifact: _stage_fixture(stage.artifact) for stage in project.pipeline.stages if stage.main}
    plugin = ModuleType("harness_fixtures")  # a class's session fixtures would be bound to one test each
    vars(plugin).update(
        stages,
        harness_examinations=_examinations_fixture(project),
        scenario=_scenario_fixture(scenarios),
        invariants=_invariants_fixture(),
        golden=_golden_fixture(cases),
    )
    return plugin


def unusable_plugin(sentence: str, artifacts: Sequence[str]) -> ModuleType:
    """A plugin for a project that cannot be used: each of its fixtures fails with ``sentence``, and no other test."""

    def unusable(name: str) -> Any:
        def fixture() -> None:
            pytest.fail(sentence, pytrace=False)

        fixture.__doc__ = "It cannot be made: the project cannot be used."
        return pytest.fixture(fixture, scope="session", name=name)

    plugin = ModuleType("harness_fixtures")
    names = ("harness_examinations", "scenario", "invariants", "golden", *artifacts)
    vars(plugin).update({name: unusable(name) for name in names})
    return plugin


def _case(name: str, *rest: str) -> Any:
    """A parameter. With ``--dist loadgroup`` a scenario stays on one worker, and no two wait for each other."""
    case = (name, *rest)
    return pytest.param(case if rest else name, id="-".join(case), marks=pytest.mark.xdist_group(name))


def _examinations_fixture(project: Project) -> Any:
    @pytest.fixture(scope="session")
    def harness_examinations(request: pytest.FixtureRequest) -> Callable[[str], Examination]:
        """Each scenario's examination, by the scenario's name; it runs only what it is asked for.
        Example:
            def test_first_stage(scenario, harness_examinations):
                examination = harness_examinations(scenario)
                stage = next(s for s in examination.pipeline.stages if s.main)
                assert not examination.report(examination.profile, stage.artifact).failed
        """
        return project_examinations(request.config, project)

    return harness_examinations


def _scenario_fixture(scenarios: Sequence[str]) -> Any:
    # Without any scenario there is one case that fails: pytest would skip a test for none.
    @pytest.fixture(scope="session", params=[_case(name) for name in scenarios or [NO_SCENARIO]])
    def scenario(request: pytest.FixtureRequest, harness_examinations: Any) -> str:
        """The name of a scenario; a test that asks for it runs once for each.
        Example:
            def test_scenario(scenario, harness_examinations):
                resolved = harness_examinations(scenario).scenario
                assert resolved.name == scenario
                assert resolved.title, "say what it is"
        """
        if not scenarios:
            pytest.fail(_NOTHING, pytrace=False)
        skip_if_missing(harness_examinations(request.param))
        return str(request.param)

    return scenario


def _invariants_fixture() -> Any:
    @pytest.fixture(scope="session")
    def invariants(scenario: str, harness_examinations: Any) -> tuple[Verdict, ...]:
        """The verdicts on the invariants of ``scenario``, which no golden can loosen.
        Example:
            def test_invariants_hold(scenario, invariants):
                broken = [verdict for verdict in invariants if verdict.status.failed]
                messages = [f"{verdict.path}: {verdict.message}" for verdict in broken]
                assert not broken, "; ".join(messages)
        """
        return tuple(harness_examinations(scenario).invariants())

    return invariants


def _golden_fixture(cases: Sequence[tuple[str, str, str]]) -> Any:
    @pytest.fixture(params=[_case(*case) for case in cases] or [_case(NO_SCENARIO)])
    def golden(request: pytest.FixtureRequest, harness_examinations: Any) -> GoldenCheck:
        """An artifact of a scenario and its golden; a test that asks for it runs once for each.
        Example:
            def test_artifact_is_as_accepted(golden):
                report = golden.report  # every verdict; runs the stage, unless it has run
                assert report.artifact == golden.artifact
                golden.check()  # fails with the values that differ
        """
        if not cases:
            pytest.fail(_NOTHING, pytrace=False)
        name, track, artifact = request.param
        examination = harness_examinations(name)
        skip_if_missing(examination)
        return GoldenCheck(examination, track, artifact, request)

    return golden


def _stage_fixture(artifact: str) -> Any:
    def stage(scenario: str, harness_examinations: Callable[[str], Examination]) -> StageResult:
        return StageResult(harness_examinations(scenario), artifact)

    stage.__doc__ = f"""The stage that gives {artifact}, of ``scenario``: its ``output``, and the verified ``artifact``.
        Example:
            def test_{artifact}_is_not_empty(scenario, {artifact}):
                values, arrays = {artifact}.artifact.values, {artifact}.artifact.arrays
                assert {artifact}.output is not None, scenario
                assert values or arrays, scenario
        """
    return pytest.fixture(stage, scope="session", name=artifact)
