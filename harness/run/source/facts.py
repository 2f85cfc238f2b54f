"""Facts about files and modules that code looked up for itself, such as a library that reads its configuration.

No key foretells them: they are noted when a stage runs, kept with its result, and asked again before it counts.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
from collections.abc import Mapping
from importlib.metadata import distributions

from harness.run.source.distributions import distribution_names, library_version
from harness.run.source.places import NOWHERE, ModulePlace, place_below, place_on_path

FILE, THERE, TIME, LISTING, MODULE = "content of ", "kind of ", "time of ", "names in ", "module "
PLUGINS = "entry points of all that is installed"
"""How the names of facts begin; a path or the name of a module follows."""

ABSENT = "absent"
_OF_TOOLS = (
    *("[console_scripts]", "[gui_scripts]", "[pytest11]", "[distutils.", "[setuptools.", "[flake8.", "[pylint."),
    "[pyinstaller",
)
OR = " or "  # between values that are as good as each other


def fact(name: str) -> str:
    """What holds now, as a short text."""
    for kind, ask in _KINDS.items():
        if name.startswith(kind):
            return ask(name[len(kind) :])
    raise ValueError(f"{name!r} names no fact")


class AskedFacts:
    """Facts as they are, each asked once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, name: str) -> str:
        """What holds."""
        if name not in self._known:
            self._known[name] = fact(name)
        return self._known[name]

    def deny(self, noted: Mapping[str, str]) -> list[str]:
        """The names of those that do not hold any more."""
        return [name for name, value in noted.items() if self.of(name) not in (value, *value.split(OR))]


def _content(path: str) -> str:
    digest = hashlib.sha256()
    try:
        if os.path.isdir(path):
            return "folder"
        with open(path, "rb") as file:
            while chunk := file.read(2**20):
                digest.update(chunk)
    except OSError:
        return ABSENT
    return digest.hexdigest()


def _kind(path: str) -> str:
    return "folder" if os.path.isdir(path) else "file" if os.path.lexists(path) else ABSENT


def _time(path: str) -> str:
    """When a file, or what lies in a folder, was changed, and who may do what with it."""
    try:
        paths = [path, *(entry.path for entry in os.scandir(path))] if os.path.isdir(path) else [path]
        found = [(os.path.basename(p), (about := os.lstat(p)).st_mtime_ns, about.st_mode) for p in sorted(paths)]
    except OSError:
        return ABSENT
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _listing(folder: str) -> str:
    """The names in a folder, without what Python makes there itself."""
    try:
        names = sorted(name for name in os.listdir(folder) if name != "__pycache__" and not name.endswith(".pyc"))
    except OSError:
        return ABSENT
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def _module(name: str) -> str:
    """Who installs a module, and in which version; or whether it is there at all."""
    top = name.partition(".")[0]
    if libraries := _libraries(top):
        return libraries
    place = _place(name)
    return ABSENT if place == NOWHERE else "own" if place.own else "there"


def _place(name: str) -> ModulePlace:
    top, _, rest = name.partition(".")
    place = place_on_path(top)
    for part in rest.split(".") if rest else ():
        place = place_below(place.folders, part)
    return place


@functools.cache
def _libraries(top: str) -> str:
    """The versions of the distributions that install a top-level module; empty for what none installs."""
    if top in sys.stdlib_module_names:
        return ""
    return ", ".join(f"{name} {library_version(name)}" for name in distribution_names(top))


def _plugins(_: str) -> str:
    """What the installed distributions offer to be plugged in."""
    texts = {text for found in distributions() if (text := found.read_text("entry_points.txt"))}
    sections = {section.strip() for text in texts for section in re.split(r"^(?=\[)", text, flags=re.M)}
    offered = sorted(section for section in sections if not section.startswith(_OF_TOOLS))
    return hashlib.sha256("\n".join(offered).encode()).hexdigest()


_KINDS = {PLUGINS: _plugins, FILE: _content, THERE: _kind, TIME: _time, LISTING: _listing, MODULE: _module}
