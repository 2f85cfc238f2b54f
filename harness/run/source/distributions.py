"""The distributions behind imported modules: which they are, and what version of each is installed."""

from __future__ import annotations

import functools
import json
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from harness.core.errors import ProjectError
from harness.core.files import sha256
from harness.run.source.edits import edited
from harness.run.source.places import INSTALLED_FOLDER, NOWHERE, place_on_path, source_files

NOT_INSTALLED = "not installed"
_SHOWN = 12  # digits of a digest
_TOP = re.compile(rb"^\"?(\w+)[/.]", re.M)  # of a line of a record


@functools.cache
def distribution_names(module: str) -> tuple[str, ...]:
    """The names of the distributions that install a top-level module; its own name where none says so.

    Nothing for a module of the standard library, for one that is not there, or for the pipeline's own.
    """
    place = place_on_path(module)
    paths = (*([place.file] if place.file else ()), *place.folders)
    if place == NOWHERE or not any(INSTALLED_FOLDER.search(f"{path}/") for path in paths):
        return ()
    folders = {*([place.file.parent] if place.file and not place.folders else ()), *(f.parent for f in place.folders)}
    return _same_name(module) or _recorded(module, folders) or (module,)


def _same_name(module: str) -> tuple[str, ...]:
    """The distribution that is called as its module is, as most are; looking the others up takes longer."""
    try:
        found = distribution(module)
    except PackageNotFoundError:
        return ()
    files = found.read_text("RECORD") or ""
    return (_name(found),) if f"{module}/" in files or f"{module}." in files else ()


def _recorded(module: str, folders: set[Path]) -> tuple[str, ...]:
    """The distributions whose records, which lie beside a module, name it."""
    names = {n for folder in folders for n in _recorded_in(folder, folder.stat().st_mtime_ns).get(module, ())}
    return tuple(sorted(names)) or tuple(sorted({*packages_distributions().get(module, ())}))


@functools.cache
def _recorded_in(folder: Path, changed: int) -> dict[str, set[str]]:
    """By top-level module, the distributions whose records lie in a folder, as it was when it was last changed."""
    found: dict[str, set[str]] = {}
    for record in folder.glob("*.dist-info/RECORD"):
        tops = {top.decode(errors="replace") for top in _TOP.findall(record.read_bytes())}
        name = _name(Distribution.at(record.parent)) if tops else ""
        for top in tops:
            found.setdefault(top, set()).add(name)
    return found


def _name(found: Distribution) -> str:
    """The name of a distribution, without reading all that is said of it."""
    line = re.search(r"^Name: *(\S+)", found.read_text("METADATA") or "", re.M)
    return line[1] if line else str(found.metadata["Name"])


def library_version(name: str) -> str:
    """The version of a distribution, or of a module that no distribution installs: "not installed" where it is neither.

    A version says nothing where the source was installed from a folder or a repository, or was edited where it lies:
    there, a digest of its files is added to it.
    """
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return _content_version(name)
    digests = [sha256((found.read_text("RECORD") or "").encode())[:_SHOWN]] if _local(found) else []
    digests += [f"files.{digest}"] if (digest := _unrecorded(found)) else []
    digests += [f"edited.{digest[:_SHOWN]}"] if (digest := edited(found)) else []
    return "+".join((found.version, *digests))


def _unrecorded(found: Distribution) -> str:
    """A digest of the files of a distribution that has no record of them, but for own source; else empty."""
    if found.read_text("RECORD") is not None:
        return ""
    tops = (found.read_text("top_level.txt") or _name(found).lower().replace("-", "_")).split()
    parts = [_content_version(top) for top in tops if top.isidentifier() and not place_on_path(top).own]
    return sha256("\n".join(parts).encode())[:_SHOWN] if parts else ""


def _local(found: Distribution) -> bool:
    """Whether a distribution was installed from somewhere else than an index, so that its version may stay as it is."""
    try:
        origin = json.loads(found.read_text("direct_url.json") or "{}")
    except ValueError:
        return True
    return bool(origin) and not origin.get("dir_info", {}).get("editable", False)


def _content_version(module: str) -> str:
    place = place_on_path(module) if module.isidentifier() else NOWHERE
    files = source_files(place)
    try:
        parts = [f"{path.name} {sha256(Path(path).read_bytes())}" for path in files]
    except OSError as error:
        raise ProjectError(f"{module} cannot be read: {error.strerror or error}") from error
    return f"of no distribution, {sha256(chr(10).join(parts).encode())[:_SHOWN]}" if files else NOT_INSTALLED
