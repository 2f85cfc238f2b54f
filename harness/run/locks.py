"""Locks between processes: whoever holds one has locked its file."""

from __future__ import annotations

import contextlib
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
