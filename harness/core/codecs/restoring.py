"""Values made of their parts again, in the process that needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.codecs.codec import LibraryError, Parted
from harness.core.codecs.registry import codec_named
from harness.core.errors import GoldenError, RefusedDataError


def restored(tree: Mapping[str, Any], taker: str = "the data hold") -> dict[str, Any]:
    """The tree with the values themselves where it has them in parts: new ones, which nobody else has.

    Raises RefusedDataError, which begins with ``taker``, where the library that a value needs is not here, and
    GoldenError where parts are not those of any value.
    """
    return {key: _whole(value, key, taker) for key, value in tree.items()}


def _whole(value: Any, path: str, taker: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _whole(item, f"{path}/{key}", taker) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_whole(item, f"{path}/{i}", taker) for i, item in enumerate(value))
    if not isinstance(value, Parted):
        return value
    codec = codec_named(value.kind)
    if codec is None or codec.restore is None:
        raise GoldenError(f"{taker} at {path[:200]!r} a {value.kind!r:.80}, which this harness cannot make")
    parts = {name: _whole(item, f"{path}/{name}", taker) for name, item in value.parts.items()}
    try:
        return codec.restore(parts)
    except LibraryError as error:
        raise RefusedDataError(f"{taker} at {path[:200]!r} a {value.kind}, which needs {error}") from error
    except Exception as error:  # what a library raises for parts that somebody forged has no common base
        sentence = " ".join(f"{type(error).__name__}: {error}".split())
        raise GoldenError(
            f"{taker} at {path[:200]!r} parts of a {value.kind} that do not fit ({sentence:.200})"
        ) from error
