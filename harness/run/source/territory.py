"""The territory of a pipeline: the source that is its own, each file as it was when it was first read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.errors import ProjectError
from harness.core.files import sha256
from harness.run.source.modules import Module
from harness.run.source.places import NOWHERE, ModulePlace, place_below, place_on_path, source_files

# Imports are looked for in text, which costs a fiftieth of parsing it: too many do no harm.
_IMPORT = re.compile(r"(?:^|[;:])[ \t]*import[ \t]+([\w., \t]+)", re.M)
_FROM = re.compile(r"(?:^|[;:])[ \t]*from[ \t]+(\w+)[\w.]*[ \t]+import\b", re.M)
_IN_TEXT = re.compile(
    r"""(?:import_module|__import__|run_module|resolve_name)\(\s*(?:\w+\s*=\s*)?\w?["'](\w+)|["']([^\W\d]\w*)(?:\.\w+)*:[^\W\d]"""
)
_MOVES = re.compile(
    rb"\b(sys\.path|__path__|addsitedir|meta_path|path_hooks|extend_path)\b|from\s+sys\s+import[^\n]*\bpath\b"
)


class Territory:
    """The modules that count: those under ``roots``, and every own one (``places.is_own``) that is asked for.

    A file is read once, so that whatever is said of it is said of the same bytes. ``starts``: modules that are
    imported in any case, such as the adapter.
    """

    def __init__(self, roots: Sequence[str], starts: Sequence[str] = ()) -> None:
        self.roots, self.starts = tuple(dict.fromkeys(roots)), tuple(dict.fromkeys(starts))
        self._contents: dict[str, bytes] = {}
        self._digests: dict[str, str] = {}
        self._modules: dict[str, Module | None] = {}
        self._places: dict[str, ModulePlace] = {}
        self._tops: dict[str, bool] = {}
        self.moves = False  # whether its source may change where modules are looked up
        self._closed: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        for root in self.roots:
            if self.place(root) == NOWHERE:
                raise ProjectError(f"the source of {root!r} cannot be found: check the adapter's source_roots")
        self._close()

    def counts(self, name: str) -> bool:
        """Whether a module, which need not be there, belongs to the territory."""
        top = name.partition(".")[0]
        if top not in self._tops:
            # Ours is never theirs: not even where the checkout of another version of it is guarded.
            self._tops[top] = top != "harness" and self.place(top).own
        return self._tops[top] or any(name == root or name.startswith(f"{root}.") for root in self.roots)

    @property
    def own(self) -> tuple[str, ...]:
        """The roots, and every own top-level module that they and the starts lead to, by whatever import."""
        return self._close()[0]

    @property
    def foreign(self) -> tuple[str, ...]:
        """The other top-level modules that the territory imports."""
        return self._close()[1]

    def _close(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self._closed is None:
            own: dict[str, None] = {}
            foreign: set[str] = set()
            todo = [*self.roots, *(start.partition(".")[0] for start in self.starts)]
            for name in todo:
                if name in own:
                    continue
                own[name] = None
                for path in source_files(self.place(name)):
                    found = _imported(self.content(path)) if path.suffix == ".py" else set()
                    self.moves |= bool(_MOVES.search(self.content(path)))
                    todo += (new := {n for n in found - own.keys() - foreign if self.counts(n)})
                    foreign |= found - new - own.keys()
            self._closed = tuple(own), tuple(sorted(foreign))
        return self._closed

    def files(self) -> Iterator[Path]:
        """Every file of source."""
        seen = set()
        for name in self.own:
            for path in source_files(self.place(name)):
                if path not in seen:
                    yield path
                seen.add(path)

    def content(self, path: str | Path) -> bytes:
        """The bytes of a file when it was first read."""
        real = os.path.realpath(path)
        if real not in self._contents:
            try:
                self._contents[real] = Path(real).read_bytes()
            except OSError as error:
                raise ProjectError(f"the source {path} cannot be read: {error.strerror or error}") from error
        return self._contents[real]

    def digest_of(self, path: str | Path) -> str:
        """The SHA-256 of the bytes of a file when it was first read."""
        real = os.path.realpath(path)
        if real not in self._digests:
            self._digests[real] = sha256(self.content(real))
        return self._digests[real]

    def covers(self, path: str | Path) -> bool:
        """Whether a file belongs to the territory, or was read."""
        real = os.path.realpath(path)
        if real in self._contents:
            return True
        places = [self.place(name) for name in self.own]
        if any(real.startswith(os.path.realpath(folder) + os.sep) for place in places for folder in place.folders):
            return True
        return any(place.file and real == os.path.realpath(place.file) for place in places)

    def named(self, text: str, beside: Path) -> list[Path]:
        """The files whose path ends in ``text``, a pattern perhaps: of the territory, or else in folders around."""
        ending = text.lstrip("./")
        found = [path for path in self.files() if path.match(ending)] if ending else []
        around = {beside.parent, *(f.parent for name in self.own for f in self.place(name).folders)}
        return found or sorted(path for folder in around if (path := folder / text).is_file())

    def name_of(self, path: Path) -> str:
        """The name of the module that a file is; one is made up for a file that is none."""
        for name in self.own:
            place = self.place(name)
            if path == place.file and not place.folders:
                return name
            for folder in place.folders:
                if path.is_relative_to(folder):
                    parts = path.relative_to(folder).with_suffix("").parts
                    return ".".join((name, *parts)).removesuffix(".__init__")
        made_up = f"file {path.parent.name}/{path.stem}".replace(".", "-")
        self._places[made_up], self._tops[made_up] = ModulePlace(path), True
        return made_up

    def module(self, name: str) -> Module | None:
        """A module's source; None where there is no such module, or only a folder."""
        if name not in self._modules:
            path = self.place(name).file
            self._modules[name] = self.parse(name, path) if path else None
        return self._modules[name]

    def parse(self, name: str, path: Path) -> Module:
        """The source of a file, under the name of a module."""
        try:
            return Module(name, path, self.content(path))
        except (SyntaxError, ValueError, RecursionError) as error:
            raise ProjectError(f"the source of {name} cannot be read ({error}): {path}") from error

    def place(self, name: str) -> ModulePlace:
        """Where a module is."""
        if name not in self._places:
            parent, _, last = name.rpartition(".")
            self._places[name] = place_below(self.place(parent).folders, last) if parent else place_on_path(name)
        return self._places[name]


def _imported(content: bytes) -> set[str]:
    """The top-level modules that a file's text may import."""
    text = content.decode("utf-8", "replace").replace("\\\n", " ")
    names = {
        part.split()[0].partition(".")[0]
        for found in _IMPORT.findall(text)
        for part in found.split(",")
        if part.split()
    }
    names.update(_FROM.findall(text))
    names.update(name for pair in _IN_TEXT.findall(text) for name in pair)
    return {name for name in names if name.isidentifier()}
