"""The adapter's functions, asked with care: what they raise is a ProjectError, and what they give is what it should be.

``asked_with_care`` is where a pipeline enters the harness; nothing behind it has to know that an adapter is a
stranger's code.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.core import text
from harness.core.adapters.configuration import plain_configuration
from harness.core.adapters.faults import own_line, sentence_of
from harness.core.adapters.invariants import invariants_problem
from harness.core.errors import HarnessError, ProjectError
from harness.core.ids import NAME
from harness.core.protocol import Invariant, Json, Pipeline, Scenario, Stage, ill_formed


def _told(words: object) -> str:
    return text.clipped(str(words), text.LONGEST_MESSAGE)


@contextmanager
def stranger(what: str) -> Iterator[None]:
    """Whatever is raised within becomes a ProjectError that begins with ``what``; the harness's own errors stay."""
    try:
        yield
    except HarnessError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ProjectError(f"{what} ({sentence_of(error)})") from error


def import_pipeline(adapter: str, where: Path) -> Pipeline:
    """The pipeline that ``"module:attribute"`` names; raises ProjectError where it cannot be imported, or cannot run.

    ``where``: the ``pyproject.toml`` that names it.
    """
    module, _, attribute = adapter.partition(":")
    shown = text.clipped(repr(adapter))
    try:
        imported = importlib.import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        misnamed = isinstance(error, ImportError | ValueError | TypeError) and own_line(error.__traceback__) is None
        remedy = 'write it as "module:attribute"' if misnamed else "mend it first"
        cause = text.clipped(str(error)) if misnamed else sentence_of(error)
        raise ProjectError(f"{where}: adapter = {shown} cannot be imported ({cause}): {remedy}") from error
    pipeline = getattr(imported, attribute or "pipeline", None)
    if pipeline is None:
        lacking = f"module {module!r} has no attribute {attribute or 'pipeline'!r}"
        raise ProjectError(f'{where}: adapter = {shown} cannot be imported ({lacking}): write it as "module:attribute"')
    if not isinstance(pipeline, Pipeline):
        raise ProjectError(f"adapter {shown} is a {type(pipeline).__name__}, not a harness.Pipeline")
    with stranger(f"adapter {shown} declares what cannot be read"):
        if problem := ill_formed(pipeline):
            raise ProjectError(f"adapter {shown}: {problem}")
        check_name(pipeline.replay_profile, "the replay's profile")
    return asked_with_care(dataclasses.replace(pipeline, home=module))


def asked_with_care(pipeline: Pipeline) -> Pipeline:
    """``pipeline`` with functions that raise ProjectError alone, but for its stages, whose failures are verdicts."""
    return dataclasses.replace(
        pipeline,
        stages=tuple(dataclasses.replace(s, files=_careful_files(s)) if s.files else s for s in pipeline.stages),
        scenarios=_careful_scenarios(pipeline.scenarios),
        load=_careful_load(pipeline.load),
        invariants=_careful_invariants(pipeline.invariants),
        reseed=_careful_reseed(pipeline.reseed) if pipeline.reseed else None,
    )


def check_name(name: Any, what: str) -> str:
    """``name`` itself; raises ProjectError where it cannot be a part of a golden's id."""
    if not isinstance(name, str) or not NAME.fullmatch(name) or ".." in name:
        shown = text.clipped(ascii(name), 80)
        raise ProjectError(
            f"{shown} cannot name {what}: goldens are filed under it, so it has at most 200 letters, digits, "
            "'_', '-' and '.', and no '..'"
        )
    return name


def _careful_scenarios(scenarios: Callable[[], Mapping[str, str]]) -> Callable[[], dict[str, str]]:
    @functools.wraps(scenarios)
    def careful() -> dict[str, str]:
        with stranger("the adapter cannot list its scenarios"):
            titles = scenarios()
            if not isinstance(titles, Mapping):
                raise ProjectError(f"the adapter's scenarios gave a {type(titles).__name__}, not names with titles")
            return {check_name(name, "a scenario"): _told(title) for name, title in titles.items()}

    return careful


def _careful_load(load: Callable[[str, str, Sequence[str]], Scenario]) -> Callable[[str, str, Sequence[str]], Scenario]:
    @functools.wraps(load)
    def careful(name: str, profile: str, overrides: Sequence[str]) -> Scenario:
        check_name(profile, "a profile")
        changed = f" with {', '.join(overrides)}" if overrides else ""
        with stranger(f"the adapter cannot load {name} at profile {profile!r}{changed}"):
            loaded = load(name, profile, overrides)
            if not isinstance(loaded, Scenario):
                raise ProjectError(f"the adapter's load of {name} gave a {type(loaded).__name__}, not a Scenario")
            if (loaded.name, loaded.profile) != (name, profile):
                given = text.clipped(f"{loaded.name!r} at profile {loaded.profile!r}")
                raise ProjectError(f"the adapter was asked to load {name} at profile {profile!r}, and gave {given}")
            config = plain_configuration(loaded.config, f"scenario {name} at profile {profile!r}")
            return dataclasses.replace(
                loaded, title=_told(loaded.title or ""), missing=_told(loaded.missing or ""), config=config
            )

    return careful


def _careful_invariants(invariants: Callable[..., Sequence[Invariant]]) -> Callable[..., list[Invariant]]:
    @functools.wraps(invariants)
    def careful(artifacts: Any) -> list[Invariant]:
        with stranger("the adapter cannot judge its invariants"):
            asked = list(invariants(artifacts))
            if problem := invariants_problem(asked):
                raise ProjectError(problem)
            return [dataclasses.replace(each, evidence=_told(each.evidence)) for each in asked]

    return careful


def _careful_reseed(reseed: Callable[[Mapping[str, Json], int], Any]) -> Callable[[Mapping[str, Json], int], Any]:
    @functools.wraps(reseed)
    def careful(config: Mapping[str, Json], member: int) -> dict[str, Json]:
        with stranger(f"the adapter cannot reseed member {member}"):
            return plain_configuration(reseed(config, member), f"member {member} of the ensemble")

    return careful


def _careful_files(stage: Stage) -> Callable[[Mapping[str, Json]], list[Path]]:
    files = stage.files
    assert files is not None

    @functools.wraps(files)
    def careful(config: Mapping[str, Json]) -> list[Path]:
        with stranger(f"stage {stage.name} cannot say which files it reads"):
            given: Any = files(config)
            if isinstance(given, str | bytes):
                raise TypeError(f"files gave {text.clipped(ascii(given), 80)}, not a list of paths")
            return [Path(path) for path in given]

    return careful
