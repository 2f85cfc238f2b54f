"""Trees of values and arrays: taken apart and put together to the bit, and what is refused because it would not be."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import math
import types
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.core.artifacts import dump_arrays, dump_artifact, parse_arrays, parse_artifact
from harness.core.errors import GoldenError, RefusedDataError
from harness.core.files import dump_json, parse_json
from harness.core.protocol import Artifact
from harness.core.trees import (
    artifact_json,
    checked_artifact,
    join_tree,
    leaves,
    non_finite_counts,
    numeric_json,
    output_artifact,
    plain_json,
    plain_values,
    python_scalar,
    split_tree,
    value_at,
)
from harness.judge.kinds import as_number, kind_of

NAN, INFINITY = float("nan"), float("inf")


def again(tree: Mapping) -> Mapping:
    """A tree after it was written to files, and read."""
    values, arrays = split_tree(tree)
    return join_tree(parse_json(dump_json(values), "values"), parse_arrays(dump_arrays(arrays), "arrays"))


def same(a, b) -> bool:
    """Whether two trees are equal to the bit, types and all."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return set(a) == set(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)


def refusal(tree) -> str:
    with pytest.raises(RefusedDataError) as error:
        split_tree(tree, "stage make returns")
    return str(error.value)


# What arrives as it was


def test_a_tree_comes_back_to_the_bit():
    field = np.array([0.1, NAN, -0.0], np.float32)
    tree = {"deep": {"field": field, "list": [np.arange(3), 1.5]}, "text": "a", "none": None, "yes": True}
    values, arrays = split_tree(tree)
    assert values == {
        "deep": {"field": {"$array": "deep/field"}, "list": [{"$array": "deep/list/0"}, 1.5]},
        "text": "a",
        "none": None,
        "yes": True,
    }
    assert list(arrays) == ["deep/field", "deep/list/0"]
    assert same(join_tree(values, arrays), tree)


KEPT = {
    "minus zero": -0.0,
    "not a number": NAN,
    "minus infinity": -INFINITY,
    "text that reads like a number": "NaN",
    "text that reads like infinity": ["-Infinity", "Infinity", "nan"],
    "float32": np.float32(0.1),
    "float16": np.float16(0.1),
    "float32 that is not finite": [np.float32(NAN), np.float32(-INFINITY)],
    "integer of 390 digits": 10**390,
    "tuple": (1, (2.5, "a"), []),
    "tuple of arrays": (np.arange(2), {"a": np.ones(1)}),
    "marker of an array": {"$array": "x"},
    "marker of an array that is there": [np.ones(2), {"$array": "x/0"}],
    "marker of a float": {"$float": "NaN"},
    "marker of nothing": {"$float": 1.5},
    "marker of a text": {"$text": "NaN"},
    "marker of a tuple": {"$tuple": [1]},
    "marker of a float32": {"$float32": 0.1},
    "marker with a dollar more": {"$$array": {"$$$float": "NaN"}},
    "marker that holds an array": {"$array": np.ones(2)},
    "marker beside another key": {"$array": "x", "y": 1},
    "foreign dollar": {"$ref": "x"},
    "slash": {"a/b": 1, "a": {"c": np.ones(1)}},
    "names that would lead out of an archive": {
        "kernel:0": np.ones(1), "..": {"..": np.ones(2)}, "a\\b": np.ones(3), "C:x": np.ones(4), "50%": np.ones(5),
        "%2E": np.ones(6), "a//b": np.ones(7), "/": np.ones(8), "nul\0": np.ones(9), ".": np.ones(10), "%": np.ones(11),
    },
    "unicode": {"ü": "\U0001f600", "é": np.array(["ü", "\U0001f600"])},
    "big-endian": np.arange(3, dtype=">f4"),
    "no elements": [np.empty((0, 3), np.int8), np.array([], "U3")],
    "an array of one number": np.array(2.5),
    "bytes in an array": np.array([b"a\xff", b""]),
    "booleans": np.array([True, False]),
    "complex": np.array([complex(-0.0, NAN)]),
    "strided": np.arange(12).reshape(3, 4)[::2, ::-1],
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_arrives_as_it_was(name):
    tree = {"x": KEPT[name]}
    assert same(again(tree), tree)
    assert same(again(again(tree)), tree)


def test_numpy_scalars_of_python_s_own_kinds_arrive_as_these():
    given = {
        "a": np.float64(0.1),
        "b": np.int8(-3),
        "c": np.bool_(True),
        "d": np.str_("a"),
        np.str_("e"): np.uint64(2**64 - 1),
    }
    assert same(again(given), {"a": 0.1, "b": -3, "c": True, "d": "a", "e": 2**64 - 1})


def test_mappings_that_say_nothing_but_their_items_arrive_as_dicts():
    given = {"a": collections.OrderedDict(x=1), "b": types.MappingProxyType({"y": 2})}
    assert same(again(given), {"a": {"x": 1}, "b": {"y": 2}})


def test_an_array_has_one_order_whether_it_was_written_or_not():
    """The order decides how sums are rounded: a result must not depend on whether it came out of a file."""
    (array,) = split_tree({"x": np.asfortranarray(np.ones((2, 3)))})[1].values()
    assert array.flags.c_contiguous


finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.sampled_from(["a", "b", "a/b", "$array", "$float", "$$text", "..", "k:0"]) | st.text(min_size=1, max_size=3)
plain = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    | st.sampled_from(["NaN", "Infinity", "-Infinity"])
    | st.floats(width=32).map(np.float32) | st.floats(width=16).map(np.float16)
    | hnp.arrays(
        hnp.floating_dtypes(sizes=(16, 32, 64)) | hnp.integer_dtypes() | hnp.boolean_dtypes()
        | hnp.complex_number_dtypes(sizes=(64, 128)),
        hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=2),
    )
)  # fmt: skip
trees = st.dictionaries(
    names,
    st.recursive(
        plain,
        lambda t: st.lists(t, max_size=3) | st.lists(t, max_size=2).map(tuple) | st.dictionaries(names, t, max_size=2),
        max_leaves=8,
    ),
    max_size=3,
)


@given(trees)
def test_every_tree_comes_back_to_the_bit_or_is_refused_for_its_paths(tree):
    try:
        values, _ = split_tree(tree)
    except RefusedDataError as error:
        refused = str(error)
        assert "whose keys give that one path" in refused or "half of a surrogate pair" in refused
    else:
        assert values.keys() or not tree
        assert same(again(tree), tree)


@given(trees)
def test_every_output_is_an_artifact_that_reads_back(tree):
    try:
        artifact = output_artifact(tree)
    except RefusedDataError:
        return
    read, schema = parse_artifact(dump_artifact(artifact, "a-1"), "a")
    assert schema == "a-1"
    assert same(dict(read.values), dict(artifact.values))
    assert all(same(read.arrays[name], array) for name, array in artifact.arrays.items())
    assert len(read.arrays) == len(artifact.arrays)


@given(st.dictionaries(names, st.none() | st.text() | st.floats() | st.lists(st.floats(width=32).map(np.float32))))
def test_an_artifact_s_values_mean_the_same_numbers_and_texts(values):
    try:
        written = artifact_json(values)
    except RefusedDataError:
        return
    assert repr(numeric_json(written)) == repr(
        {k: [float(x) for x in v] if isinstance(v, list) else v for k, v in values.items()}
    )


# What is refused


class Unit(np.ndarray):
    pass


class Colour(str, enum.Enum):
    RED = "red"


class Money(float):
    pass


Point = collections.namedtuple("Point", "x y")


class Frame:
    def to_numpy(self):
        raise AssertionError("nobody asks")


class Tensor:
    def __array__(self, *_):
        raise AssertionError("nobody asks")


class Sparse:
    def toarray(self):
        raise AssertionError("nobody asks")


class Shelf(Mapping):
    def __getitem__(self, key):
        return 1

    def __len__(self):
        return 1

    def __iter__(self):
        return iter(["a"])


class Masked(np.ma.MaskedArray):
    pass


REFUSED = {
    "a class of masked arrays": (np.ma.ones(2).view(Masked), "a masked array, whose mask would be", "getmaskarray"),
    "masked fields": (np.ma.zeros(2, "i4,f8"), "a masked array with fields", "each of its fields"),
    "fields with titles": (np.zeros(2, [(("title", "a"), "i4")]), "have titles or metadata", "x.dtype.descr"),
    "dates in another byte order": (np.array([1], ">M8[D]"), "an array of >M8[D]", "astype(np.int64)"),
    "unit": (np.ones(2).view(Unit), "of which only the numbers would be kept", "its unit"),
    "matrix": (np.ones((1, 1)).view(np.matrix), "numpy.matrix", "np.array(x)"),
    "array of texts": (np.array(["a", None, "b"])[::2], "an array of object", "x.astype(str)"),
    "array of mappings": (np.array([{}, 1]), "an array of object", "what is no number as x.tolist()"),
    "records": (np.rec.array([(1, 2.0)]), "recarray", "np.array(x)"),
    "objects": (np.array([{}, None]), "an array of object: only numbers, booleans and text", "astype"),
    "void": (np.zeros(1, "V3"), "an array of |V3", "astype"),
    "metadata": (np.zeros(1, np.dtype("f8", metadata={"unit": "m"})), "metadata ({'unit': 'm'})", "x.dtype.str"),
    "texts of no width": (np.ndarray(2, "U0"), "texts of no width", "U1"),
    "neither true nor false": (np.array([2], np.uint8).view(bool), "neither true nor false", "!= 0"),
    "half a pair in an array": (np.array(["a\ud800"]), "half of a surrogate pair", "mend the text"),
    "half a pair": ("a\ud800", "a text with half of a surrogate pair ('a\\ud800')", "encode"),
    "half a pair in a key": ({"\udfff": 1}, "a key with half of a surrogate pair", "encode"),
    "number key": ({1: 2}, "the key 1 of int, which is no text", "str(key)"),
    "tuple key": ({("a", 1): 2}, "the key ('a', 1) of tuple", "str(key)"),
    "none key": ({None: 2}, "the key None of NoneType", "str(key)"),
    "enum key": ({Colour.RED: 2}, "of Colour, which is no text", "str(key)"),
    "empty key": ({"": 2}, "an empty key, which gives no path", "give it a name"),
    "set": ({1, 2}, "a value of set, which is neither JSON nor a NumPy array", "sorted(x)"),
    "bytes": (b"a", "a value of bytes", "np.frombuffer(x, np.uint8)"),
    "bytes of numpy": (np.bytes_(b"a"), "a value of numpy.bytes_", "stages return data"),
    "decimal": (decimal.Decimal("0.1"), "a value of decimal.Decimal", "float(x) or str(x)"),
    "date": (datetime.date(2000, 1, 1), "a value of datetime.date", "np.datetime64(x)"),
    "duration": (datetime.timedelta(1), "a value of datetime.timedelta", "np.timedelta64(x)"),
    "path": (Path("a"), "neither JSON nor a NumPy array", "stages return data"),
    "wide float": (np.longdouble(1), "neither JSON nor a NumPy array", "np.asarray(x)"),
    "named tuple": (Point(1, 2), "Point, whose names would be lost", "x._asdict()"),
    "enum": (Colour.RED, "Colour, of which only the str would be kept", "str(x)"),
    "number with a unit": (Money(1), "Money, of which only the float would be kept", "float(x)"),
    "default dict": (collections.defaultdict(list), "collections.defaultdict, of which only the items", "dict(x)"),
    "counter": (collections.Counter("a"), "collections.Counter, of which only the items", "dict(x)"),
    "strange mapping": (Shelf(), "Shelf, which is neither JSON nor a NumPy array", "stages return data"),
    "frame": (Frame(), "Frame, whose index and names would be lost", "x.to_numpy()"),
    "tensor": (Tensor(), "Tensor, which is not exactly a numpy.ndarray", "np.asarray(x)"),
    "sparse": (Sparse(), "Sparse, which is no dense array", "x.toarray()"),
    "function": (len, "neither JSON nor a NumPy array", "stages return data"),
    "huge integer": (10**5000, "an integer of 16610 bits", "str(x)"),
    "huge negative integer": (-(10**400), "an integer of 1329 bits", "str(x)"),
}  # fmt: skip


@pytest.mark.parametrize("deep", [False, True], ids=["at the top", "deep"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_arrive_is_refused_with_place_cause_and_remedy(name, deep):
    value, cause, remedy = REFUSED[name]
    message = refusal({"x": {"y": [0, value]}} if deep else {"x": value})
    assert message.startswith(f"stage make returns at {'x/y/1' if deep else 'x'!r} ")
    assert cause in message
    assert remedy in message.partition(cause)[2]
    assert len(message.splitlines()) == 1
    assert len(message) < 300


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({"a/b": 1, "a": {"b": 2}}, "a/b"),
        ({"a": {"b": 2}, "a/b": 1}, "a/b"),
        ({"a/b": np.ones(1), "a": {"b": np.zeros(1)}}, "a/b"),
        ({"a/b": {"c": 1}, "a": {"b": {"d": 2}}}, "a/b"),
        ({"a": [1], "a/0": 2}, "a/0"),
        ({"a": (1,), "a/0": 2}, "a/0"),
        ({"x": {"a/b/c": 1, "a": {"b/c": 2}}}, "x/a/b/c"),
    ],
)
def test_two_keys_that_give_one_path_are_refused(tree, path):
    assert refusal(tree) == (
        f"stage make returns at {path!r} two values whose keys give that one path: give one of them another key"
    )


@pytest.mark.parametrize("output", [None, 3, [1], np.ones(2), "a", Point(1, 2)], ids=repr)
def test_an_output_that_is_no_mapping_is_refused(output):
    assert "in place of a dict: give a dict of names and data" in refusal(output)


def test_what_is_nested_without_end_is_refused_at_once():
    loop: list = []
    loop += [loop, loop]
    assert "more than 60 levels" in refusal({"x": loop})
    deepest: list = []
    for _ in range(58):
        deepest = [deepest]
    assert same(again({"x": deepest}), {"x": deepest})
    assert "more than 60 levels" in refusal({"x": [[[deepest]]]})


def test_what_is_almost_too_deep_can_still_be_accepted():
    """As deep as an output may be, so deep a golden may be that holds it."""
    for tree in ([], (), {}):
        value: object = NAN
        while True:
            nested = {"x": value}
            try:
                whole = Artifact(*split_tree(nested))
            except RefusedDataError:
                break
            assert parse_artifact(dump_artifact(whole, "s"), "a")[0].values == whole.values
            value = {"a": value} if isinstance(tree, dict) else type(tree)([value])


# Artifacts


def test_an_artifact_writes_what_is_not_finite_by_its_name_and_texts_apart():
    values = artifact_json({"x": NAN, "y": "NaN", "z": [INFINITY, "-Infinity"], "w": np.float32(NAN), "t": (1, 2)})
    assert values == {
        "x": "NaN", "y": {"$text": "NaN"}, "z": ["Infinity", {"$text": "-Infinity"}], "w": {"$float32": "NaN"},
        "t": [1, 2],
    }  # fmt: skip
    assert [kind_of(values[k]) for k in "xyw"] == ["float", "text", "float32"]
    assert plain_values(values) == {"x": "NaN", "y": "NaN", "z": ["Infinity", "-Infinity"], "w": "NaN", "t": [1, 2]}
    assert repr(numeric_json(values)) == "{'x': nan, 'y': 'NaN', 'z': [inf, '-Infinity'], 'w': nan, 't': [1, 2]}"
    assert math.isnan(as_number(values["w"]))


@pytest.mark.parametrize(
    ("artifact", "cause"),
    [
        ({"x": 1}, "a value of dict: return harness.Artifact(values, arrays)"),
        (None, "a value of NoneType: return harness.Artifact(values, arrays)"),
        (Artifact([1]), "a value of list in place of a dict"),
        (Artifact({}, [1]), "arrays in a value of list: give a dict of names and arrays"),
        (
            Artifact({"x": np.ones(2)}),
            "at 'x' an array among an artifact's values: give it among the artifact's arrays",
        ),
        (Artifact({"x": {1: 2}}), "at 'x' the key 1 of int"),
        (Artifact({}, {1: np.ones(2)}), "at 'its arrays' the key 1 of int"),
        (Artifact({}, {"x": [1.0]}), "at 'x' a list, which is no array: give np.asarray(x)"),
        (Artifact({}, {"x": 1.0}), "at 'x' a float, which is no array: give np.asarray(x)"),
        (Artifact({}, {"x": np.ones(2).view(Unit)}), "Unit, of which only the numbers would be kept"),
        (Artifact({}, {"x": "text"}), "at 'x' a str, which is no array: give it among the artifact's values"),
        (Artifact({}, {"x": {"y": 1}}), "at 'x' a dict, which is no array: give it among the artifact's values"),
        (Artifact({}, {"x": None}), "at 'x' a NoneType, which is no array: give it among the artifact's values"),
    ],
    ids=range(13),
)
def test_what_is_no_artifact_is_refused(artifact, cause):
    with pytest.raises(RefusedDataError) as error:
        checked_artifact(artifact, "what is observed of stage make holds")
    assert str(error.value).startswith("what is observed of stage make holds ")
    assert cause in str(error.value)


def test_an_output_is_verified_without_a_second_copy_of_its_arrays():
    given = {"a": np.ones(2), "b": {"c": np.ones(1), "d": NAN}, "e": [np.ones(3), "NaN"], "f": (1,)}
    artifact = output_artifact(given)
    assert artifact.values == {"b": {"d": "NaN"}, "e": [{"$array": "e/0"}, {"$text": "NaN"}], "f": [1]}
    assert list(artifact.arrays) == ["a", "b/c", "e/0"]


# Reading


@pytest.mark.parametrize("values", [{"x": {"$array": "y"}}, {"x": [{"$array": "y"}]}])
def test_a_marker_of_an_array_that_is_gone_is_damage(values):
    with pytest.raises(GoldenError, match="names an array 'y' that is not there"):
        join_tree(values, {})


def test_what_only_looks_like_a_marker_in_an_old_file_is_read_as_it_stands():
    for value in ({"$float": "x"}, {"$float": 1.0}, {"$float": "NaN", "y": 1}, {"$other": "NaN"}, {"$text": "a"}):
        assert join_tree({"at": value}, {})["at"] == value
        assert kind_of(value) == "mapping"
    assert join_tree({"at": "NaN"}, {}) == {"at": "NaN"}  # older outputs had no mark for texts


def test_a_name_in_an_archive_without_an_escape_is_read_as_it_stands():
    content = dump_arrays({"50 of": np.ones(1)}).replace(b"50 of.npy", b"50%of.npy")
    assert list(parse_arrays(content, "a")) == ["50%of"]


def test_scalars_are_python_s_own():
    assert [type(python_scalar(v)) for v in (np.float32(1), np.int64(1), np.bool_(1), np.str_("a"))] == [
        float,
        int,
        bool,
        str,
    ]
    with pytest.raises(TypeError, match="is neither JSON nor a NumPy array"):
        python_scalar(1j)


def test_leaves_have_paths_and_paths_lead_to_values():
    value = {"a": [1, {"b": None}], "empty": {}, "none": []}
    assert list(leaves(value)) == [("a/0", 1), ("a/1/b", None), ("empty", {}), ("none", [])]
    assert all(value_at(value, path) == leaf for path, leaf in leaves(value))
    assert value_at(value, "") == value
    for path in ("b", "a/2", "a/x", "a/0/b"):
        with pytest.raises(KeyError, match=path):
            value_at(value, path)


def test_leaves_stand_for_what_they_mean():
    values = split_tree({"a": (np.float32(0.5), NAN), "b": "NaN", "c": np.ones(2), "d": [np.float32(NAN)]})[0]
    assert list(leaves(values)) == [("a/0", 0.5), ("a/1", "NaN"), ("b", "NaN"), ("d/0", "NaN")]
    assert value_at(values, "a") == [0.5, "NaN"]
    assert value_at(values, "a/0") == 0.5


def test_non_finite_numbers_are_counted_where_they_stand():
    tree = {
        "a": np.array([1, NAN, INFINITY]), "b": [1.0, NAN, "NaN"], "c": (np.float32(NAN), np.float16(1)),
        "d": np.array([complex(1, NAN)]), "e": np.array(["NaN"]), "f": {"$float": "NaN"}, "g": np.arange(3),
    }  # fmt: skip
    assert non_finite_counts(*split_tree(tree)) == {"b/1": 1, "c/0": 1, "a": 2, "d": 1}


def test_plain_json_writes_arrays_as_lists():
    assert plain_json({"x": np.array([[1.0, math.inf]]), "y": (np.int8(1),)}) == {"x": [[1.0, "Infinity"]], "y": [1]}
