"""Files that compiled libraries open themselves: no event tells of them, so their functions tell.

Whatever is not in the table stays unseen when it opens files in C, C++ or Rust.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from harness.host.senses import audit


class Opener(NamedTuple):
    """A function or class that opens the file that argument ``at``, or ``keyword``, names.

    ``mode``: what stands where a mode is given, position and keyword, if one is; a file is read where there is none.
    """

    at: int
    keyword: str
    mode: tuple[int, str] | None = None
    writes: bool = False


_READ = Opener(0, "path")
OPENERS: dict[str, dict[str, Opener]] = {
    "h5py.h5f": {
        "open": Opener(0, "name", (1, "flags")),
        "create": Opener(0, "name", writes=True),
        "is_hdf5": Opener(0, "name"),
    },
    "netCDF4": {"Dataset": Opener(0, "filename", (1, "mode")), "MFDataset": Opener(0, "files")},
    "tables": {"open_file": Opener(0, "filename", (1, "mode"))},
    "tables.file": {"open_file": Opener(0, "filename", (1, "mode"))},
    "cv2": {
        **{name: Opener(0, "filename") for name in ("imread", "imreadmulti", "imcount", "VideoCapture")},
        "imwrite": Opener(0, "filename", writes=True),
        "FileStorage": Opener(0, "source"),
    },
    "soundfile": {"SoundFile": Opener(0, "file", (1, "mode"))},
    "rasterio": {"open": Opener(0, "fp", (1, "mode"))},
    "osgeo.gdal": {"Open": Opener(0, "utf8_path"), "OpenEx": Opener(0, "utf8_path")},
    "fitsio": {name: Opener(0, "filename", (1, "mode")) for name in ("FITS", "read", "read_header")},
    "pyarrow": {
        "memory_map": Opener(0, "path", (1, "mode")),
        "input_stream": Opener(0, "source"),
        "OSFile": Opener(0, "path", (1, "mode")),
    },
    "pyarrow.parquet": {
        name: Opener(0, "source") for name in ("read_table", "read_schema", "read_metadata", "ParquetFile")
    },
    "pyarrow.feather": {name: Opener(0, "source") for name in ("read_table", "read_feather")},
    "pyarrow.csv": {"read_csv": Opener(0, "input_file"), "open_csv": Opener(0, "input_file")},
    "pyarrow.json": {"read_json": Opener(0, "input_file")},
    "pyarrow.dataset": {"dataset": Opener(0, "source")},
    "polars": {
        f"{verb}_{kind}": Opener(0, "source")
        for verb in ("read", "scan")
        for kind in ("csv", "parquet", "ipc", "ndjson", "json")
    },
    "duckdb": {
        "connect": Opener(0, "database"),
        **{name: Opener(0, "path") for name in ("read_csv", "read_parquet", "read_json")},
    },
    "tensorflow.python.lib.io._pywrap_file_io": {
        "BufferedInputStream": Opener(0, "filename"),
        "WritableFile": Opener(0, "filename", writes=True),
    },
    "tensorflow.python.ops.gen_io_ops": {"read_file": Opener(0, "filename")},
    "torch.jit": {"load": Opener(0, "f")},
    "_dbm": {"open": Opener(0, "filename", (1, "flags"))},
    "_gdbm": {"open": Opener(0, "filename", (1, "flags"))},
}

Opened = Callable[[tuple[Any, ...]], None]


def listen_to_openers(opened: Opened) -> None:
    """Call ``opened`` with ``(path, flags)`` of what these functions open, now and when they are imported later."""
    for name in OPENERS:
        if name in sys.modules:
            _wrap_all(sys.modules[name], opened)
    sys.meta_path.insert(0, _Finder(opened))


class _Finder(importlib.abc.MetaPathFinder):
    """It finds nothing itself: it has the modules of the table wrapped when they have been imported."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec that others find, with a loader that wraps."""
        if fullname not in OPENERS:
            return None
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(fullname, path, target)) is not None:
                loader: Any = spec.loader
                if hasattr(loader, "exec_module"):
                    loader.exec_module = functools.partial(_execute, loader.exec_module, self._opened)
                return spec
        return None


def _execute(execute: Callable[[ModuleType], None], opened: Opened, module: ModuleType) -> None:
    execute(module)
    _wrap_all(module, opened)


def _wrap_all(module: ModuleType, opened: Opened) -> None:
    for name, opener in OPENERS[module.__name__].items():
        function = getattr(module, name, None)
        if callable(function) and not hasattr(function, "_told"):
            setattr(module, name, _wrapped(function, opener, opened))


def _wrapped(function: Any, opener: Opener, opened: Opened) -> Any:
    def tell(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        for path in _paths(_argument(arguments, keywords, opener.at, opener.keyword)):
            mode = _argument(arguments, keywords, *opener.mode) if opener.mode else None
            audit.call("open", opened, (path, _flags(mode, opener.writes)))

    if isinstance(function, type):

        class Telling(function):
            _told = True

            def __init__(self, *arguments: Any, **keywords: Any) -> None:
                tell(arguments, keywords)
                super().__init__(*arguments, **keywords)

        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(Telling, name, getattr(function, name))
        return Telling

    @functools.wraps(function)
    def telling(*arguments: Any, **keywords: Any) -> Any:
        tell(arguments, keywords)
        return function(*arguments, **keywords)

    setattr(telling, "_told", True)  # noqa: B010
    return telling


def _argument(arguments: tuple[Any, ...], keywords: dict[str, Any], at: int, keyword: str) -> Any:
    return arguments[at] if len(arguments) > at else keywords.get(keyword)


def _paths(value: Any) -> list[str]:
    """The paths that an argument names; a file object was opened elsewhere, and ``<...>`` and ``:memory:`` are none."""
    if isinstance(value, list | tuple):
        return [path for item in value for path in _paths(item)]
    try:
        path = os.fsdecode(value)
    except TypeError:
        return []
    return [] if path.startswith((":memory:", "<")) or not path else [path.removeprefix("file://")]


def _flags(mode: Any, writes: bool) -> int:
    """The flags of ``open`` for a mode: a text as ``open`` takes it, or a number as HDF5 does, 1 for read and write."""
    text = mode if isinstance(mode, str) and mode else "a" if mode == 1 else "r"
    if writes or text[0] in "wxn":
        return os.O_RDWR | os.O_CREAT | os.O_TRUNC
    return os.O_RDWR | os.O_CREAT if text[0] in "ac" or "+" in text else os.O_RDONLY
