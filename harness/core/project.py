"""The ``[tool.harness]`` table says which pipeline a repository guards, and where its goldens are."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.core.adapters.asking import check_name, import_pipeline
from harness.core.errors import NoProjectError, ProjectError
from harness.core.protocol import Pipeline, Scenario
from harness.core.settings.addresses import url_problem

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FOLDERS = {"goldens": "goldens", "schemas": "schemas", "state": ".harness"}
_TEXTS = ("adapter", "goldens", "schemas", "state", "profile", "allowed_signers", "cache", "cache_signers", "remote")
_NUMBERS = {
    "cache_bytes": int,
    "alpha": float,
    "values": int,
    "workers": int,
    "stage_seconds": float,
    "large_bytes": int,
    "remote_seconds": float,
}
_KEYS = {*_TEXTS, *_NUMBERS, "longest"}
_NO_TABLE, _ADAPTER = "no pyproject.toml with a [tool.harness] table", 'adapter = "your_module:pipeline"'


@dataclass(frozen=True)
class Project:
    """A repository whose pipeline the harness guards.

    ``adapter`` is empty where it has no pipeline, so that its goldens are of tests alone. ``declared``: it has a table.
    ``goldens`` and ``schemas`` are under version control; ``state`` (cache, pending candidates, last
    report) is not. ``alpha``: how often a whole healthy suite may raise a false alarm, shared by as many statistical
    values as are judged, and by ``values`` at least: a reserve for scenarios to come. ``allowed_signers``: approvals
    must carry a signature of one of these, if given. ``stage_seconds``: how long a stage may take before it is ended.
    ``workers``: how many processes compute side by side unless a command is told otherwise; they begin with the
    ``longest`` scenarios. ``cache`` is the address of a cache that is shared, of which nothing counts but what
    ``cache_signers`` signed; ``remote`` that of what is larger than ``large_bytes`` among the goldens.
    ``remote_seconds``: how long either may take to answer.
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
    stage_seconds: float = 7200.0
    declared: bool = True
    cache: str = ""
    cache_signers: Path | None = None
    remote: str = ""
    large_bytes: int = 10_000_000
    remote_seconds: float = 20.0
    workers: int = 1
    longest: tuple[str, ...] = ()

    @property
    def log(self) -> Path:
        """The file that gets whatever the stages print."""
        return self.state / "stages.log"

    @property
    def lacks_adapter(self) -> str:
        """The sentence that says what to write where a project has no adapter and something asks for its pipeline."""
        where = self.root / "pyproject.toml"
        if self.declared:
            return f"{where}: [tool.harness] needs {_ADAPTER}"
        return f"{_NO_TABLE} in or above {self.root}: add one with {_ADAPTER}"

    def problems(self) -> list[str]:
        """What is wrong with the pipeline's code as such, one sentence each; nothing is known where it runs here."""
        return []

    @cached_property
    def pipeline(self) -> Pipeline:
        """The adapter's pipeline; raises ProjectError when it cannot be imported, or cannot be run.

        Without an adapter it has neither stages nor scenarios.
        """
        if not self.adapter:
            return without_adapter(self.root)
        # First, wherever it stood: another checkout on the path, or an installed one, is not what is verified.
        sys.path[:] = [str(self.root), *(entry for entry in sys.path if entry != str(self.root))]
        return import_pipeline(self.adapter, self.root / "pyproject.toml")

    @cached_property
    def _known(self) -> set[str]:
        """What the adapter listed: to list all before each is loaded would take longer than to load it."""
        return set()

    def scenario(self, name: str, profile: str, overrides: Sequence[str] = ()) -> Scenario:
        """A resolved scenario; raises ProjectError where none has that name, or the adapter cannot load it."""
        if not self.adapter:
            raise ProjectError(f"there is no scenario {name!r}: {self.lacks_adapter}")
        if name not in self._known:
            self._known.update(self.pipeline.scenarios())
        if name not in (known := self._known):
            near = difflib.get_close_matches(name, known, n=1)
            near += sorted(self.modules_called(name)) if not near else []
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ProjectError(f"unknown scenario {name!r}; {hint}there are: {', '.join(sorted(known))}")
        return self.pipeline.load(name, profile, overrides)

    def modules_called(self, name: str) -> set[str]:
        """The modules of tests with goldens whose name ends as ``name`` does, such as ``tests.test_a`` for that."""
        from harness.core.ids import CHECK

        last = name.removesuffix(".py").replace("/", ".")
        held = (path.parent.name for path in self.goldens.glob(f"*/{CHECK}"))
        return {module for module in held if module == last or module.endswith(f".{last}")}


def in_ci() -> bool:
    """Whether this is a CI run, where goldens and candidates are never written."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def without_adapter(root: Path) -> Pipeline:
    """The pipeline of a project that has none: no stage, no scenario, and the folder's name."""
    return Pipeline(root.name, (), dict, dict, invariants=tuple)  # type: ignore[arg-type]  # nothing calls these


def find_project(start: Path | None = None) -> Project:
    """The project whose ``pyproject.toml`` has a ``[tool.harness]`` table, in or above ``start``.

    Without one it is git's top level, whose tests can have goldens; raises NoProjectError outside of git as well.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (path := folder / "pyproject.toml").is_file():
            try:
                tool = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
            except OSError as error:
                raise ProjectError(f"{path} cannot be read: {error.strerror or error}") from error
            except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, an integer of thousands of digits
                raise ProjectError(f"{path} is not valid TOML: {error}") from error
            if isinstance(tool, Mapping) and (table := tool.get("harness")) is not None:
                return read_table(folder, table)
    if top := next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None):
        return replace(read_table(top, {}), declared=False)
    raise NoProjectError(
        f"{_NO_TABLE} in or above {start}: add one with {_ADAPTER}, or run `git init` if it is tests that have goldens"
    )


def read_table(root: Path, table: Mapping[str, Any]) -> Project:
    """The project that a ``[tool.harness]`` table describes; raises ProjectError for an unknown key."""
    where = root / "pyproject.toml"
    if not isinstance(table, Mapping):
        raise ProjectError(f'{where}: tool.harness is no table: write [tool.harness] and, below it, adapter = "..."')
    for key in set(table) - _KEYS:
        near = difflib.get_close_matches(key, _KEYS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it may hold: {', '.join(sorted(_KEYS))}"
        raise ProjectError(f"{where}: [tool.harness] has an unknown key {key!r}; {hint}")
    for key, kind in {**dict.fromkeys(_TEXTS, str), **_NUMBERS}.items():
        if key in table and not isinstance(table[key], (int, float) if kind is float else kind):
            raise ProjectError(f"{where}: [tool.harness] {key} = {table[key]!r} is not of type {kind.__name__}")
    longest = table.get("longest", [])
    if not isinstance(longest, list) or not all(isinstance(name, str) for name in longest):
        raise ProjectError(f'{where}: [tool.harness] longest = {longest!r}: give a list of scenarios, such as ["big"]')
    _check_values(where, table)
    signers, cache_signers = table.get("allowed_signers"), table.get("cache_signers")
    return Project(
        root=root,
        adapter=table.get("adapter", ""),
        goldens=root / table.get("goldens", "goldens"),
        schemas=root / table.get("schemas", "schemas"),
        state=root / table.get("state", ".harness"),
        profile=table.get("profile", "cpu"),
        cache_bytes=table.get("cache_bytes", 4 * 2**30),
        alpha=table.get("alpha", 0.01),
        values=table.get("values", 1),
        allowed_signers=root / signers if signers else None,
        stage_seconds=float(table.get("stage_seconds", 7200.0)),
        cache=table.get("cache", ""),
        cache_signers=root / cache_signers if cache_signers else None,
        remote=table.get("remote", ""),
        large_bytes=table.get("large_bytes", 10_000_000),
        remote_seconds=float(table.get("remote_seconds", 20.0)),
        workers=table.get("workers", 1),
        longest=tuple(table.get("longest", ())),
    )


def _check_values(where: Path, table: Mapping[str, Any]) -> None:
    """Raise ProjectError for a value that is of the right type and makes no sense."""
    low: dict[str, float] = {"cache_bytes": 0, "values": 1, "large_bytes": 1, "workers": 1}
    for key, least in low.items():
        if isinstance(table.get(key), bool) or table.get(key, least) < least:
            raise ProjectError(f"{where}: [tool.harness] {key} = {table[key]}: give a number of at least {least:g}")
    if not 0 < table.get("alpha", 0.01) < 1:
        raise ProjectError(f"{where}: [tool.harness] alpha = {table['alpha']}: give a number between 0 and 1")
    for key in ("stage_seconds", "remote_seconds"):
        if not table.get(key, 1.0) > 0:
            raise ProjectError(f"{where}: [tool.harness] {key} = {table[key]}: give a number above 0")
    for key in ("cache", "remote"):
        if key in table and (problem := url_problem(table[key])):
            raise ProjectError(f"{where}: [tool.harness] {key} = {table[key]!a:.80} {problem}")
    if "cache" in table and not table.get("cache_signers"):
        raise ProjectError(
            f"{where}: [tool.harness] cache needs cache_signers, a file of the SSH keys whose results count: "
            "whatever else lies there is never used"
        )
    for key in ("adapter", "goldens", "schemas", "state"):
        if (words := table.get(key)) is not None and (not words.strip() or not words.isprintable()):
            raise ProjectError(f"{where}: [tool.harness] {key} = {words!a:.80} is empty or not printable: name one")
    root = Path(os.path.normpath(where.parent))  # as they are written: any of them may be a link
    folders = {key: Path(os.path.normpath(root / table.get(key, default))) for key, default in _FOLDERS.items()}
    for key, folder in folders.items():
        if not folder.is_relative_to(root):
            raise ProjectError(
                f"{where}: [tool.harness] {key} = {table.get(key)!r} lies outside of the project: name a folder"
            )
        if inside := next((o for o, other in folders.items() if o != key and folder.is_relative_to(other)), ""):
            raise ProjectError(f"{where}: [tool.harness] {key} lies in {inside}: give each a folder of its own")
        if folder == root:
            raise ProjectError(f"{where}: [tool.harness] {key} is the project's own folder: name one below it")
    check_name(table.get("profile", "cpu"), "the profile of [tool.harness]")
