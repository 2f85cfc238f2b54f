"""The array that is drawn at an address: the one that lies there, or the picture of a value of another kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from harness.core.codecs import codec_named
from harness.core.protocol import Artifact
from harness.core.trees import value_at


def drawn_array(artifact: Artifact, path: str) -> NDArray[Any] | None:
    """What to draw at ``path``; None where nothing lies there, or nothing that can be drawn."""
    if path in artifact.arrays:
        return artifact.arrays[path]
    try:
        value = value_at(artifact.values, path)
    except KeyError:
        return None
    codec = codec_named(value.get("kind")) if isinstance(value, Mapping) else None
    if codec is None:
        return None
    arrays = {name.removeprefix(f"{path}/") for name in artifact.arrays if name.startswith(f"{path}/")}
    names = {*(name.partition("/")[0] for name in arrays), *(n for n, v in value.items() if isinstance(v, Mapping))}
    drawn = {name: drawn_array(artifact, f"{path}/{name}") for name in names}
    parts = {**value, **{name: array for name, array in drawn.items() if array is not None}}
    try:
        return codec.picture(parts)
    except Exception:  # whatever a library raises for parts that somebody forged: they are judged, and not drawn
        return None
