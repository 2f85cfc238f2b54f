"""The files of a cached item: what a stage returned, the artifact that is verified, and an index of both.

The index holds ``about``, and the size and SHA-256 of every file; its own digest is its first line.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.core.artifacts import LARGEST_ARRAYS, array_file, dump_arrays, dump_artifact, parse_arrays, parse_artifact
from harness.core.codecs import Parted
from harness.core.errors import GoldenError
from harness.core.files import dump_json, parse_json, sha256
from harness.core.protocol import Artifact, Json, Output
from harness.core.trees import join_tree

SplitOutput = tuple[Json, Mapping[str, NDArray[Any]]]
Files = dict[str, bytes]  # by name, or by suffix where they are of one part

INDEX_FILE = "index"
OUTPUT_PART, ARTIFACT_PART = "output", "artifact"
_FILE_NAMES = {f"{part}{suffix}" for part in (OUTPUT_PART, ARTIFACT_PART) for suffix in (".json", ".npz")}
_INDEX_VERSION = 1


class Index(NamedTuple):
    """What an item says of itself: ``files`` gives each file's size and SHA-256 by its name."""

    about: dict[str, Json]
    files: dict[str, tuple[int, str]]


def dump_item(output: SplitOutput, artifact: Artifact, about: Json, limit_bytes: int) -> Files:
    """The files of an item; raises HarnessError, TypeError or ValueError for what could not be read back.

    The order of an output's keys is kept: a stage may depend on it.
    """
    values, arrays = output
    for name in (*arrays, *artifact.arrays):
        array_file(name)
    text = json.dumps(values, allow_nan=False, ensure_ascii=False).encode()
    if (size := sum(array.nbytes for array in arrays.values())) > min(LARGEST_ARRAYS, limit_bytes):
        raise GoldenError(f"its arrays of {size} bytes are too large")
    files = {f"{OUTPUT_PART}.json": text}
    if arrays:
        files[f"{OUTPUT_PART}.npz"] = dump_arrays(arrays, compress=False)
    files |= {f"{ARTIFACT_PART}{suffix}": content for suffix, content in dump_artifact(artifact, "").items()}
    for name in files:
        if name.endswith(".json"):
            parse_json(files[name], name)
    listed = {name: [len(content), sha256(content)] for name, content in files.items()}
    index = dump_json({"version": _INDEX_VERSION, "about": about, "files": listed})
    files[INDEX_FILE] = sha256(index).encode() + b"\n" + index
    if (size := sum(map(len, files.values()))) > limit_bytes:
        raise GoldenError(f"its {size} bytes are more than the whole cache may have")
    return files


def parse_index(content: bytes) -> Index:
    """The index in a file of that name; raises GoldenError unless it is as it was written."""
    digest, _, text = content.partition(b"\n")
    if sha256(text).encode() != digest:
        raise GoldenError(f"{INDEX_FILE} is not what was written")
    value = parse_json(text, INDEX_FILE)
    try:
        files = {name: (int(size), str(sha256)) for name, (size, sha256) in value["files"].items()}
        if value["version"] != _INDEX_VERSION or not set(files) <= _FILE_NAMES:
            raise ValueError(value["version"])
        return Index(dict(value["about"]), files)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GoldenError(f"{INDEX_FILE} is of another version") from error


def artifact_from(files: Files) -> Artifact:
    """The artifact that an item's files of that part hold; they come by suffix."""
    artifact = parse_artifact(files, ARTIFACT_PART)[0]
    return Artifact(artifact.values, read_only(artifact.arrays))


def output_from(files: Files) -> Output:
    """The output that an item's files of that part hold; they come by suffix."""
    arrays = parse_arrays(files[".npz"], f"{OUTPUT_PART}.npz") if ".npz" in files else {}
    return join_tree(parse_json(files[".json"], f"{OUTPUT_PART}.json"), read_only(arrays))


def read_only(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The tree for somebody else: mappings and lists of its own, and arrays that cannot be changed in place.

    So a stage that changes its input gets an error whether the input came from the cache, from memory or from a golden.
    """
    return {key: _read_only(value) for key, value in tree.items()}


def _read_only(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.flags.writeable and value.flags.owndata:
            value.flags.writeable = False  # else a view of it could be unlocked
        elif value.flags.writeable or (isinstance(value.base, np.ndarray) and value.base.flags.writeable):
            return _frozen(value)
        return value.view()
    if isinstance(value, Mapping):
        return read_only(value)
    if isinstance(value, Parted):
        return Parted(value.kind, read_only(value.parts))
    if isinstance(value, tuple):
        return tuple(map(_read_only, value))
    return [_read_only(item) for item in value] if isinstance(value, list) else value


def kept_in_memory(output: SplitOutput, artifact: Artifact) -> tuple[SplitOutput, Artifact]:
    """Copies of a result that nothing can change any more, as if it had been written and read again."""
    values, arrays = output
    frozen = {name: _frozen(array) for name, array in arrays.items()}
    seen = Artifact(copy.deepcopy(artifact.values), {name: _frozen(array) for name, array in artifact.arrays.items()})
    return (copy.deepcopy(values), frozen), seen


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.hasobject or not array.dtype.itemsize or not array.size:
        frozen = np.array(array, order="C")
        frozen.flags.writeable = False
        return frozen
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)
