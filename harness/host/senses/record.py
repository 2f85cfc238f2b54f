"""The record of one stage: what it touched, less what it declared, what it made, and what anybody may read."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from harness.host import own_modules
from harness.host.senses import audit
from harness.host.senses.allowed import (
    SYSTEM_LIBRARIES,
    AllowedPlaces,
    asks_for_itself,
    lists_for_itself,
    lists_installed,
    lists_package,
    loads_for_itself,
)
from harness.host.senses.made import Made
from harness.host.senses.origins import Caller
from harness.host.senses.variables import EVERYTHING, FOR_PEOPLE
from harness.host.traces import channel
from harness.host.traces.lookups import Lookups
from harness.run.source.facts import FILE, LISTING, PLUGINS, THERE, TIME

_COARSE_CLOCK = 5  # CLOCK_REALTIME_COARSE, which files are stamped with
_DIGEST = 64  # characters
_LONGEST = 200  # characters of a name that are shown
_FRAGMENTS = {
    "file": "the file {}",
    "absent": "the file {} (which is not there)",
    "question": "whether the file {} is there, or how it is",
    "folder": "the folder {}/ (its listing)",
    "program": "the program {}",
    "network": "the network ({})",
    "variable": "the environment variable {}",
    "fault": "something that could not be followed ({})",
}
_PATHS = ("file", "absent", "question", "folder")


class Record:
    """What was touched while it was active. Processes that are forked meanwhile write to the same record.

    Paths that its methods take are absolute and without links. ``made`` is what was made meanwhile,
    ``set_here`` the variables that were set, ``looked_up`` the ports that a host was looked up for,
    ``known`` the paths that events told of.
    """

    def __init__(
        self, allowed: AllowedPlaces, files: Collection[Path], environment: Collection[str], lookups: Lookups
    ) -> None:
        self._allowed, self._root, self._lookups = allowed, allowed.root, lookups
        self._declared = {os.path.realpath(path) for path in files}
        self._declared_names = {os.path.basename(os.fspath(path)) for path in files}
        self._environment = {*environment, *FOR_PEOPLE}
        self._found: set[tuple[str, str]] = set()
        self._process, self._faults = os.getpid(), len(audit.faults)
        self._started, self._since = _now(), channel.length()
        self._folders: dict[str, str] = {}
        self.made, self.set_here = Made(), set[str]()
        self.looked_up: set[object] = set()
        self.known: set[str] = set()

    def undeclared(self) -> list[str]:
        """What was touched without being declared: sorted fragments of a sentence, such as "the file data/a.txt"."""
        self._collect()
        found = {(k, name) for k, name in list(self._found) if k not in _PATHS or not self.made.covers(name)}
        fragments = set()
        if ("variable", EVERYTHING) in found:
            fragments.add("all environment variables")
            found = {(kind, name) for kind, name in found if kind != "variable"}
        for kind, name in found:
            if kind == "written":
                continue  # see there
            if kind == "question" and found & {("file", name), ("absent", name)}:
                continue  # it was opened later
            fragments.add(_FRAGMENTS[kind].replace("{}", _clean(self._relative(name) if kind in _PATHS else name)))
        return sorted(fragments)

    def written(self) -> list[str]:
        """What was written to or removed where the harness alone writes: sorted names, as ``undeclared`` gives them."""
        self._collect()
        return sorted(f"the file {_clean(self._relative(name))}" for kind, name in self._found if kind == "written")

    def write(self, real: str, asks: Caller) -> None:
        """A file or folder is written to, moved or removed."""
        if f"{real}/".startswith(self._allowed.kept) and not asks.innocent:
            self._add("written", real)

    def real(self, path: str) -> str:
        """``path`` without links, as the file system has it now."""
        folder, name = os.path.split(path)
        if folder and name not in ("", ".", "..") and folder[0] == "/" and not os.path.islink(path):
            if (known := self._folders.get(folder)) is None:
                known = self._folders[folder] = os.path.realpath(folder)
            return f"{known}/{name}" if known != "/" else f"/{name}"
        return os.path.realpath(path)

    def file(self, real: str, asks: Caller) -> None:
        """A file is read, or looked for."""
        real = self.made.foreign.get(real, real)
        if self._is_free(real) or self.made.covers(real) or loads_for_itself(real, asks):
            return
        if asks_for_itself(asks):
            self.look_up(FILE, real, asks)
            return
        if os.path.isdir(real):
            self.folder(real, asks)
        elif not os.path.lexists(real):
            # Else it was removed or moved meanwhile, or Python looks for the source of generated code.
            if ("file", real) not in self._found and not os.path.basename(real).startswith("<"):
                self._add("absent", real)
        elif not self._made_unseen(real):
            self._add("file", real)

    def question(self, real: str) -> None:
        """Whether a file is there, or how it is; a declared one may be looked for in several places."""
        if os.path.basename(real) in self._declared_names and not os.path.lexists(real):
            return
        real = self.made.foreign.get(real, real)
        known = {("file", real), ("absent", real)} & self._found
        if not (known or self._is_free(real) or self.made.covers(real) or os.path.isdir(real)):
            self._add("question", real)

    def folder(self, real: str, asks: Caller) -> None:
        """The names in a folder are read."""
        if self._is_free(real) or self.made.covers(real) or lists_for_itself(asks):
            return
        if asks_for_itself(asks) or lists_package(real, asks):
            self.look_up(LISTING, real, asks)
        else:
            self._add("folder", real)

    def look_up(self, kind: str, real: str, asks: Caller) -> None:
        """A library, or Python itself, looks something up for itself: it must be so when the result is taken again."""
        if self._is_free(real) or self.made.covers(real) or loads_for_itself(real, asks) or lists_for_itself(asks):
            return
        if not (kind == LISTING and lists_installed(asks)) and (kind != THERE or not os.path.isdir(real)):
            self._note(kind, self.made.foreign.get(real, real))

    def times(self, real: str) -> None:
        """When a declared file was changed is asked for; its content alone is in the key."""
        if not self.made.covers(real) and not self._allowed.has(real) and not self._made_unseen(real):
            self._note(TIME, real)

    def plugins(self) -> None:
        """What installed distributions offer is looked through."""
        self._note(PLUGINS, "")

    def _note(self, kind: str, real: str) -> None:
        if self._lookups.note(kind, real):
            self.known.add(real)  # by this process, but not by who is followed
            if os.getpid() != self._process:
                channel.send("fact", f"{kind}{real}\n{self._lookups.facts[kind + real]}")

    def library(self, real: str, asks: Caller) -> None:
        """A compiled library is loaded."""
        if not real.startswith(SYSTEM_LIBRARIES) and not asks.by_third:
            self.file(real, asks)

    def program(self, path: str, note: str = "") -> None:
        """A program is run; it reads what it likes."""
        if os.path.realpath(path) not in self._declared and not self.made.covers(os.path.realpath(path)):
            self._add("program", f"{path} ({note})" if note else path)

    def network(self, where: str) -> None:
        """Something is asked of another process, on this machine or elsewhere."""
        if not where.startswith("/") or not (self._is_free(where) or self.made.covers(os.path.realpath(where))):
            self._add("network", where)

    def knows_variable(self, name: str) -> bool:
        """Whether a variable is declared, or was set here."""
        return name != EVERYTHING and (name in self._environment or name in self.set_here)

    def variable(self, name: str) -> None:
        """A variable is asked for."""
        self._add("variable", name)

    def of_another(self) -> None:
        """The record is another process's, which knows what is declared."""
        self._process = 0

    def tell_made(self, real: str) -> None:
        """Tell the process that the record belongs to what a forked one made."""
        if os.getpid() != self._process and self.made.covers(real):
            channel.send("made", real)

    def tell_loaded(self, path: str, digest: str) -> None:
        """Tell the process that the record belongs to what a forked one loaded."""
        if os.getpid() != self._process:
            channel.send("loaded", digest + path)

    def take_in(self, opened: Collection[str], made: Collection[str], lost: bool) -> None:
        """Take in what the kernel tells was opened and made; of what no event told, compiled code is the reader."""
        self.made.files.update(path for path in made if path not in self.made.foreign and not os.path.isdir(path))
        self.made.folders.update(path for path in made if path not in self.made.foreign and os.path.isdir(path))
        for path in set(opened) - self.known - own_modules.loaded().keys():
            name = os.path.basename(path)
            if name.endswith(".pyc") or name.startswith("sem."):
                continue
            if not (self._is_free(path) or self.made.covers(path)) and os.path.lexists(path):
                self._add("folder" if os.path.isdir(path) else "file", path)
        if lost:
            self._add("fault", "files that were opened")

    def close(self) -> None:
        """Take in what forked processes found until now; what comes later belongs to no record."""
        for fault in audit.faults[self._faults :]:
            self._add("fault", fault)
        with audit.unheard():
            self._lookups.settle(self.made)
        self._collect()

    def _add(self, kind: str, name: str) -> None:
        if (kind, name) not in self._found:
            self._found.add((kind, name))
            if os.getpid() != self._process:
                channel.send(kind, name)

    def tell_module(self, name: str) -> None:
        """Tell the process that the record belongs to what a forked one looked for."""
        if os.getpid() != self._process:
            channel.send("module", name)

    def _collect(self) -> None:
        if os.getpid() != self._process:
            return
        if not channel.is_open():  # all files were closed
            self._add("fault", "forked processes")
            return
        for kind, name in channel.lines_since(self._since):
            if kind == "loaded":
                own_modules.take(name[_DIGEST:], name[:_DIGEST])
            elif kind == "module":
                self._lookups.find_spec(name, None)
            elif kind == "fact":
                self._lookups.facts.setdefault(*name.split("\n"))
            elif kind == "made":
                (self.made.folders if os.path.isdir(name) else self.made.files).add(name)
            elif not (kind == "variable" and self.knows_variable(name)) and not self._is_known(kind, name):
                self._found.add((kind, name))

    def _is_known(self, kind: str, name: str) -> bool:
        """Whether what another process found is declared here."""
        if kind == "program":
            return os.path.realpath(name) in self._declared
        absent = kind == "question" and os.path.basename(name) in self._declared_names and not os.path.lexists(name)
        return absent or (kind in _PATHS and self._is_free(name))

    def _is_free(self, real: str) -> bool:
        """Whether a place is declared, by itself or with its folder, or may be read by everybody."""
        if self._allowed.has(real):
            return True
        if not self._declared:
            return False
        while real not in self._declared:
            real, below = os.path.dirname(real), real
            if real == below:
                return False
        return True

    def _made_unseen(self, real: str) -> bool:
        """Whether a temporary file appeared since the start without an event: a compiled library wrote it."""
        if real in self.made.foreign or f"{real}/".startswith(f"{self._root}/"):
            return False
        return _is_temporary(real) and _changed(real) > self._started

    def _relative(self, path: str) -> str:
        below = f"{path}/".startswith(f"{self._root}/")
        return os.path.relpath(path, self._root) if below else path


def _clean(text: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def _is_temporary(real: str) -> bool:
    folders = {"/tmp", "/var/tmp", "/dev/shm", os.path.realpath(tempfile.gettempdir())}
    return any(f"{real}/".startswith(f"{folder}/") for folder in folders)


def _changed(path: str) -> float:
    try:
        return os.lstat(path).st_ctime
    except OSError:
        return 0.0


def _now() -> float:
    return time.clock_gettime(_COARSE_CLOCK) if os.uname().sysname == "Linux" else time.time()
