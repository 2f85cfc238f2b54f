"""Locks between processes: whoever holds one has locked its file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock


def file_lock(path: Path) -> FileLock:
    """The lock of the file at ``path``, whose folder is there when this returns."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


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
