"""Places of modules: where the source of one is, by Python's own rules and without importing it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import NamedTuple


class ModulePlace(NamedTuple):
    """The file of a module, if it has one, and the folders of a package."""

    file: Path | None = None
    folders: tuple[Path, ...] = ()


NOWHERE = ModulePlace()


def place_on_path(name: str) -> ModulePlace:
    """The place where Python looks a top-level module up; nothing is imported."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # __main__, when it is a script
        file = getattr(sys.modules[name], "__file__", None)
        return ModulePlace(Path(file) if file else None)
    if spec is None:
        return NOWHERE
    file = spec.origin if spec.has_location else None
    return ModulePlace(Path(file) if file else None, tuple(map(Path, spec.submodule_search_locations or ())))


def place_below(folders: Iterable[Path], name: str) -> ModulePlace:
    """The place of a module in a package's folders, which are searched in the order in which Python searches them."""
    for folder in folders:
        if (folder / name / "__init__.py").is_file():
            return ModulePlace(folder / name / "__init__.py", (folder / name,))
        for suffix in (*EXTENSION_SUFFIXES, ".py"):
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
        if name.isidentifier() and name not in ("__pycache__", "__init__", "__main__"):
            names.update([name] if f".{suffix}" in (".py", *EXTENSION_SUFFIXES) or path.is_dir() else [])
    return sorted(names)
