"""Locks between processes: whoever holds one has locked its file."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.files import check_writable

if TYPE_CHECKING:
    from filelock import FileLock

SAY_AFTER_S = 3.0  # of waiting


def file_lock(path: Path) -> FileLock:
    """The lock of the file at ``path``, whose folder is there when this returns."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    check_writable(path)
    return FileLock(path)


def acquire(lock: FileLock, limit_s: float, waiting: Callable[[str], None] | None = None) -> None:
    """Take a lock; ``waiting`` hears of it after a few seconds. Raises HarnessError after ``limit_s``."""
    from filelock import Timeout

    soon = min(SAY_AFTER_S, limit_s)
    try:
        lock.acquire(timeout=soon)
        return
    except Timeout:
        if waiting:
            waiting(f"waits for another process, which holds {lock.lock_file}")
    try:
        lock.acquire(timeout=max(limit_s - soon, 0))
    except Timeout as error:
        raise HarnessError(
            f"another process has held {lock.lock_file} for {limit_s:.0f} s: wait for it, or end it; "
            "if there is none, remove that file"
        ) from error


@contextlib.contextmanager
def unless_taken(path: Path) -> Iterator[bool]:
    """Whether nobody holds the lock at ``path``; if so it is held within the context, and its file is removed then."""
    from filelock import Timeout

    lock = file_lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):  # as Windows does while it is open
            path.unlink()
        lock.release()


def delete(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, as far as that can be done."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def new_place(folder: Path, begin: str) -> Path:
    """A place in ``folder`` that nobody else has."""
    return folder / f"{begin}-{uuid.uuid4().hex}"


@contextlib.contextmanager
def own_place(folder: Path, begin: str) -> Iterator[Path]:
    """A new place in ``folder`` whose lock (its name and ``.lock``) is held, and not merely asked for.

    Whoever cleans the folder may just have taken the new lock for a forgotten one: then it is another place.
    """
    while True:
        place = new_place(folder, begin)
        with unless_taken(place.with_name(f"{place.name}.lock")) as mine:
            if mine:
                yield place
                return
