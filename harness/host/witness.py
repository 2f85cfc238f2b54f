"""What a stage touches without declaring it: files, folders, variables, programs and the network.

An audit hook sees what Python opens, lists, runs and connects to. Where no event tells, functions do: those of
``os.environ``, those that ask whether a file is there, and those of compiled libraries that open files themselves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.host import own_modules
from harness.host.senses import audit, openers, programs, questions, variables
from harness.host.senses.allowed import AllowedPlaces, looks_for_plugins
from harness.host.senses.origins import Caller, Origin, caller
from harness.host.senses.record import Record
from harness.host.traces import channel, workers
from harness.host.traces.kernel import SHARED_MEMORY, KernelEvents
from harness.host.traces.lookups import Lookups
from harness.run.source.facts import FILE, LISTING, THERE

# A nameless file, and what is opened relative to a folder that was opened before.
_NAMELESS = getattr(os, "O_TMPFILE", 1 << 30)
_RELATIVE = ("shutil._rmtree", "os._fwalk", "os.fwalk")

_active: list[Record] = []
_installed = False


class Witness:
    """A witness of what a process touches below and beside the repository at ``root``.

    ``state``: the harness's own folder. ``kept``: where the harness alone writes. ``kernel``: whether to ask the
    kernel, too. ``lookups``: what is not held against a stage, but must be as it was when its result is taken again.
    """

    def __init__(
        self,
        root: Path | None = None,
        state: Path | None = None,
        kept: Sequence[Path] = (),
        kernel: bool = True,
    ) -> None:
        places = [os.path.realpath(place) for place in kept]
        self._allowed = AllowedPlaces(os.path.realpath(root or Path.cwd()), places)
        self.lookups = Lookups()
        folders = (self._allowed.root, SHARED_MEMORY) if kernel else ()
        self._kernel = KernelEvents(folders, () if state is None else (os.path.realpath(state),))

    def install(self) -> None:
        """Listen, from now on and for as long as the process lives; the first call of the process counts."""
        global _installed
        if _installed:
            return
        _installed = True
        for event, listener in {**_FILES, **programs.LISTENERS}.items():
            audit.listen(event, _when_watching(listener))
        programs.listen_to_processes(_when_watching(programs.on_spawn), self._followed)
        questions.listen_to_questions(_when_watching(_on_question))
        openers.listen_to_openers(_when_watching(_on_opener))
        variables.listen_to_environment(_when_watching(_on_asked), _when_watching(_on_set))
        own_modules.follow(_on_loaded)
        sys.meta_path.insert(0, self.lookups)
        self.lookups.follow(_on_searched)
        os.register_at_fork(before=_before_fork)

    def _followed(self, arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """How a worker is started so that it can be followed; None for other programs, and while nobody watches."""
        return workers.followed(arguments, self._allowed.root) if _active else None

    def serve(self) -> None:
        """Record, from now on, for the process that started this one."""
        record = Record(self._allowed, (), (), self.lookups)
        record.of_another()
        _active.append(record)

    @contextmanager
    def watching(self, files: Collection[Path], environment: Collection[str]) -> Iterator[Record]:
        """A context in which everything that is touched is recorded.

        ``files`` are declared: a folder stands for all that lies in it, a program may be run. ``environment`` are
        the variables that may be asked for.
        """
        record = Record(self._allowed, files, environment, self.lookups)
        self._kernel.start()
        _active.append(record)
        try:
            yield record
        finally:
            _active.remove(record)
            record.take_in(*self._kernel.taken())
            record.close()


def _before_fork() -> None:
    if _active:
        channel.descriptor()


def _on_searched(name: str) -> None:
    for record in _active[-1:]:
        record.tell_module(name)


def _on_loaded(path: str, digest: str) -> None:
    for record in _active[-1:]:
        record.tell_loaded(path, digest)


def _when_watching(listener: Any) -> audit.Listener:
    def listening(arguments: tuple[Any, ...]) -> None:
        for record in _active[-1:]:
            listener(record, arguments)

    return listening


def _on_open(record: Record, arguments: tuple[Any, ...]) -> None:
    named, flags = _path_of(arguments[0]), arguments[2]
    if named is None or not isinstance(flags, int) or flags & _NAMELESS == _NAMELESS:
        return
    asks = caller()
    record.known.add(real := record.real(named))
    if asks.innocent and flags & os.O_ACCMODE == os.O_RDONLY:
        if asks.importing:
            record.look_up(FILE, real, asks)
        return
    if asks.through and asks.through[0].startswith(_RELATIVE):
        return
    _opened(record, real, flags, asks)


def _on_opener(record: Record, arguments: tuple[Any, ...]) -> None:
    path, flags = arguments
    record.known.add(real := record.real(path))
    _opened(record, real, flags, caller())


def _opened(record: Record, real: str, flags: int, asks: Caller) -> None:
    if flags & os.O_ACCMODE != os.O_RDONLY:
        record.write(real, asks)
    if not record.made.opened(real, flags):
        record.tell_made(real)
    elif not asks.innocent:
        record.file(real, asks)


def _on_list(record: Record, arguments: tuple[Any, ...]) -> None:
    path = arguments[0]
    named = f"/proc/self/fd/{path}" if isinstance(path, int) else "." if path is None else _path_of(path)
    if named is None:
        return
    asks = caller()
    record.known.add(real := record.real(named))
    if looks_for_plugins(asks):
        record.plugins()
    if asks.importing:
        record.look_up(LISTING, real, asks)
    elif not asks.innocent:
        record.folder(real, asks)


def _on_scan(record: Record, arguments: tuple[Any, ...]) -> None:
    """As a listing, but its entries know when they were changed."""
    _on_list(record, arguments)
    asks, named = caller(), _path_of(arguments[0] or ".")
    if named is not None and not asks.through and not asks.by_third and not asks.innocent:
        record.times(record.real(named))


def _on_make_folder(record: Record, arguments: tuple[Any, ...]) -> None:
    named = _path_of(arguments[0])
    if named is not None:
        real = record.real(named)
        record.made.made_folder(real)
        record.tell_made(real)


def _on_move(record: Record, arguments: tuple[Any, ...]) -> None:
    """A file that gets another name, or one more: what others made must not pass for the stage's own."""
    source, target = _path_of(arguments[0]), _path_of(arguments[1])
    if source is None or target is None:
        return
    asks = caller()
    old, new = _name(record, source), _name(record, target)
    record.write(old, asks)
    record.write(new, asks)
    if not record.made.moved(old, new):
        record.tell_made(new)
    elif not asks.innocent:
        record.file(old, asks)


def _on_change(record: Record, arguments: tuple[Any, ...]) -> None:
    """A file that is cut or removed, or a link that is made: the last argument but for numbers is its name."""
    named = next((name for name in map(_path_of, reversed(arguments)) if name is not None), None)
    if named is not None:
        record.write(_name(record, named), caller())


def _name(record: Record, path: str) -> str:
    """A path without links but for the last, which is the name that is moved."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(record.real(folder), name)


def _on_database(record: Record, arguments: tuple[Any, ...]) -> None:
    named = _path_of(arguments[0])
    if not named or named.startswith((":memory:", "file::memory:")) or "mode=memory" in named:
        return
    if named.startswith("file:"):
        from urllib.parse import unquote

        named = unquote(named.removeprefix("file://").removeprefix("file:").partition("?")[0])
    record.known.add(real := record.real(named))
    _opened(record, real, os.O_RDWR | os.O_CREAT, caller())
    if record.made.covers(real):
        record.made.files.update(real + suffix for suffix in ("-journal", "-wal", "-shm"))


def _on_library(record: Record, arguments: tuple[Any, ...]) -> None:
    """A compiled library that own code loads by its place; one by its bare name is the system's."""
    named = _path_of(arguments[0])
    asks = caller()
    if named is not None and os.sep in named and not asks.innocent:
        record.library(record.real(named), asks)


def _on_question(record: Record, arguments: tuple[Any, ...]) -> None:
    path = arguments[0]
    named = f"/proc/self/fd/{path}" if isinstance(path, int) else _path_of(path)
    if named is None:
        return
    asks = caller()
    if looks_for_plugins(asks):
        record.plugins()
    if questions.is_own_question(asks):
        real = _name(record, named)
        record.question(real)
        if questions.is_about_time(asks):
            record.times(real)
    elif asks.origin is not Origin.HARNESS and (asks.by_third or questions.is_for_itself(asks)):
        record.look_up(THERE, record.real(named), asks)


def _on_asked(record: Record, arguments: tuple[Any, ...]) -> None:
    (name,) = arguments
    if not record.knows_variable(name) and variables.is_own_request(caller()):
        record.variable(name)


def _on_set(record: Record, arguments: tuple[Any, ...]) -> None:
    record.set_here.update(arguments)


def _path_of(path: Any) -> str | None:
    """A path as text; None for a number, which was opened elsewhere."""
    try:
        return None if isinstance(path, int) else str.__str__(os.fsdecode(path))  # and no subclass
    except TypeError:
        return None


_FILES = {
    "open": _on_open,
    "os.listdir": _on_list,
    "os.scandir": _on_scan,
    "os.mkdir": _on_make_folder,
    "os.getxattr": _on_question,
    "os.listxattr": _on_question,
    "os.rename": _on_move,
    "os.link": _on_move,
    "os.remove": _on_change,
    "os.truncate": _on_change,
    "os.symlink": _on_change,
    "sqlite3.connect": _on_database,
    "ctypes.dlopen": _on_library,
}
