"""Files that this process opens by whatever means, C, C++ or Rust, as the kernel tells (Linux's ``fanotify``).

It tells of the folders of the repository, and of memory that is shared under a name. Where it does not (another
system, an older kernel, a container that forbids it), only what Python's own events tell is known.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from harness.host.senses import audit
from harness.run.source.places import INSTALLED_FOLDER

SHARED_MEMORY = "/dev/shm"

_PAUSE_S = 0.02  # in which fewer files are opened than the 16,384 events that the kernel keeps
_MOST = 4096  # folders that are watched, the upper ones first
_SKIPPED = frozenset((".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__"))
_CLOEXEC_NONBLOCK, _NAMES = 0x3, 0xC00  # FAN_CLOEXEC, FAN_NONBLOCK, FAN_REPORT_DFID_NAME
_ADD, _OPEN, _CREATE, _FOLDERS, _CHILDREN, _OVERFLOW = 0x1, 0x20, 0x100, 0x40000000, 0x08000000, 0x4000
_HERE = -100  # AT_FDCWD
_HEAD = struct.Struct("=IBBHQii")
_HANDLE_BYTES = 128


class KernelEvents:
    """What this process opened and created in ``folders`` and below since ``start``; none of ``without`` is watched."""

    def __init__(self, folders: Iterable[str], without: Iterable[str] = ()) -> None:
        self._folders: dict[bytes, str] = {}
        self._lock = threading.Lock()
        self._opened: set[str] = set()
        self._made: set[str] = set()
        self._process, self._lost, self._number = os.getpid(), False, -1
        with suppress(OSError, AttributeError), audit.unheard():
            if sys.platform == "linux" and (folders := tuple(folders)):
                self._watch(folders, frozenset(without))

    @property
    def tells(self) -> bool:
        """Whether the kernel tells anything here."""
        return self._number >= 0

    def start(self) -> None:
        """Forget what was until now."""
        self.taken()

    def taken(self) -> tuple[set[str], set[str], bool]:
        """The paths that were opened and those that were created since the last call; whether some were lost."""
        if os.getpid() != self._process:
            return set(), set(), False  # of a fork, whose parent may hold the lock
        with self._lock:
            self._read()
            taken = self._opened, self._made, self._lost
            self._opened, self._made, self._lost = set(), set(), False
        return taken

    def _watch(self, folders: Iterable[str], without: frozenset[str]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]
        number = libc.fanotify_init(_CLOEXEC_NONBLOCK | _NAMES, os.O_RDONLY)
        if number < 0:
            return
        for folder in _below(folders, without):
            path = os.fsencode(folder)
            if libc.fanotify_mark(number, _ADD, _OPEN | _CREATE | _FOLDERS | _CHILDREN, _HERE, path) == 0:
                self._folders[_handle(libc, path)] = folder
        self._number = number
        threading.Thread(target=self._follow, name="kernel events", daemon=True).start()

    def _follow(self) -> None:
        """Read what comes, so that the kernel's queue never fills up."""
        poll = select.poll()
        poll.register(self._number, select.POLLIN)
        while True:
            poll.poll()
            with self._lock:
                self._read()
            time.sleep(_PAUSE_S)  # who opens many files, here or elsewhere, would wake this thread for each of them

    def _read(self) -> None:
        if not self.tells or os.getpid() != self._process:
            return
        with suppress(BlockingIOError):
            while content := os.read(self._number, 1 << 16):
                self._take(content)

    def _take(self, content: bytes) -> None:
        at = 0
        while at < len(content):
            length, _, _, head, mask, _, process = _HEAD.unpack_from(content, at)
            self._lost |= bool(mask & _OVERFLOW)
            if process == self._process and not mask & _OVERFLOW:
                path = self._path(content[at + head : at + length])
                if path:
                    (self._made if mask & _CREATE else self._opened).add(path)
            at += length

    def _path(self, record: bytes) -> str:
        """The path that a record names: a handle of the folder, and a name in it."""
        (size,) = struct.unpack_from("=H", record, 2)
        handle_bytes = struct.unpack_from("=I", record, 12)[0]
        handle, name = record[12 : 20 + handle_bytes], record[20 + handle_bytes : size].partition(b"\0")[0]
        folder = self._folders.get(handle)
        return "" if folder is None else folder if name == b"." else os.path.join(folder, os.fsdecode(name))


def _below(folders: Iterable[str], without: frozenset[str]) -> Iterator[str]:
    """Folders and all below them, without links, breadth first."""
    todo = [folder for folder in folders if os.path.isdir(folder)]
    for folder in todo:
        yield folder
        if len(todo) > _MOST:
            continue
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                left_out = entry.name in _SKIPPED or entry.path in without or INSTALLED_FOLDER.search(f"{entry.path}/")
                if entry.is_dir(follow_symlinks=False) and not left_out:
                    todo.append(entry.path)


def _handle(libc: ctypes.CDLL, path: bytes) -> bytes:
    """The kernel's handle of a folder, as its events have it."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", _HANDLE_BYTES, 0), 8 + _HANDLE_BYTES)
    mount = ctypes.c_int()
    if libc.name_to_handle_at(_HERE, path, handle, ctypes.byref(mount), 0) != 0:
        return path  # which no event has
    (size,) = struct.unpack_from("=I", handle.raw)
    return handle.raw[: 8 + size]
