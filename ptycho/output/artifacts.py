"""Writing artifacts: strict JSON, and files that are whole or absent."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ptycho.errors import PtychoError


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to a temporary file beside ``path``, flush it to the disk, and rename it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PtychoError(
            f"cannot write {path} ({error.strerror or error}): make room or choose another --out; "
            "nothing is half-written"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON: sorted keys, no bare NaN; non-finite numbers become strings."""
    text = json.dumps(to_plain(value), indent=2, sort_keys=True, allow_nan=False)
    write_text(path, text + "\n")


def write_npy(path: Path, array: Any) -> None:
    """Write one array as ``.npy``."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getvalue())


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays as one ``.npz``."""
    buffer = io.BytesIO()
    if any(np.asarray(array).dtype.hasobject for array in arrays.values()):
        raise ValueError(f"{path.name}: object arrays are not written, nothing is pickled (allow_pickle=False)")
    np.savez(buffer, **arrays)
    write_bytes(path, buffer.getvalue())


def to_plain(value: Any) -> Any:
    """``value`` as JSON can hold it: ``"NaN"``, ``"Infinity"`` and ``"-Infinity"`` for what is not finite."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(value) if isinstance(value, Path) else value
