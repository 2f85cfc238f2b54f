"""A copy of the repository for mutants to live in: the user's own files are only read."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.core.errors import ProjectError
from harness.run.source.places import HARNESS

_LEFT_OUT = {".git", "__pycache__", ".tox", ".nox", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
LARGEST_COPY = 2 * 2**30  # bytes that a copy may have


@contextmanager
def repository_copy(root: Path, state: Path, objects: Path, within: Path) -> Iterator[Path]:
    """A copy of the repository in a temporary folder, without git's own files, caches and virtual environments.

    It lies in the folder ``within``, whose owner removes what a process that was killed leaves; elsewhere where that
    is another machine's.
    ``state``: the folder that is not copied; ``objects``: that of goldens too large for git, of which the copy gets its
    own. Meanwhile this process looks modules up there, where it looked them up in the repository. Raises ProjectError
    for a repository that is too large to be copied.
    """
    size = 0

    def left_out(folder: str, names: list[str]) -> list[str]:
        nonlocal size
        out = []
        for name in names:
            path = Path(folder, name)
            if name in _LEFT_OUT or path == state or str(path) == HARNESS or (path / "pyvenv.cfg").is_file():
                out.append(name)
            elif path.is_file() and not path.is_symlink():
                size += path.stat().st_size
        if size > LARGEST_COPY:
            raise ProjectError(
                f"{root} holds more than {LARGEST_COPY // 2**30} GiB beside git's own files, and mutants need a copy: "
                "keep data elsewhere, and let the configuration name them by an absolute path"
            )
        return out

    place = within if within.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="harness-prove-", dir=place, ignore_cleanup_errors=True) as folder:
        copy = Path(os.path.realpath(folder)) / root.name
        shutil.copytree(root, copy, symlinks=True, ignore=left_out)
        for path in (p for p in copy.rglob("*") if p.is_symlink() and not p.exists()):
            target = (root / path.relative_to(copy)).resolve()  # a link that led out of the repository, relatively
            if target.exists():
                path.unlink()
                path.symlink_to(target)
        if objects.is_dir():
            shutil.copytree(objects, copy / state.relative_to(root) / "objects")
        with _looked_up_in(copy, root):
            yield copy


@contextmanager
def _looked_up_in(copy: Path, root: Path) -> Iterator[None]:
    """Modules are looked up in the copy; a harness that lies in the repository itself is found where it is."""
    path, before = [*sys.path], os.environ.get("PYTHONPATH")

    def moved(entry: str) -> str:
        real = Path(os.path.realpath(entry or os.curdir))
        return str(copy / real.relative_to(root)) if real.is_relative_to(root) and not _is_library(real) else entry

    home = str(Path(HARNESS).parent)
    own = [home] if Path(home).is_relative_to(root) else []
    sys.path[:] = dict.fromkeys([str(copy), *map(moved, path), *own])
    if before is not None:
        os.environ["PYTHONPATH"] = os.pathsep.join(map(moved, filter(None, before.split(os.pathsep))))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        if before is not None:
            os.environ["PYTHONPATH"] = before
        importlib.invalidate_caches()


def _is_library(path: Path) -> bool:
    """Whether a folder of the path is of a virtual environment within the repository."""
    return any((parent / "pyvenv.cfg").is_file() for parent in (path, *path.parents))
