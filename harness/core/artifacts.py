"""Artifacts as files: JSON that declares every array, and an archive of arrays without pickles.

Files are read without trust: an array's declared size is checked before anything is allocated.
"""

from __future__ import annotations

import io
import math
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from harness.core.errors import GoldenError, HarnessError, RefusedDataError
from harness.core.files import dump_json, parse_json
from harness.core.protocol import Artifact, Json

LARGEST_ARRAYS = 2**30
_QUOTED, _LONGEST_NAME = "/.npy", 2**15  # bytes
ARRAY_KINDS = "biufcSU"  # no objects, no structured types, no dates
_HEADER = re.compile(
    rb"\{'descr': '([<>|=][biufcSU]\d{1,6})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}, ?)*\d{0,18})\), \} *\n"
)


def dump_artifact(artifact: Artifact, schema: str) -> dict[str, bytes]:
    """An artifact as files by suffix: it always has a ``.json``, and a ``.npz`` when it has arrays.

    The JSON names the schema and every array's dtype and shape, so that one schema checks both.
    """
    document = {"schema": schema, "values": artifact.values, "arrays": array_layouts(artifact.arrays)}
    files = {".json": dump_json(document)}
    if artifact.arrays:
        files[".npz"] = dump_arrays(artifact.arrays)
    return files


def parse_artifact(files: Mapping[str, bytes], name: str) -> tuple[Artifact, str]:
    """The artifact and its schema's id; raises GoldenError where JSON and arrays do not agree."""
    if ".json" not in files:
        raise GoldenError(f"{name}.json is not there: {name}.npz alone is not an artifact")
    about = parse_json(files[".json"], f"{name}.json")
    if not isinstance(about, dict) or set(about) != {"schema", "values", "arrays"}:
        raise GoldenError(f"{name}.json is not an artifact: it needs schema, values and arrays, and nothing else")
    kinds: dict[str, type] = {"schema": str, "values": dict, "arrays": dict}
    if wrong := [key for key, kind in kinds.items() if not isinstance(about[key], kind)]:
        raise GoldenError(f"{name}.json is not an artifact: {wrong[0]} is a {type(about[wrong[0]]).__name__}")
    arrays = parse_arrays(files[".npz"], f"{name}.npz") if ".npz" in files else {}
    layouts = array_layouts(arrays)
    names = sorted({*layouts, *about["arrays"]})
    if wrong := [k for k in names if k not in layouts or layouts[k] != about["arrays"].get(k)]:
        raise GoldenError(f"{name}: {', '.join(map(repr, wrong[:3]))} in {name}.npz is not as {name}.json declares it")
    return Artifact(about["values"], arrays), about["schema"]


def array_layouts(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Json]:
    """The dtype and the shape of every array, as an artifact's JSON declares them."""
    return {name: {"dtype": str(array.dtype), "shape": list(array.shape)} for name, array in arrays.items()}


def describe_array(array: NDArray[Any]) -> str:
    """The dtype and the shape of an array, as messages write them."""
    return f"{array.dtype} {list(array.shape)}"


def array_problem(array: NDArray[Any]) -> tuple[str, str] | None:
    """What of an array would be lost in a file, and what to give instead; None where nothing would."""
    kind, dtype = type(array), array.dtype
    if isinstance(array, np.ma.MaskedArray):
        return "a masked array, whose mask would be lost", "give x.filled(...) and np.ma.getmaskarray(x) as two arrays"
    if kind is not np.ndarray:
        what = f"a {kind.__module__}.{kind.__name__}, of which only the numbers would be kept"
        return what, "give np.array(x), and what else it says (its unit) as a value beside it"
    if dtype.names is not None:
        return f"a structured array of {', '.join(dtype.names[:3])}", "give each of its fields as an array"
    if dtype.kind in "Mm":
        return f"an array of {dtype}", "give x.astype(np.int64), with the unit in the key, or x.astype(str)"
    if dtype.kind not in ARRAY_KINDS:
        texts = dtype.kind == "O" and all(isinstance(each, str) for each in array.flat)
        remedy = "give x.astype(str)" if texts else "give x.astype(float), or what is no number as x.tolist()"
        return f"an array of {dtype}: only numbers, booleans and text are kept", remedy
    if dtype.metadata:
        return f"an array whose dtype has metadata ({dict(dtype.metadata)!r:.80})", "give x.astype(x.dtype.str)"
    if dtype.itemsize == 0:
        return f"an array of {dtype.str}, texts of no width", "give x.astype('U1')"
    whole = np.ascontiguousarray(array).view(np.uint8 if dtype.kind == "b" else dtype)
    if dtype.kind == "b" and whole.size and whole.max() > 1:
        return "an array of booleans that are neither true nor false", "give x.view(np.uint8) != 0"
    if dtype.kind == "U" and whole.size:
        points = whole.view(f"{dtype.byteorder}u4")
        if ((points >= 0xD800) & (points <= 0xDFFF)).any() or points.max() > sys.maxunicode:
            return "an array of text with half of a surrogate pair", "mend the text before it is an array"
    return None


def dump_arrays(arrays: Mapping[str, NDArray[Any]], compress: bool = True) -> bytes:
    """An ``.npz`` of ``arrays``, in sorted order and without dates, so that the same arrays give the same bytes."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name in sorted(arrays):
            if problem := array_problem(arrays[name]):
                raise RefusedDataError(f"{name!r} is {problem[0]}: {problem[1]}")
            info, content = zipfile.ZipInfo(array_file(name)), io.BytesIO()
            info.compress_type = method
            npy.write_array(content, np.asarray(arrays[name], order="C"), version=(1, 0), allow_pickle=False)
            archive.writestr(info, content.getbuffer())
    return buffer.getvalue()


def parse_arrays(content: bytes, name: str) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz``; raises GoldenError for whatever is not one, or would not be safe to read."""
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            names = [m.filename for m in members]
            if len(set(names)) < len(names):
                raise ValueError("two arrays have one name")
            if sum(m.file_size for m in members) > LARGEST_ARRAYS:
                raise ValueError(f"it would unpack to more than {LARGEST_ARRAYS} bytes")
            for member in members:
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ValueError(f"{member.filename!r} is packed by method {member.compress_type}")
                key = array_name(member.filename)
                with archive.open(member) as file:  # archive.read unpacks first and looks at the size then
                    arrays[key] = _read_npy(file.read(member.file_size + 1), key)
    except (ValueError, KeyError, OSError, EOFError, NotImplementedError, RuntimeError, MemoryError) as error:
        raise GoldenError(f"{name} is not a readable archive of arrays: {error}") from error
    except (zipfile.BadZipFile, zlib.error, struct.error, OverflowError, TypeError) as error:
        raise GoldenError(f"{name} is damaged: {error}") from error
    return arrays


def array_file(name: str) -> str:
    """The name of an array's file in its archive: any name has one; raises HarnessError where it is too long.

    A name that could lead out of the archive is written ``%XX/.npy``, which no other array's file is called.
    """
    plain = f"{name}.npy"
    try:
        filename = plain if _stays_within(plain) else (quote(name, safe="").replace(".", "%2E") or "%") + _QUOTED
        length = len(filename.encode())
    except UnicodeError as error:
        raise HarnessError(f"array {name[:40]!r} has a name that is not Unicode: give it another") from error
    if length > _LONGEST_NAME:
        raise HarnessError(f"array {name[:40]!r}... has a name of {len(name)} characters: give it a shorter one")
    return filename


def array_name(filename: str) -> str:
    """The array's name from its file's name; raises ValueError where that leaves the archive."""
    if filename.endswith(_QUOTED):
        quoted = filename.removesuffix(_QUOTED)
        name = "" if quoted == "%" else unquote(quoted, errors="strict")
        if array_file(name) != filename:
            raise ValueError(f"{filename!r} is not an array's name")
        return name
    if not filename.endswith(".npy") or "\\" in filename or "\0" in filename:
        raise ValueError(f"{filename!r} is not an array's name")
    if not _stays_within(filename):
        raise ValueError(f"{filename!r} leads out of the archive")
    return filename.removesuffix(".npy")


def _stays_within(filename: str) -> bool:
    """Whether a file of that name lies in its archive, whatever system unpacks it."""
    parts = filename.split("/")
    odd = any(part in ("", ".", "..", ".npy") for part in parts) or ":" in parts[0]
    return not odd and "\\" not in filename and "\0" not in filename


def _read_npy(content: bytes, name: str) -> NDArray[Any]:
    """The array of one ``.npy``, whose header must fit its bytes before anything is allocated.

    NumPy's own reader evaluates the header as Python; this one knows only the form that
    ``dump_arrays`` writes, which every NumPy since 1.9 writes.
    """
    start = 10 + int.from_bytes(content[8:10], "little")
    header = _HEADER.fullmatch(content[10:start]) if content.startswith(b"\x93NUMPY\x01\x00") else None
    if header is None:
        raise ValueError(f"array {name!r} has no header that this harness writes")
    descr, order, numbers = (group.decode() for group in header.groups())
    dtype, shape = np.dtype(descr), tuple(int(n) for n in numbers.split(",") if n.strip())
    if dtype.kind not in ARRAY_KINDS or dtype.itemsize == 0:
        raise ValueError(f"array {name!r} has dtype {dtype}, which is not of numbers, booleans or text")
    size = math.prod(shape) * dtype.itemsize
    if size != len(content) - start:
        raise ValueError(f"array {name!r} declares {size} bytes and has {len(content) - start}")
    flat = np.frombuffer(content, dtype, offset=start) if size else np.empty(0, dtype)
    if dtype.kind == "b" and flat.size and flat.view(np.uint8).max() > 1:
        raise ValueError(f"array {name!r} has booleans that are neither true nor false")
    if dtype.kind == "U" and flat.size and flat.view(f"{dtype.byteorder}u4").max() > sys.maxunicode:
        raise ValueError(f"array {name!r} has text beyond Unicode")
    array = flat.reshape(shape[::-1]).T if order == "True" else flat.reshape(shape)
    return array.copy()
