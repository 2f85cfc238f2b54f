"""Fixtures for tests from the outside: the tutorial's repository with its goldens accepted."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import prepared
import pytest
from checked_repository import bare_repository, make_accepted
from heat_repository import FORGOTTEN, Heat, Repository, new_repository, play
from inner_pytest import Pytest


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests on an accepted repository as slow: to make one takes half a minute, whichever asks first."""
    for item in items:
        if "ready" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """The folder of prepared commands; None where the system cannot fork them."""
    if not hasattr(os, "pidfd_open"):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ready-") as folder:  # a socket's path has to be short
        environment = new_repository(tmp_path_factory.mktemp("like-the-others")).environment
        yield from prepared.ready(Path(folder), environment)


@pytest.fixture(scope="session")
def accepted(ready: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The tutorial's repository with its first goldens accepted and committed. Copy it, do not change it."""
    repository = new_repository(tmp_path_factory.mktemp("accepted"), ready)
    made = prepared.once(tmp_path_factory, "accepted-heat", repository, lambda new: play(new, until="Break it"))
    return Repository(made.root, repository.environment)


@pytest.fixture
def quiet(accepted: Repository, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """This process with the environment of the repository's user."""
    for name in FORGOTTEN:
        monkeypatch.delenv(name, raising=False)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.setenv(name, accepted.environment[name])
    return monkeypatch


@pytest.fixture(autouse=True)
def paths() -> Iterator[None]:
    """Where modules are looked for is as it was: to open a project adds its folders, as a command's own process may."""
    before = sys.path[:]
    yield
    sys.path[:] = before


@pytest.fixture
def heat(accepted: Repository, tmp_path: Path, quiet: pytest.MonkeyPatch) -> Iterator[Heat]:
    """A copy of the accepted repository; its cache is filled."""
    quiet.chdir(tmp_path)
    heat = Heat(accepted.copy(tmp_path / "heat"), quiet)
    quiet.chdir(heat.root)
    quiet.syspath_prepend(str(heat.root))
    heat.forget()  # this repository has a guard of its own
    yield heat
    heat.forget()


@pytest.fixture
def inner(accepted: Repository, tmp_path: Path) -> Pytest:
    """Pytest in a copy of the accepted repository."""
    return Pytest(accepted.copy(tmp_path / "heat"))


@pytest.fixture(scope="session")
def accepted_checks(ready: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository whose tests check values, with its goldens accepted and committed. Copy it, do not change it."""
    repository = bare_repository(tmp_path_factory.mktemp("checks"), ready)
    make_accepted(repository)
    return repository


@pytest.fixture
def checked(accepted_checks: Repository, tmp_path: Path) -> Repository:
    """A copy of that repository."""
    return accepted_checks.copy(tmp_path / "checked")
