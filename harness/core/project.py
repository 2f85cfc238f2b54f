"""The ``[tool.harness]`` table: which pipeline a repository guards, and where its goldens are."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError, ProjectError
from harness.core.protocol import Pipeline, Scenario, Stage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RESERVED = ("configuration", "invariants", "ensemble", "scenario", "golden", "replay")
KEYS = {"adapter", "goldens", "schemas", "state", "profile", "cache_bytes", "allowed_signers", "alpha", "values"}


@dataclass(frozen=True)
class Project:
    """A guarded repository.

    ``goldens`` and ``schemas`` are under version control; ``state`` (cache, pending candidates, last
    report) is not. ``alpha``: how often a whole healthy suite may raise a false alarm, shared by
    ``values`` statistical values. ``allowed_signers``: approvals must carry a signature of one of
    these, if given.
    """

    root: Path
    adapter: str
    goldens: Path
    schemas: Path
    state: Path
    profile: str
    cache_bytes: int
    alpha: float
    values: int
    allowed_signers: Path | None = None

    @cached_property
    def pipeline(self) -> Pipeline:
        """The adapter's pipeline; raises ProjectError when it cannot be imported."""
        module, _, attribute = self.adapter.partition(":")
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))
        try:
            found = getattr(importlib.import_module(module), attribute or "pipeline")
        except (ImportError, AttributeError) as error:
            raise ProjectError(
                f"{self.root / 'pyproject.toml'}: adapter = {self.adapter!r} cannot be imported ({error}): "
                'write it as "module:attribute"'
            ) from error
        if not isinstance(found, Pipeline):
            raise ProjectError(f"adapter {self.adapter!r} is a {type(found).__name__}, not a harness.Pipeline")
        if problem := ill_formed(found):
            raise ProjectError(f"adapter {self.adapter!r}: {problem}")
        return found

    def scenario(self, name: str, profile: str, overrides: Sequence[str] = ()) -> Scenario:
        """A resolved scenario; raises ProjectError for one that there is not, or that the adapter cannot load."""
        known = self.pipeline.scenarios()
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ProjectError(f"unknown scenario {name!r}; {hint}there are: {', '.join(sorted(known))}")
        try:
            return self.pipeline.load(name, profile, overrides)
        except HarnessError:
            raise
        except Exception as error:  # the adapter is a stranger's code
            changed = f" with {', '.join(overrides)}" if overrides else ""
            said = f"{type(error).__name__}: {error}"
            raise ProjectError(f"the adapter cannot load {name} at profile {profile!r}{changed} ({said})") from error


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
        if not stage.artifact.isidentifier() or stage.artifact in RESERVED:
            return f"{where} emits {stage.artifact!r}: an artifact names a fixture, and {', '.join(RESERVED)} are taken"
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


def in_ci() -> bool:
    """Whether this is a CI run, where goldens and candidates are never written."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def find_project(start: Path | None = None) -> Project:
    """The project whose ``pyproject.toml`` has a ``[tool.harness]`` table, in or above ``start``."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (path := folder / "pyproject.toml").is_file():
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("harness")
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise ProjectError(f"{path} is not valid TOML: {error}") from error
            if table is not None:
                return read_table(folder, table)
    raise ProjectError(
        f"no pyproject.toml with a [tool.harness] table in or above {start}: "
        'add one with adapter = "your_module:pipeline"'
    )


def read_table(root: Path, table: Mapping[str, Any]) -> Project:
    """The project that a ``[tool.harness]`` table describes; raises ProjectError for an unknown key."""
    where = root / "pyproject.toml"
    for key in set(table) - KEYS:
        near = difflib.get_close_matches(key, KEYS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it may hold: {', '.join(sorted(KEYS))}"
        raise ProjectError(f"{where}: [tool.harness] has an unknown key {key!r}; {hint}")
    if not isinstance(table.get("adapter"), str):
        raise ProjectError(f'{where}: [tool.harness] needs adapter = "your_module:pipeline"')
    numbers = {"cache_bytes": int, "alpha": float, "values": int}
    for key, kind in {**dict.fromkeys(KEYS, str), **numbers}.items():
        if key in table and not isinstance(table[key], kind):
            raise ProjectError(f"{where}: [tool.harness] {key} = {table[key]!r} is not of type {kind.__name__}")
    signers = table.get("allowed_signers")
    return Project(
        root=root,
        adapter=table["adapter"],
        goldens=root / table.get("goldens", "goldens"),
        schemas=root / table.get("schemas", "schemas"),
        state=root / table.get("state", ".harness"),
        profile=table.get("profile", "cpu"),
        cache_bytes=table.get("cache_bytes", 4 * 2**30),
        alpha=table.get("alpha", 0.01),
        values=table.get("values", 100),
        allowed_signers=root / signers if signers else None,
    )
