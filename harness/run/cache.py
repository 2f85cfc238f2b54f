"""The cache keeps results of stages on the disk, each whole or absent, by the digest of all that decided it.

An item is a folder of files (see ``items``). It is written beside its place and renamed into it, so that a
writer that is killed leaves a folder that nobody reads, and that ``clean`` removes. What is damaged,
evicted or too large counts as absent: a cache may cost time, never a result. What comes out of it cannot be changed
in place, be it from the disk or, where it could not be kept, from memory.
"""

from __future__ import annotations

import contextlib
import copy
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.core.errors import GoldenError, HarnessError
from harness.core.files import LARGEST_JSON, leads_out, read_plain, sha256, sync_folder
from harness.core.protocol import Artifact, Json, Output
from harness.core.trees import join_tree, plain_json
from harness.run.items import (
    ARTIFACT_PART,
    INDEX_FILE,
    OUTPUT_PART,
    Files,
    Index,
    SplitOutput,
    artifact_from,
    dump_item,
    kept_in_memory,
    output_from,
    parse_index,
    read_only,
)
from harness.run.locks import acquire, delete, file_lock, new_place, own_place, unless_taken

_Part = TypeVar("_Part")
_KEY = re.compile(r"[0-9a-f]{32,128}")
LOCK_PATIENCE_S = 3600.0  # that a lock is waited for, unless somebody knows how long a stage may take
LOCK_SECONDS = 24 * 3600  # a lock that nobody took for so long is removed


class AbsentError(HarnessError):
    """An item that was there and is not: evicted, or damaged and removed. It has to be computed again."""


@dataclass(frozen=True)
class Item:
    """A stage's result. ``artifact`` and ``output`` read it; they raise AbsentError when it is no longer there."""

    key: str
    about: Mapping[str, Json]
    artifact: Callable[[], Artifact]
    output: Callable[[], Output]


class Cache:
    """The items in ``folder``, which processes may share; beyond ``limit_bytes`` the least recently used go.

    ``repaired`` has a line for every damaged item that was removed, ``unkept`` one for every result that could not be
    stored, ``warnings`` one for what else to know. Raises ValueError for a key that is not a hexadecimal digest.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes
        self.repaired, self.unkept, self.warnings = list[str](), list[str](), list[str]()
        self.spares = False
        self._items, self._writing, self._locks = folder / "items", folder / "writing", folder / "locks"

    def get(self, key: str) -> Item | None:
        """The item, or None where there is no whole one; only its index is read, and it counts as just used."""
        place = self._place(key)
        content = b""
        try:
            content = read_plain(place / INDEX_FILE, self.folder, LARGEST_JSON)
            index = parse_index(content)
            for name, (size, _) in index.files.items():
                if (place / name).stat().st_size != size:
                    raise GoldenError(f"{name} has another size")
        except (GoldenError, OSError) as error:
            self._discard(key, content, error)
            return None
        with contextlib.suppress(OSError):  # it may only be read, or was evicted just now
            os.utime(place / INDEX_FILE)
        return Item(
            key,
            index.about,
            lambda: self._read(key, content, index, ARTIFACT_PART, artifact_from),
            lambda: self._read(key, content, index, OUTPUT_PART, output_from),
        )

    def put(self, key: str, output: SplitOutput, artifact: Artifact, about: Mapping[str, Json]) -> Item:
        """Store a result, its output as ``split_tree`` gives it, unless there is one already; give the item.

        What cannot be stored (too large, the disk is full) is noted in ``unkept``, and the item holds
        it in memory.
        """
        place = self._place(key)
        plain_about, files = dict(plain_json(about)), Files()
        try:
            self._write(place, files := dump_item(output, artifact, plain_about, self.limit_bytes))
        except (HarnessError, OSError, TypeError, ValueError) as error:
            whose = f" of stage {plain_about['stage']}" if "stage" in plain_about else ""
            self.unkept.append(f"the result {key[:12]}{whose} is not kept in {self.folder}: {error}")
        item = self.get(key)
        self._keep_within(key, files)
        if item:
            return item
        (values, arrays), seen = kept_in_memory(output, artifact)
        return Item(
            key,
            plain_about,
            lambda: Artifact(copy.deepcopy(seen.values), read_only(seen.arrays)),
            lambda: join_tree(values, read_only(arrays)),
        )

    def forget(self, key: str) -> None:
        """Remove an item that does not count any more; raises HarnessError where it stays."""
        if self.get(key) is not None and not self._remove(self._place(key)) and self.get(key) is not None:
            raise HarnessError(
                f"the cached result {key[:12]} counts no longer and cannot be removed from {self.folder}: "
                "make the folder writable, or run with --no-cache"
            )

    def share(self, key: str) -> None:
        """Let other machines have an item that was computed here, where the cache is shared."""

    @contextlib.contextmanager
    def sparing(self) -> Iterator[None]:
        """Evict nothing meanwhile (``spares``): for what needs more results at once than the cache may have."""
        self.spares, before = True, self.spares
        try:
            yield
        finally:
            self.spares = before

    @contextlib.contextmanager
    def lock(
        self, key: str, limit_s: float = LOCK_PATIENCE_S, waiting: Callable[[str], None] | None = None
    ) -> Iterator[None]:
        """Only one process at a time is within the lock of a key; the others wait. It cannot be nested.

        ``waiting`` hears after a few seconds for which file; after ``limit_s`` it is a HarnessError that names it.
        """
        self._place(key)
        try:
            lock = file_lock(self._locks / f"{key}.lock")
            acquire(lock, limit_s, waiting)
            with contextlib.suppress(OSError):
                os.utime(lock.lock_file)  # so that it counts as used
        except OSError as error:
            raise HarnessError(
                f"cannot lock the cache in {self.folder} ({error.strerror or error}): "
                "make the folder writable, or run with --no-cache"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def clean(self) -> None:
        """Remove what killed writers left and forgotten locks, and evict until the rest is within the limit."""
        try:
            with unless_taken(self.folder / "clean.lock") as mine:
                if mine:  # else another process is cleaning
                    self._clean()
        except OSError as error:
            raise HarnessError(
                f"cannot clean the cache in {self.folder} ({error.strerror or error}): make the folder writable"
            ) from error

    def _keep_within(self, key: str, files: Files) -> None:
        """Clean beyond the limit. All items are looked at once in a 64th of it: the key, as good as a die, says when.

        So what an item costs does not grow with their number, whatever processes write them.
        """
        due = int(key[:8], 16) * self.limit_bytes < sum(map(len, files.values())) << 38
        if due and not self.spares and self.size() > self.limit_bytes:
            with contextlib.suppress(HarnessError):
                self.clean()

    def _clean(self) -> None:
        for name in {path.name.removesuffix(".lock") for path in _list(self._writing)}:
            with contextlib.suppress(HarnessError), unless_taken(self._writing / f"{name}.lock") as abandoned:
                if abandoned:
                    delete(self._writing / name)
        for path in _list(self._locks):
            if _used(path) < time.time() - LOCK_SECONDS:
                with contextlib.suppress(HarnessError), unless_taken(path):
                    pass  # which removes it
        weights = {place: _weight(place) for place in self._all()}
        total = sum(weights.values())
        for place in sorted(weights, key=lambda place: _used(place / INDEX_FILE)):
            if total > self.limit_bytes and self._remove(place):
                total -= weights[place]

    def size(self) -> int:
        """How many bytes all items and leftovers have."""
        return sum(map(_weight, (*self._all(), *_list(self._writing))))

    def _all(self) -> list[Path]:
        return [place for part in _list(self._items) for place in _list(part)]

    def _place(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a digest")
        return self._items / key[:2] / key

    def _write(self, place: Path, files: Files) -> None:
        """Put the files into place together, unless a whole item is there."""
        with own_place(self._writing, place.name[:12]) as folder:
            try:
                folder.mkdir()
                for name, content in files.items():
                    with (folder / name).open("wb") as file:
                        file.write(content)
                        file.flush()
                        os.fsync(file.fileno())
                sync_folder(folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                if leads_out(place.parent, self.folder):
                    raise GoldenError(f"{place.parent} is a link that leads out of it")
                if self.get(place.name):  # a damaged one makes way
                    return
                try:
                    os.rename(folder, place)
                except OSError:
                    if not place.is_dir():  # else another process was quicker
                        raise
                sync_folder(place.parent)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _read(self, key: str, content: bytes, index: Index, part: str, parse: Callable[[Files], _Part]) -> _Part:
        """One part of the item whose index is ``content``; a damaged item is removed, and AbsentError raised."""
        files = {}
        try:
            for name, (_, digest) in index.files.items():
                if name.startswith(f"{part}."):
                    files[name.removeprefix(part)] = read_plain(self._place(key) / name, self.folder)
                    if sha256(files[name.removeprefix(part)]) != digest:
                        raise GoldenError(f"{name} is not what was written")
            return parse(files)
        except (HarnessError, OSError, KeyError) as error:
            self._discard(key, content, error)
            raise AbsentError(
                f"the cached result {key[:12]} was evicted or damaged while it was in use: run again, it is recomputed"
            ) from error

    def _discard(self, key: str, content: bytes, why: Exception) -> None:
        """Remove a damaged item, if it is there and its index is still ``content`` (empty: unreadable)."""
        place, now = self._place(key), b""
        if not place.is_dir():
            return  # it never was, or it was evicted
        with contextlib.suppress(GoldenError):
            now = read_plain(place / INDEX_FILE, self.folder, LARGEST_JSON)
        if now == content:
            done = "removed" if self._remove(place) else "cannot be removed"
            self.repaired.append(f"the cached result {key[:12]} was damaged and is {done} ({place}): {why}")

    def _remove(self, place: Path) -> bool:
        """Take an item away in one step, then delete it; nothing is taken from behind a link."""
        try:
            if leads_out(place.parent, self.folder):
                return False
            self._writing.mkdir(parents=True, exist_ok=True)
            rubbish = place.rename(new_place(self._writing, place.name[:12]))
        except OSError:
            return False
        delete(rubbish)
        return True


def _list(folder: Path) -> list[Path]:
    """What is in a folder; nothing where it is none, or a link: what lies behind it is not the cache's."""
    try:
        return [] if folder.is_symlink() else list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _weight(place: Path) -> int:
    """How many bytes an item, or a file, has."""
    total = 0
    for path in _list(place) or [place]:
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total
