"""The files in which pytest-regressions and syrupy keep what tests checked: where they lie, and the data in them.

They are read without trust: no pickle, no object of YAML, no alias that grows, no picture or archive beyond a bound.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.artifacts import ARRAY_KINDS, LARGEST_ARRAYS, parse_arrays
from harness.core.errors import HarnessError, ProjectError, RefusedDataError
from harness.core.files import LARGEST_JSON, read_plain
from harness.verify.migration.amber import amber_sections, read_snapshot
from harness.verify.migration.moulds import CsvColumn, CsvTable, OldPicture

FILES_OF_TESTS = (".csv", ".npz", ".yml", ".png")
AMBER, SNAPSHOTS = ".ambr", "__snapshots__"
_SKIPPED = {"node_modules", "__pycache__", "build", "dist", "site-packages"}
_LARGEST_PICTURE = 2**26  # pixels


@dataclass(frozen=True)
class OldFile:
    """A file of a module of tests; ``name`` is what it says of the test: a stem, or the name of a snapshot in amber.

    ``content`` is the snapshot's text, where there are several in a file.
    """

    path: Path
    module: Path
    name: str
    content: str = ""

    def place(self, root: Path) -> str:
        """How people find it."""
        shown = self.path.relative_to(root).as_posix() if self.path.is_relative_to(root) else str(self.path)
        return f"{shown} ({self.name})" if self.path.suffix == AMBER else shown

    def is_of(self, test: str) -> bool:
        """Whether it is of the test with a node id, by the names that the tools give to their files."""
        if self.path.suffix == AMBER:
            return self._in_amber(test) is not None
        _, *classes, name = _parts(test)
        stem = re.sub(r"\W", "_", name)
        return self.name in (stem, f"{classes[-1]}_{stem}" if classes else stem)

    def resembles_a_test(self) -> bool:
        """Whether its name begins like a test of its module: else it is some other file, such as a test's input."""
        if self.path.suffix == AMBER:
            return True
        try:
            tree = ast.parse(_bytes(self.module))
        except (HarnessError, SyntaxError, ValueError):
            return True  # nobody knows
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        names = [node.name for node in ast.walk(tree) if isinstance(node, (*functions, ast.ClassDef))]
        return any(self.name == name or self.name.startswith(f"{name}_") for name in names)

    def value_name(self, test: str) -> str:
        """What a snapshot calls its value: the name that the test gave, else ``value``, ``value_1`` and so on."""
        found = self._in_amber(test) if self.path.suffix == AMBER else None
        return (found["name"] or f"value_{found['index'] or 0}".removesuffix("_0")) if found else ""

    def _in_amber(self, test: str) -> re.Match[str] | None:
        _, *parts = _parts(test)
        return re.fullmatch(rf"{re.escape('.'.join(parts))}(?:\.(?P<index>\d+)|\[(?P<name>.+)\])?", self.name)

    def data(self, root: Path) -> Any:
        """What is in it; raises RefusedDataError for what is no data."""
        place = self.place(root)
        if self.path.suffix == AMBER:
            return read_snapshot(self.content, place)
        content = _bytes(self.path)
        readers = {".csv": _csv, ".npz": _npz, ".yml": _yaml, ".png": _png}
        return readers[self.path.suffix](content, place)

    def digest(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(_bytes(self.path)).hexdigest()


def _parts(test: str) -> list[str]:
    """The file, the classes and the name of a node id, whose parameters may have ``::`` in them."""
    before, bracket, parameters = test.partition("[")
    return [*before.split("::")[:-1], before.split("::")[-1] + bracket + parameters]


def find_old_files(places: Iterable[Path], anywhere: bool = False) -> list[OldFile]:
    """Every old file in ``places``, folders or files; raises ProjectError for a file that is none.

    ``anywhere``: a file that is named need not lie beside a module, as somebody says of which test it is.
    """
    found: dict[tuple[Path, str], OldFile] = {}
    for place in places:
        paths = _walk(place) if place.is_dir() else [place]
        for path in paths:
            files = list(_of(path.resolve()))
            if not files and anywhere and not place.is_dir() and path.suffix in FILES_OF_TESTS:
                files = [OldFile(path.resolve(), path.resolve().with_suffix(".py"), path.stem)]
            if not files and not place.is_dir():
                raise ProjectError(f"{place} is no file of pytest-regressions or syrupy beside a module of tests")
            found |= {(file.path, file.name): file for file in files}
    return list(found.values())


def _walk(folder: Path) -> Iterator[Path]:
    """The files of a folder that may be old ones, in order; hidden folders and those of tools are left out."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ProjectError(f"cannot list {folder} ({error.strerror or error})") from error
    for path in entries:
        if path.is_dir() and not path.is_symlink():
            if not path.name.startswith(".") and path.name not in _SKIPPED and not (path / "pyvenv.cfg").exists():
                yield from _walk(path)
        elif path.suffix in (*FILES_OF_TESTS, AMBER) and path.is_file():
            yield path


def _of(path: Path) -> Iterator[OldFile]:
    """The old files that a path is or holds; none where no module of tests belongs to it."""
    if path.suffix == AMBER and path.parent.name == SNAPSHOTS:
        module = path.parent.parent / f"{path.stem}.py"
        if module.is_file():
            content = _decoded(_bytes(path), path.name)
            yield from (OldFile(path, module, name, held) for name, held in amber_sections(content, path.name).items())
    elif path.suffix in FILES_OF_TESTS and (module := path.parent.with_suffix(".py")).is_file():
        yield OldFile(path, module, path.stem)


def _bytes(path: Path) -> bytes:
    return read_plain(path, path.parent, LARGEST_ARRAYS if path.suffix in (".npz", ".png") else LARGEST_JSON)


def _decoded(content: bytes, place: str) -> str:
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise RefusedDataError(f"{place} is no text in UTF-8: {error}") from error


def _csv(content: bytes, place: str) -> CsvTable:
    """The columns by name; the first, which has none, is the index."""
    rows = list(csv.reader(io.StringIO(_decoded(content, place))))
    names = rows[0][1:] if rows else []
    if not names or rows[0][0] != "" or len(set(names)) < len(names):
        raise RefusedDataError(f"{place} is no table of num_regression: it needs a column of row numbers, and names")
    if any(len(row) != len(names) + 1 for row in rows[1:]):
        raise RefusedDataError(f"{place} has rows of unequal length")
    columns = {name: CsvColumn(row[i + 1] for row in rows[1:]) for i, name in enumerate(names)}
    return CsvTable(columns, CsvColumn(row[0] for row in rows[1:]))


def _npz(content: bytes, place: str) -> dict[str, Any]:
    try:
        return dict(parse_arrays(content, place))
    except HarnessError as error:
        kinds = f"no other arrays than those of numbers, booleans and text are taken over ({ARRAY_KINDS})"
        raise RefusedDataError(f"{error}; {kinds}") from error


def _yaml(content: bytes, place: str) -> Any:
    try:
        import yaml
    except ImportError as error:  # it comes with pytest-regressions
        raise ProjectError(f"{place} needs PyYAML to be read: pip install pyyaml") from error

    text = _decoded(content, place)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise RefusedDataError(f"{place} has aliases (*name), which data_regression does not write")
        documents = list(yaml.safe_load_all(text))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RefusedDataError(f"{place} cannot be read as plain YAML: {' '.join(str(error).split())}") from error
    if len(documents) != 1:
        raise RefusedDataError(f"{place} has {len(documents)} documents, where data_regression writes one")
    return documents[0]


def _png(content: bytes, place: str) -> OldPicture:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if picture.width * picture.height > _LARGEST_PICTURE:
                raise RefusedDataError(f"{place} has {picture.width} × {picture.height} pixels, more than are read")
            image = picture.convert("RGBA") if picture.mode in ("P", "PA") else picture  # as check() takes such a file
            return OldPicture(np.array(image), image.mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RefusedDataError(f"{place} is no readable PNG: {error}") from error
