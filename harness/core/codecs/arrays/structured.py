"""Structured arrays and their records: each field is an array of its own. A layout is kept where it is not packed."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, UnkeptError, part


def _split(value: Any) -> Parts:
    dtype = value.dtype
    if dtype.type is not np.void:
        raise UnkeptError("an array of records, whose class would be lost", "give x.astype(x.dtype.descr)")
    if dtype.metadata or any(len(field) > 2 for field in dtype.fields.values()):
        raise UnkeptError("a structured array whose fields have titles or metadata", "give x.astype(x.dtype.descr)")
    array = np.asarray(value)
    parts: dict[str, Any] = {"names": list(dtype.names), "shape": list(array.shape)}
    offsets = [dtype.fields[name][1] for name in dtype.names]
    if dtype != np.dtype([(name, dtype.fields[name][0]) for name in dtype.names]):
        parts |= {"offsets": offsets, "itemsize": dtype.itemsize, "aligned": bool(dtype.isalignedstruct)}
    return parts | {
        "fields": {name: np.ascontiguousarray(array[name]).reshape(array[name].shape) for name in dtype.names}
    }


def _restore(parts: Parts) -> Any:
    names, shape, fields = part(parts, "names", list), tuple(part(parts, "shape", list)), part(parts, "fields", dict)
    if sorted(names) != sorted(fields):
        raise ValueError("its fields are not those that it names")
    formats = [(fields[name].dtype, fields[name].shape[len(shape) :]) for name in names]
    layout: dict[str, Any] = {"names": names, "formats": formats}
    if "offsets" in parts:
        layout |= {"offsets": part(parts, "offsets", list), "itemsize": part(parts, "itemsize", int)}
    spec: Any = layout if "offsets" in parts else [(n, *f) for n, f in zip(names, formats, strict=True)]
    dtype = np.dtype(spec, align=parts.get("aligned") is True)
    if any(fields[name].shape[: len(shape)] != shape for name in names) or dtype.itemsize > _widest(formats):
        raise ValueError("its fields do not fit its shape")
    array = np.zeros(shape, dtype)
    for name in names:
        array[name] = fields[name]
    return array


def _widest(formats: list[Any]) -> int:
    """The bytes that a padded record may have, so that a forged layout allocates nothing large."""
    return 4096 + 16 * sum(np.dtype(form).itemsize for form in formats)


def _restore_record(parts: Parts) -> Any:
    return _restore(parts)[()]


def _has_fields(value: Any) -> bool:
    return bool(value.dtype.names)


CODECS = (
    Codec("numpy.structured", ("numpy.ndarray",), _split, _restore, takes=_has_fields),
    Codec("numpy.void", ("numpy.void",), _split, _restore_record, takes=_has_fields),
)
