"""A part of one artifact in the place of the same part of another: what somebody accepts who accepts not all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from harness.core.errors import RefusedDataError
from harness.core.protocol import Artifact, Json
from harness.core.trees.markers import ARRAY, TUPLE, unwrapped

Chosen = Callable[[str], bool]
"""Whether the value or array at a path is part of what is chosen."""


def mixed_artifact(old: Artifact, new: Artifact, chosen: Chosen) -> Artifact:
    """``old`` with the values and arrays of ``new`` at the ``chosen`` paths; what is chosen and not there is left out.

    Raises RefusedDataError where a part of a list of another length, or of another kind of value, is chosen: items
    have no name but their place, and half of one is nothing that any run gave.
    """
    arrays = {}
    for name in [*old.arrays, *(name for name in new.arrays if name not in old.arrays)]:
        source = new.arrays if chosen(name) else old.arrays
        if name in source:
            arrays[name] = source[name]
    return Artifact(dict(_mixed(old.values, new.values, "", chosen)), arrays)


def paths_of(artifact: Artifact) -> set[str]:
    """Where an artifact has a value or an array."""
    return {*_ends(artifact.values, ""), *artifact.arrays}


def _mixed(old: Json, new: Json, path: str, chosen: Chosen) -> Json:
    (was, before), (now, after) = unwrapped(old), unwrapped(new)
    if was is now is None and isinstance(before, Mapping) and isinstance(after, Mapping) and before and after:
        return dict(_members(before, after, path, chosen))
    lists = isinstance(before, list) and isinstance(after, list) and was == now and was in (None, TUPLE)
    if lists and len(before) == len(after) and before:
        items = [_mixed(b, a, _below(path, i), chosen) for i, (b, a) in enumerate(zip(before, after, strict=True))]
        return {TUPLE: items} if was == TUPLE else items
    if old == new and type(old) is type(new):
        return old
    return new if _all_or_none({*_ends(old, path), *_ends(new, path)}, path, chosen) else old


def _members(
    before: Mapping[str, Json], after: Mapping[str, Json], path: str, chosen: Chosen
) -> Iterator[tuple[str, Json]]:
    for key in [*before, *(key for key in after if key not in before)]:
        below = _below(path, key)
        if key in before and key in after:
            yield key, _mixed(before[key], after[key], below, chosen)
        elif _all_or_none(set(_ends(before.get(key, after.get(key)), below)), below, chosen):
            yield from [(key, after[key])] if key in after else []
        elif key in before:
            yield key, before[key]


def _all_or_none(ends: set[str], path: str, chosen: Chosen) -> bool:
    """Whether all of some paths are chosen, and not none; raises RefusedDataError in between."""
    found = {chosen(end) for end in ends}
    if len(found) > 1:
        raise RefusedDataError(
            f"{path} has another form than in the golden, so that a part of it means nothing: choose all of it, or none"
        )
    return found == {True}


def _ends(value: Json, path: str) -> Iterator[str]:
    """The path of every scalar, and of every place that stands for an array; an empty list or mapping is one, too."""
    marker, inner = unwrapped(value)
    if marker == ARRAY:
        yield path
    elif isinstance(inner, Mapping) and inner:
        for key, item in inner.items():
            yield from _ends(item, _below(path, key))
    elif isinstance(inner, list | tuple) and inner:
        for i, item in enumerate(inner):
            yield from _ends(item, _below(path, i))
    else:
        yield path


def _below(path: str, key: str | int) -> str:
    return f"{path}/{key}" if path else str(key)
