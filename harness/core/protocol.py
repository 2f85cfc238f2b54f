"""What a pipeline declares to the harness: its stages, scenarios and invariants, and what reports show.

This is the whole interface between the harness and what it guards. An adapter is a module that makes
one ``Pipeline``; nothing else of the harness knows what the pipeline computes.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from pathlib import Path
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

from harness.core.ids import CHECK, CONFIGURATION, ENSEMBLES, INVARIANTS

Json: TypeAlias = Any
"""None, bool, int, float, str, and lists and string-keyed mappings of these."""

Output: TypeAlias = Mapping[str, Any]
"""What a stage returns: a nested mapping of JSON values, NumPy arrays, and values whose kind has a codec."""

Progress: TypeAlias = Callable[[int, int, str], None]
"""A callback that a stage reports its progress to: steps done, steps in total, and a note."""

Tier = Literal["exact", "deterministic", "pinned", "statistical", "invariant"]
TIERS: tuple[Tier, ...] = ("exact", "deterministic", "pinned", "statistical", "invariant")

# Artifacts and fixtures of the harness's own, and the fixtures of pytest and of the plugins that come with the harness.
_OWN = (CONFIGURATION, INVARIANTS, *ENSEMBLES, "scenario", "golden", "harness_examinations", "replay", CHECK)
_FIXTURES = (
    "cache capfd capfdbinary caplog capsys capsysbinary capteesys doctest_namespace monkeypatch pytestconfig pytester",
    "record_property record_testsuite_property record_xml_attribute recwarn request subtests testdir tmp_path",
    "tmp_path_factory tmpdir tmpdir_factory LineMatcher linecomp",
    "data_regression dataframe_regression file_regression image_regression ndarrays_regression num_regression",
    "datadir lazy_datadir lazy_shared_datadir original_datadir shared_datadir testrun_uid worker_id",
)
_PYTEST = {name for line in _FIXTURES for name in line.split()}


@dataclass(frozen=True)
class Artifact:
    """What is verified of a stage: JSON ``values`` and named ``arrays``, which share no name."""

    values: Mapping[str, Json]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """A resolved configuration. ``missing`` says why it cannot run here; it is empty where it can."""

    name: str
    profile: str
    title: str
    config: Mapping[str, Json]
    missing: str = ""


@dataclass(frozen=True)
class Stage:
    """A named step of the pipeline.

    ``run`` is ``(config, progress, **outputs of needs) -> Output`` and ``observe`` is
    ``(config, output, **outputs of needs) -> Artifact``; without ``observe`` the output itself is
    verified. Both may be written ``"module:function"``, so that nothing heavy is imported before a
    stage has to run. One that is given itself must be what its module and name lead to, since its source
    is followed from there: no lambda, partial, inner function, or method of an instance (``entry_problem``).
    ``artifact`` names what is verified, and the pytest fixture.

    ``reads``: dotted keys of the configuration that decide the output; ``run`` and ``observe`` are given
    these and no others, and asking for another is an error. ``files``: paths, given the configuration, whose
    content decides it too; any callable will do, as what it returns is looked at each time. Both, with the
    source that ``run`` reaches, make the cache's key.

    ``main``: the stage runs in a scenario's own profile. ``replay``: ``"verify"`` runs it alone from
    the stored outputs of its ``needs`` as well and compares all of its output; ``"given"`` only
    stores its output, for the stages after it; ``"no"`` leaves it out.
    """

    name: str
    artifact: str
    run: str | Callable[..., Output]
    observe: str | Callable[..., Artifact] | None = None
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    files: Callable[[Mapping[str, Json]], Sequence[Path]] | None = None
    main: bool = True
    replay: Literal["verify", "given", "no"] = "no"
    tier: Tier = "deterministic"


@dataclass(frozen=True)
class Invariant:
    """A statement that must hold of every run, with bounds that no refresh can move.

    It holds when ``low <= value <= high``; a bound of None does not bind. ``evidence`` is for people.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    evidence: str = ""


@dataclass(frozen=True)
class Image:
    """A two-dimensional array of an artifact, shown as golden, obtained and difference."""

    artifact: str
    array: str
    label: str
    colormap: str = "gray"


@dataclass(frozen=True)
class Curve:
    """A list of numbers at a JSON path (parts joined by ``/``), drawn over the golden's."""

    artifact: str
    path: str
    label: str
    log: bool = False


@dataclass(frozen=True)
class Ladder:
    """A list of ``{"gain": name, "expected": x, "measured": y}`` at a JSON path, drawn as steps."""

    artifact: str
    path: str
    label: str


@dataclass(frozen=True)
class Pipeline:
    """Everything that the harness knows of what it guards.

    ``scenarios()`` gives names and titles. ``load(name, profile, overrides)`` resolves one, with
    overrides such as ``"train.epochs=3"``. ``replay_profile`` is the profile of the small stored run.
    ``invariants(artifacts)`` judges a finished run from its artifacts by name.
    ``reseed(config, member)`` gives the configuration of one ensemble member.
    ``libraries``: distributions whose versions decide the numbers, beside NumPy and those that the pipeline's
    own source imports, which are found without being named. ``environment``: names of environment variables
    that do, too; stages are given no others, but for those that interpreters and numeric libraries need.
    ``axes(environment)`` names what environments differ in, such as ``{"NumPy": "2.4.6"}``, from those versions
    and variables; by default each is an axis of its own.
    ``reference``: globs of values that tell what quality the data allow; ``quality``: those of the
    result that people care about; ``learned``: the stage that the quality depends on.
    ``analyze(paths)`` says what is wrong with runs that lie in folders, ``contrast(a, b)`` how two of them
    differ, ``explain(scenario, artifacts)`` what is wrong with a run from its artifacts (of which some may
    be missing): each a function or ``"module:function"``, whose answer has the form of
    ``schemas/harness/diagnosis.schema.json``.
    ``errors``: exceptions of the pipeline, by ``"module:name"``, whose message is a sentence for its user.
    ``source_roots``: packages whose source belongs to the pipeline wherever they are installed. The adapter, the
    stages' modules, and all that they import from outside the standard library and ``site-packages`` belong
    to it anyway.
    ``home``: the adapter's module, which is filled in when a project is opened. ``views``: what the report draws;
    the first picture stands for the scenario when all is well.
    """

    name: str
    stages: tuple[Stage, ...]
    scenarios: Callable[[], Mapping[str, str]]
    load: Callable[[str, str, Sequence[str]], Scenario]
    source_roots: tuple[str, ...] = ()
    replay_profile: str = "replay"
    invariants: Callable[[Mapping[str, Artifact]], Sequence[Invariant]] = lambda artifacts: ()
    reseed: Callable[[Mapping[str, Json], int], Mapping[str, Json]] | None = None
    libraries: tuple[str, ...] = ("numpy",)
    environment: tuple[str, ...] = ()
    axes: Callable[[Mapping[str, str]], Mapping[str, str]] = dict
    reference: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()
    learned: str = ""
    views: tuple[Image | Curve | Ladder, ...] = ()
    analyze: str | Callable[[Sequence[Path]], Json] | None = None
    contrast: str | Callable[[Path, Path], Json] | None = None
    errors: tuple[str, ...] = ()
    explain: str | Callable[[Scenario, Mapping[str, Artifact]], Json] | None = None
    home: str = ""

    def stage(self, name: str) -> Stage:
        """The stage called ``name``."""
        return next(stage for stage in self.stages if stage.name == name)

    def leading_to(self, name: str) -> set[str]:
        """The stage called ``name``, and every stage that it needs, directly or not."""
        return set(self._leading[name])

    @functools.cached_property
    def _leading(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for stage in self.stages:  # a stage stands after those that it needs
            found[stage.name] = {stage.name}.union(*(found[need] for need in stage.needs))
        return found


def ill_formed(pipeline: Pipeline) -> str:
    """Why the stages of ``pipeline`` cannot be run in their order, in one sentence; empty when they can."""
    earlier: dict[str, Stage] = {}
    artifacts: set[str] = set()
    for stage in pipeline.stages:
        where = f"stage {stage.name!r}"
        if stage.name in earlier:
            return f"two stages are called {stage.name!r}"
        if stage.artifact in artifacts:
            return f"two stages emit {stage.artifact!r}: give each an artifact of its own"
        if not stage.artifact.isidentifier() or iskeyword(stage.artifact):
            return f"{where} emits {stage.artifact!r}: an artifact names a fixture, and that is no name in Python"
        if stage.artifact in (*_OWN, *_PYTEST):
            whose = "the harness" if stage.artifact in _OWN else "pytest"
            return f"{where} emits {stage.artifact!r}: an artifact names a fixture, and {whose} has one of that name"
        for entry in (stage.run, stage.observe):
            if entry is not None and (problem := entry_problem(entry)):
                return f"{where}: {problem}"
        for need in stage.needs:
            if need not in earlier:
                return f"{where} needs {need!r}, which is no earlier stage"
            if stage.main and not earlier[need].main:
                return f"{where} needs {need!r}, which does not run in a scenario's own profile"
            if stage.replay != "no" and earlier[need].replay == "no":
                return f'{where} is replayed and needs {need!r}, which is not: give that one replay = "given"'
        earlier[stage.name] = stage
        artifacts.add(stage.artifact)
    return ""


def entry_name(entry: str | Callable[..., Any]) -> str:
    """``"module:function"`` of an entry, which need not be true of one that ``entry_problem`` refuses."""
    if isinstance(entry, str):
        return entry
    module, name = getattr(entry, "__module__", None), getattr(entry, "__qualname__", None)
    return f"{module}:{name}" if isinstance(module, str) and isinstance(name, str) else ""


def entry_problem(entry: str | Callable[..., Any]) -> str:
    """Why the source of an entry cannot be followed from its name, in one sentence with the remedy; else empty.

    A function, a class's static method, or whatever a decorator made of one, is fine where its module and name
    lead to that very object. What is configured when it is made is not told by any name that it has.
    """
    remedy = 'give it a name at the top of a module, and write it as "module:name"'
    if isinstance(entry, str):
        fine = re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*", entry)
        return "" if fine else f'{entry!r} names no function: write it as "module:function"'
    name = entry_name(entry)
    if not name:
        return f"the source does not tell how an instance of {type(entry).__name__} is configured: {remedy}"
    module, _, path = name.partition(":")
    try:
        found: Any = functools.reduce(getattr, path.split("."), sys.modules[module])
    except (KeyError, AttributeError):
        return f"nothing in {module} leads to {path}, so that its source cannot be followed: {remedy}"
    of_a_class = isinstance(getattr(entry, "__self__", None), type) and found == entry
    return "" if found is entry or of_a_class else f"{name} is another object than this one of that name: {remedy}"
