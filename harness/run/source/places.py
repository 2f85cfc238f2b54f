"""Places of modules: where the source of one is, by Python's own rules and without importing it, and whose it is."""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

# As pip lays a library folder out, of this interpreter or another. A folder of that name elsewhere is own, as
# vendor/site-packages: an edit there must not go unseen.
INSTALLED_FOLDER = re.compile(r"/(?:[Ll]ib|(?:python|pypy)\d[.\d]*t?)/(?:site|dist)-packages/")
HARNESS = os.path.realpath(Path(__file__).parents[2])
STANDARD = tuple(
    {
        os.path.realpath(folder)
        for folder in (os.path.dirname(os.__file__), *map(sysconfig.get_path, ("stdlib", "platstdlib")))
    }
)
CODE_SUFFIXES = (*EXTENSION_SUFFIXES, ".py", *BYTECODE_SUFFIXES)


class ModulePlace(NamedTuple):
    """The file of a module, if it has one, and the folders of a package."""

    file: Path | None = None
    folders: tuple[Path, ...] = ()

    @property
    def own(self) -> bool:
        """Whether it is of the guarded repository, or another's source that is worked on."""
        return any(map(is_own, (*([self.file] if self.file else ()), *self.folders)))


NOWHERE = ModulePlace()


@functools.lru_cache(maxsize=10_000)
def is_own(path: str | Path) -> bool:
    """Whether a file is neither of the standard library, nor installed, nor of the harness: the pipeline's own source.

    That is what lies under the repository, on PYTHONPATH, or where an editable installation leads to.
    """
    real = os.path.realpath(path)
    if INSTALLED_FOLDER.search(f"{real}/"):
        return False
    return not any(real == folder or real.startswith(folder + os.sep) for folder in (HARNESS, *STANDARD))


class _Libraries(importlib.abc.MetaPathFinder):
    """Finds what is installed before what lies elsewhere on the path, whatever the order of the path is."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None:  # a package knows where its own modules are
            return None
        return PathFinder.find_spec(fullname, [entry for entry in sys.path if not is_own(entry or os.curdir)])


@contextmanager
def libraries_first() -> Iterator[None]:
    """Meanwhile, nothing that this process imports is the pipeline's because it has the name of a library.

    The path begins with the pipeline's folders, where its source is looked for, and such a module is its process's
    alone: here, it would run in the process that judges.
    """
    finder = _Libraries()
    place = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
    sys.meta_path.insert(place, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _spec_of(name: str) -> ModuleSpec | None:
    """What an import of a top-level module would find in the pipeline's process; raises ValueError for a script."""
    finders = [finder for finder in sys.meta_path if not isinstance(finder, _Libraries)]
    if len(finders) == len(sys.meta_path) or name == "__main__":
        return importlib.util.find_spec(name)
    # What this process has imported of that name may be a library's.
    return next((spec for finder in finders if (spec := finder.find_spec(name, None)) is not None), None)


def place_on_path(name: str) -> ModulePlace:
    """The place where Python looks a top-level module up; nothing is imported."""
    try:
        spec = _spec_of(name)
    except ValueError:  # __main__, when it is a script
        file = getattr(sys.modules.get(name), "__file__", None)
        return ModulePlace(Path(file) if file else None)
    if spec is None:
        return NOWHERE
    file = spec.origin if spec.has_location else None
    return ModulePlace(Path(file) if file else None, tuple(map(Path, spec.submodule_search_locations or ())))


def place_below(folders: Iterable[Path], name: str) -> ModulePlace:
    """The place of a module in a package's folders, which are searched in the order in which Python searches them."""
    for folder in folders:
        for suffix in CODE_SUFFIXES:
            if (folder / name / f"__init__{suffix}").is_file():
                return ModulePlace(folder / name / f"__init__{suffix}", (folder / name,))
        for suffix in CODE_SUFFIXES:
            if (folder / f"{name}{suffix}").is_file():
                return ModulePlace(folder / f"{name}{suffix}")
        if (folder / name).is_dir():
            return ModulePlace(None, (folder / name,))
    return NOWHERE


def modules_inside(folders: Iterable[Path]) -> list[str]:
    """The names of the modules and packages directly in a package's folders."""
    names = set()
    for path in (p for folder in folders for p in folder.iterdir()):
        name, _, suffix = path.name.partition(".")
        if name.isidentifier() and name not in ("__pycache__", "__init__"):
            names.update([name] if f".{suffix}" in CODE_SUFFIXES or path.is_dir() else [])
    return sorted(names)


def source_files(place: ModulePlace) -> list[Path]:
    """Every file with code of a module or a package."""
    files = {path for folder in place.folders for path in folder.rglob("*") if path.name.endswith(CODE_SUFFIXES[:-1])}
    return sorted(files | ({place.file} if place.file else set()))
