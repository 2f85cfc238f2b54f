"""The examinations behind the fixtures: each scenario has one in a session, and all workers share a cache."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.core.project import Project
    from harness.run.cache import Cache
    from harness.verify.examination import Examination

FRESH_CACHE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()  # with --harness-no-cache: gone when pytest is
OPENED_CACHES = pytest.StashKey["list[Cache]"]()


def project_examinations(config: pytest.Config, project: Project) -> Callable[[str], Examination]:
    """A function from a scenario's name to its examination, which is opened when it is first asked for."""
    from harness.judge.schema import Schemas
    from harness.run.runner import Runner
    from harness.verify.examination import Examination

    runner, schemas = Runner(project.pipeline, _cache(config, project)), Schemas(project.schemas)
    profile = config.getoption("harness_profile") or project.profile
    opened: dict[str, Examination] = {}

    def examination(name: str) -> Examination:
        if name not in opened:
            opened[name] = Examination(project, runner, name, profile, schemas=schemas)
        return opened[name]

    return examination


def _cache(config: pytest.Config, project: Project) -> Cache:
    from harness.run.shared.cache import project_cache

    own = config.stash.get(FRESH_CACHE, None)
    shared = getattr(config, "workerinput", {}).get("harness_cache") or (own.name if own else "")
    cache = project_cache(project, Path(shared) if shared else None)
    config.stash.setdefault(OPENED_CACHES, []).append(cache)
    return cache


def cache_warnings(config: pytest.Config) -> list[str]:
    """What a shared cache gave this process to say: what it refused, or that it could not be reached."""
    return list(dict.fromkeys(note for cache in config.stash.get(OPENED_CACHES, []) for note in cache.warnings))


def skip_if_missing(examination: Examination) -> None:
    """Skip the test where its scenario cannot run, and fail it in CI."""
    from harness.core.project import in_ci
    from harness.core.text import line

    if missing := line(examination.scenario.missing):
        if in_ci():
            sentence = f"{examination.scenario.name} cannot run here, and in CI every golden is compared: {missing}"
            pytest.fail(sentence, pytrace=False)
        pytest.skip(f"{examination.scenario.name}: {missing}")
