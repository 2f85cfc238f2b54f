"""Outputs and artifacts as strict JSON and flat arrays; what would not come back as it is is refused."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from harness.core.artifacts import array_problem
from harness.core.codecs import Codec, Parted, UnkeptError, codec_named, codec_of
from harness.core.errors import RefusedDataError
from harness.core.protocol import Artifact, Json, Output
from harness.core.trees.markers import (
    ARRAY,
    FLOAT,
    KIND,
    KIND_NAME,
    NON_FINITE,
    QUOTED,
    TUPLE,
    looks_marked,
    non_finite_name,
    unwrapped,
)
from harness.core.trees.reading import nodes

_DEEPEST, _LONGEST_PATH, _WIDEST_INTEGER = 60, 4096, 1320  # parts, characters, bits: what files.parse_json reads again
_MAPPINGS = (dict, OrderedDict, MappingProxyType)
_FOREIGN = (
    ("__dask_graph__", "which is not computed yet", "give x.compute()"),
    ("collect_schema", "which is not computed yet", "give x.collect()"),
    ("to_dict", "whose index and names would be lost", 'give x.to_dict("list"), or each column as an array'),
    ("_asdict", "whose names would be lost", "give x._asdict()"),
    ("to_numpy", "whose index and names would be lost", "give each column as an array, x.to_numpy()"),
    ("toarray", "which is no dense array", "give its data and its indices as arrays, or x.toarray()"),
    ("__array_interface__", "which is not exactly a numpy.ndarray", "give np.asarray(x), or x.copy() of a picture"),
    ("__array__", "which is not exactly a numpy.ndarray", "give np.asarray(x), and what else it says beside it"),
)
_REMEDIES = {
    set: "give sorted(x)",
    frozenset: "give sorted(x)",
    range: "give list(x)",
    bytes: "give np.frombuffer(x, np.uint8)",
    Decimal: "give float(x) or str(x)",
    date: "give np.datetime64(x), or x.isoformat()",
    datetime: "give np.datetime64(x), or x.isoformat()",
    timedelta: "give np.timedelta64(x), or x.total_seconds() with the unit in the key",
}


def split_tree(tree: Output, giver: str = "an output holds") -> tuple[dict[str, Json], dict[str, NDArray[Any]]]:
    """``tree`` as strict JSON and its arrays by path; ``join_tree`` is the inverse, to the bit.

    Raises RefusedDataError, which begins with ``giver``, for what would not come back as it is.
    """
    encoder = _Encoder(giver, whole=True, lasting=True)
    return encoder.mapping(tree), encoder.arrays


def artifact_json(values: Any, giver: str = "an artifact holds") -> dict[str, Json]:
    """``values`` as an artifact's strict JSON; raises RefusedDataError, which begins with ``giver``, for the rest."""
    return _Encoder(giver, whole=False).mapping(values)


def checked_artifact(artifact: Any, giver: str = "an artifact holds") -> Artifact:
    """What an observer gives, its values as strict JSON; raises RefusedDataError for what would not arrive as it is."""
    encoder = _Encoder(giver, whole=False)
    if not isinstance(artifact, Artifact):
        encoder.refuse("", f"a value of {type(artifact).__name__}", "return harness.Artifact(values, arrays)")
    values = encoder.mapping(artifact.values)
    if not isinstance(artifact.arrays, Mapping):
        encoder.refuse("", f"arrays in a value of {type(artifact.arrays).__name__}", "give a dict of names and arrays")
    given: Mapping[Any, Any] = artifact.arrays
    for name, array in given.items():
        key = encoder.key(name, "its arrays")
        if isinstance(array, list | tuple | int | float | complex | np.generic):
            encoder.refuse(key, f"a {type(array).__name__}, which is no array", "give np.asarray(x)")
        if array is None or isinstance(array, str | bytes | Mapping):
            remedy = "give it among the artifact's values" + (", as text" if isinstance(array, bytes) else "")
            encoder.refuse(key, f"a {type(array).__name__}, which is no array", remedy)
        entry = encoder.array(array, key)
        if unwrapped(entry)[0] != ARRAY:  # the parts of a value of another kind, of which some are values
            if key in values:
                encoder.refuse(key, *_TWICE)
            values[key] = entry
    return Artifact(values, encoder.arrays)


def output_artifact(output: Output, giver: str = "an output holds") -> Artifact:
    """All of an output as the artifact that is verified of a stage that has no observer."""
    encoder = _Encoder(giver, whole=True)
    return Artifact(_verified(encoder.mapping(output)), encoder.arrays)


def _verified(value: Json) -> Json:
    """An artifact's JSON from an output's: arrays, which are verified as such, keep a place in lists alone."""
    marker, inner = unwrapped(value)
    if marker in (None, KIND) and isinstance(inner, dict):
        return {k: _verified(v) for k, v in inner.items() if unwrapped(v)[0] != ARRAY}
    if isinstance(inner, list):
        return [_verified(v) for v in inner]
    return inner if marker == FLOAT else value


_TWICE = ("two values whose keys give that one path", "give one of them another key")


class _Encoder:
    """Strict JSON of a tree; ``whole``: its arrays and tuples are kept, and a float that is not finite is marked.

    ``lasting``: somebody will need the values again, and what is only looked at is refused.
    """

    def __init__(self, giver: str, whole: bool, lasting: bool = False) -> None:
        self.giver, self.whole, self.lasting = giver, whole, lasting
        self.arrays: dict[str, NDArray[Any]] = {}
        self._slashes = False

    def refuse(self, path: str, what: str, remedy: str) -> NoReturn:
        """Raise the sentence with place, cause and remedy."""
        raise RefusedDataError(f"{self.giver}{f' at {path[:200]!r}' if path else ''} {what}: {remedy}")

    def mapping(self, tree: Any) -> dict[str, Json]:
        """The JSON of a whole tree, in which no two values have one path."""
        if not _is_mapping(tree):
            kind = f"{type(tree).__module__}.{type(tree).__name__}".removeprefix("builtins.")
            self.refuse("", f"a value of {kind} in place of a dict", "give a dict of names and data")
        values: dict[str, Json] = self.encoded(tree, "", 0)
        if self._slashes:
            seen: set[str] = set()
            for path, _ in nodes(values):
                if path in seen:
                    self.refuse(path, *_TWICE)
                seen.add(path)
        return values

    def encoded(self, value: Any, path: str, depth: int) -> Json:
        kind = type(value)
        if value is None or kind is bool or kind is np.bool_:
            return None if value is None else bool(value)
        if kind is float or kind is np.float64:
            return self._float(float(value))
        if kind is str or kind is np.str_:
            return self._text(str(value), path)
        if kind is int or (isinstance(value, np.integer) and value.dtype.kind in "iu"):  # durations are integers too
            return self._integer(int(value), path)
        if depth > _DEEPEST:
            self.refuse(path, f"more than {_DEEPEST} levels", "give it as an array, or flatter")
        if _is_mapping(value):
            return self._items(value, path, depth)
        if kind is list or kind is tuple:
            marked = self.whole and kind is tuple
            items = [self.encoded(v, f"{path}/{i}", depth + 1 + marked) for i, v in enumerate(value)]
            return {TUPLE: items} if marked else items
        if kind is np.float32 or kind is np.float16:
            number = float(value)
            return {f"${value.dtype}": number if math.isfinite(number) else non_finite_name(number)}
        if kind is np.ndarray and not self.whole and codec_of(value) is None:
            remedy = "give it among the artifact's arrays, which keep its dtype, or as x.tolist()"
            self.refuse(path, "an array among an artifact's values", remedy)
        return self.array(value, path, depth)

    def _items(self, value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Json]:
        encoded: dict[str, Json] = {}
        for name, item in value.items():
            key = self.key(name, path)
            encoded[key] = self.encoded(item, f"{path}/{key}" if path else key, depth + 1)
        return {f"${k}": v for k, v in encoded.items()} if looks_marked(encoded) else encoded

    def array(self, value: Any, path: str, depth: int = 0) -> Json:
        """Keep an array, in the order in which it is read again, or the parts of what has a codec; gives their JSON."""
        if problem := array_problem(value) if isinstance(value, np.ndarray) else _unfit(value):
            codec = codec_named(value.kind) if type(value) is Parted else codec_of(value)
            if codec is None:
                self.refuse(path, *problem)
            return self._kind(codec, value, path, depth)
        if len(path) > _LONGEST_PATH:
            self.refuse(path, f"an array under a name of {len(path)} characters", "give it a shorter one")
        if path in self.arrays:
            self.refuse(path, *_TWICE)
        self.arrays[path] = np.asarray(value, order="C")
        return {ARRAY: path}

    def _kind(self, codec: Codec, value: Any, path: str, depth: int) -> Json:
        """The parts of a value by its codec; plain ones where nobody needs the value again."""
        if codec.restore is None and self.lasting:
            remedy = "give its numbers, or give it in `observe`, whose artifact may hold it"
            self.refuse(path, f"a value of {codec.kind}, which can be looked at and not be made again", remedy)
        try:
            parts = value.parts if type(value) is Parted else codec.split(value)
        except UnkeptError as error:
            self.refuse(f"{path}/{error.at}" if error.at else path, error.cause, error.remedy)
        outer, self.whole = self.whole, True
        items = {KIND_NAME: codec.kind} | {n: self.encoded(v, f"{path}/{n}", depth + 2) for n, v in parts.items()}
        self.whole = outer
        return {KIND: items} if self.whole else _verified({KIND: items})

    def key(self, key: Any, path: str) -> str:
        """A key that is text, and gives a path."""
        if type(key) not in (str, np.str_):
            self.refuse(path, f"the key {key!r:.80} of {type(key).__name__}, which is no text", "give str(key)")
        if not key:
            self.refuse(path, "an empty key, which gives no path", "give it a name")
        self._slashes = self._slashes or "/" in key
        return self._sound(str(key), path, "a key")

    def _text(self, value: str, path: str) -> Json:
        return {QUOTED: value} if value in NON_FINITE else self._sound(value, path, "a text")

    def _sound(self, text: str, path: str, what: str) -> str:
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            cause = f"{what} with half of a surrogate pair ({text[:40]!a}), which no file can hold"
            self.refuse(path, cause, 'mend it with text.encode("utf-8", "replace").decode()')
        return text

    def _integer(self, value: int, path: str) -> int:
        if value.bit_length() > _WIDEST_INTEGER:
            self.refuse(path, f"an integer of {value.bit_length()} bits, more than JSON is read with", "give str(x)")
        return value

    def _float(self, value: float) -> Json:
        if math.isfinite(value):
            return value
        return {FLOAT: non_finite_name(value)} if self.whole else non_finite_name(value)


def _is_mapping(value: Any) -> bool:
    """Whether a value is a mapping that says nothing but its keys and values: a dict, or one of the harness's own."""
    return type(value) in _MAPPINGS or (isinstance(value, Mapping) and type(value).__module__.startswith("harness."))


def _unfit(value: Any) -> tuple[str, str]:
    """What a value is that no form keeps, and what to give instead."""
    kind = type(value)
    what = f"a value of {kind.__name__ if kind.__module__ == 'builtins' else f'{kind.__module__}.{kind.__name__}'}, "
    if isinstance(value, datetime | timedelta) and kind not in _REMEDIES:
        return f"{what}which is neither JSON nor a NumPy array", "give x.to_numpy(), or as text str(x)"
    for attribute, cause, remedy in _FOREIGN:
        if hasattr(kind, attribute) and not isinstance(value, np.generic):
            return what + cause, remedy
    if isinstance(value, dict):
        return f"{what}of which only the items would be kept", "give dict(x)"
    for base in (list, tuple, str, int, float):
        if isinstance(value, base) and not isinstance(value, np.generic):
            what = f"{what}of which only the {base.__name__} would be kept"
            return what, f"give {base.__name__}(x), and what else it says beside it"
    array = kind is complex or (isinstance(value, np.number) and not isinstance(value, np.timedelta64))
    remedy = "give np.asarray(x)" if array else _REMEDIES.get(kind, "stages return data, not objects")
    return f"{what}which is neither JSON nor a NumPy array", remedy
