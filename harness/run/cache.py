"""Results of stages on the disk, each whole or absent, by the digest of everything that decided them.

An item is a folder: what the stage returned, the artifact that is verified, and an index with ``about``
and the size and SHA-256 of every file. It is written beside its place and renamed into it, so that a
writer that is killed leaves a folder that nobody reads, and that ``clean`` removes. What is damaged,
evicted or too large counts as absent: a cache may cost time, never a result.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from numpy.typing import NDArray

from harness.core.artifacts import LARGEST_ARRAYS, array_name, dump_arrays, dump_artifact, parse_arrays, parse_artifact
from harness.core.errors import GoldenError, HarnessError
from harness.core.files import dump_json, parse_json, sha256, sync_folder
from harness.core.protocol import Artifact, Json, Output
from harness.core.trees import join_tree, plain_json

if TYPE_CHECKING:
    from filelock import FileLock

T = TypeVar("T")
Split = tuple[Json, Mapping[str, NDArray[Any]]]
Files = dict[str, bytes]  # by name, or by suffix where they are of one part

INDEX, OUTPUT, ARTIFACT = "index", "output", "artifact"
NAMES = {f"{part}{suffix}" for part in (OUTPUT, ARTIFACT) for suffix in (".json", ".npz")}
KEY = re.compile(r"[0-9a-f]{32,128}")
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


class Index(NamedTuple):
    """What an item says of itself: ``files`` gives each file's size and SHA-256 by its name."""

    about: dict[str, Json]
    files: dict[str, tuple[int, str]]


class Cache:
    """Items in ``folder``, which processes may share; beyond ``limit_bytes`` the least recently used go.

    ``repaired`` has a line for every damaged item that was removed, ``unkept`` one for every result
    that could not be stored. Raises ValueError for a key that is not a hexadecimal digest.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes
        self.repaired: list[str] = []
        self.unkept: list[str] = []
        self._items, self._writing, self._locks = folder / "items", folder / "writing", folder / "locks"

    def get(self, key: str) -> Item | None:
        """The item, or None; only its index is read, and it counts as just used."""
        place = self._place(key)
        content = b""
        try:
            content = (place / INDEX).read_bytes()
            index = parse_index(content)
            for name, (size, _) in index.files.items():
                if (place / name).stat().st_size != size:
                    raise GoldenError(f"{name} has another size")
        except (GoldenError, OSError) as error:
            self._discard(key, content, error)
            return None
        with contextlib.suppress(OSError):  # it may only be read, or was evicted just now
            os.utime(place / INDEX)
        return Item(
            key,
            index.about,
            lambda: self._read(key, content, index, ARTIFACT, to_artifact),
            lambda: self._read(key, content, index, OUTPUT, to_output),
        )

    def put(self, key: str, output: Split, artifact: Artifact, about: Mapping[str, Json]) -> Item:
        """Store a result, its output as ``records.split`` gives it, unless there is one already; give the item.

        What cannot be stored (too large, the disk is full) is noted in ``unkept``, and the item holds
        it in memory.
        """
        place, (values, arrays) = self._place(key), output
        told = dict(plain_json(about))
        try:
            self._write(place, dump_item(output, artifact, told, self.limit_bytes))
        except (HarnessError, OSError, TypeError, ValueError) as error:
            self.unkept.append(f"the result {key[:12]} is not kept in {self.folder}: {error}")
        item = self.get(key)
        if self.size() > self.limit_bytes:
            with contextlib.suppress(HarnessError):
                self.clean()
        return item or Item(key, told, lambda: artifact, lambda: join_tree(values, arrays))

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Only one process at a time is within the lock of a key; the others wait. It cannot be nested."""
        self._place(key)
        try:
            lock = _file_lock(self._locks / f"{key}.lock")
            lock.acquire()
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
            with _unless_taken(self.folder / "clean.lock") as mine:
                if mine:  # else another process is cleaning
                    self._clean()
        except OSError as error:
            raise HarnessError(
                f"cannot clean the cache in {self.folder} ({error.strerror or error}): make the folder writable"
            ) from error

    def _clean(self) -> None:
        for name in {path.name.removesuffix(".lock") for path in _list(self._writing)}:
            with _unless_taken(self._writing / f"{name}.lock") as abandoned:
                if abandoned:
                    shutil.rmtree(self._writing / name, ignore_errors=True)
        for path in _list(self._locks):
            if _used(path) < time.time() - LOCK_SECONDS:
                with _unless_taken(path):
                    pass  # which removes it
        weights = {place: _weight(place) for place in self._all()}
        total = sum(weights.values())
        for place in sorted(weights, key=lambda place: _used(place / INDEX)):
            if total > self.limit_bytes and self._remove(place):
                total -= weights[place]

    def size(self) -> int:
        """The bytes of all items and leftovers."""
        return sum(map(_weight, (*self._all(), *_list(self._writing))))

    def _all(self) -> list[Path]:
        return [place for part in _list(self._items) for place in _list(part)]

    def _place(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a digest")
        return self._items / key[:2] / key

    def _write(self, place: Path, files: Files) -> None:
        """Put the files into place together, unless a whole item is there."""
        folder = self._writing / f"{place.name[:12]}-{uuid.uuid4().hex}"
        with _unless_taken(self._writing / f"{folder.name}.lock"):
            try:
                folder.mkdir()
                for name, content in files.items():
                    with (folder / name).open("wb") as file:
                        file.write(content)
                        file.flush()
                        os.fsync(file.fileno())
                sync_folder(folder)
                place.parent.mkdir(parents=True, exist_ok=True)
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

    def _read(self, key: str, content: bytes, index: Index, part: str, make: Callable[[Files], T]) -> T:
        """One part of an item whose index is ``content``; AbsentError, and no item any more, where it is damaged."""
        files = {}
        try:
            for name, (_, digest) in index.files.items():
                if name.startswith(f"{part}."):
                    files[name.removeprefix(part)] = (self._place(key) / name).read_bytes()
                    if sha256(files[name.removeprefix(part)]) != digest:
                        raise GoldenError(f"{name} is not what was written")
            return make(files)
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
        with contextlib.suppress(OSError):
            now = (place / INDEX).read_bytes()
        if now == content:
            done = "removed" if self._remove(place) else "cannot be removed"
            self.repaired.append(f"the cached result {key[:12]} was damaged and is {done} ({place}): {why}")

    def _remove(self, place: Path) -> bool:
        """Take an item away in one step, then delete it."""
        try:
            self._writing.mkdir(parents=True, exist_ok=True)
            rubbish = place.rename(self._writing / f"{place.name[:12]}-{uuid.uuid4().hex}")
        except OSError:
            return False
        shutil.rmtree(rubbish, ignore_errors=True)
        return True


def dump_item(output: Split, artifact: Artifact, about: Json, limit_bytes: int) -> Files:
    """The files of an item; raises HarnessError, TypeError or ValueError for what could not be read back.

    The order of an output's keys is kept: a stage may depend on it.
    """
    values, arrays = output
    text = json.dumps(values, allow_nan=False, ensure_ascii=False).encode()
    for name in (*arrays, *artifact.arrays):
        array_name(f"{name}.npy")
    if (size := sum(array.nbytes for array in arrays.values())) > min(LARGEST_ARRAYS, limit_bytes):
        raise GoldenError(f"its arrays of {size} bytes are too large")
    files = {f"{OUTPUT}.json": text}
    if arrays:
        files[f"{OUTPUT}.npz"] = dump_arrays(arrays, compress=False)
    files |= {f"{ARTIFACT}{suffix}": content for suffix, content in dump_artifact(artifact, "").items()}
    for name in files:
        if name.endswith(".json"):
            parse_json(files[name], name)
    listed = {name: [len(content), sha256(content)] for name, content in files.items()}
    index = dump_json({"version": 1, "about": about, "files": listed})
    files[INDEX] = sha256(index).encode() + b"\n" + index
    if (size := sum(map(len, files.values()))) > limit_bytes:
        raise GoldenError(f"its {size} bytes are more than the whole cache may have")
    return files


def parse_index(content: bytes) -> Index:
    """The index; raises GoldenError unless it is as it was written."""
    digest, _, text = content.partition(b"\n")
    if sha256(text).encode() != digest:
        raise GoldenError(f"{INDEX} is not what was written")
    value = parse_json(text, INDEX)
    try:
        files = {name: (int(size), str(sha256)) for name, (size, sha256) in value["files"].items()}
        if value["version"] != 1 or not set(files) <= NAMES:
            raise ValueError(value["version"])
        return Index(dict(value["about"]), files)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GoldenError(f"{INDEX} is of another version") from error


def to_artifact(files: Files) -> Artifact:
    """The artifact of its files by suffix."""
    return parse_artifact(files, ARTIFACT)[0]


def to_output(files: Files) -> Output:
    """The output of its files by suffix."""
    arrays = parse_arrays(files[".npz"], f"{OUTPUT}.npz") if ".npz" in files else {}
    return join_tree(parse_json(files[".json"], f"{OUTPUT}.json"), arrays)


def _file_lock(path: Path) -> FileLock:
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


@contextlib.contextmanager
def _unless_taken(path: Path) -> Iterator[bool]:
    """Whether nobody holds the lock at ``path``; if so it is held meanwhile, and its file removed."""
    from filelock import Timeout

    lock = _file_lock(path)
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


def _list(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _weight(place: Path) -> int:
    """The bytes of an item, or of a file."""
    total = 0
    for path in _list(place) or [place]:
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total
