"""Trees of values and arrays: taken apart and put together, and what data that look like markers become."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.core.trees import join_tree, leaves, numeric_json, plain_json, python_scalar, split_tree, value_at
from harness.judge.kinds import kind_of

NAN, INFINITY = float("nan"), float("inf")


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
    joined = join_tree(values, arrays)
    assert joined["deep"]["field"].tobytes() == field.tobytes()
    assert joined["deep"]["list"][0].tolist() == [0, 1, 2]
    assert {key: joined[key] for key in ("text", "none", "yes")} == {"text": "a", "none": None, "yes": True}


@pytest.mark.parametrize(("value", "name"), [(NAN, "NaN"), (INFINITY, "Infinity"), (-INFINITY, "-Infinity")])
def test_a_float_that_is_not_finite_has_a_name_and_comes_back(value, name):
    values, arrays = split_tree({"x": np.float64(value)})
    assert (values, arrays) == ({"x": {"$float": name}}, {})
    assert repr(join_tree(values, arrays)) == repr({"x": value})
    assert plain_json({"x": value}) == {"x": name}
    assert repr(numeric_json({"x": name})) == repr({"x": value})


MARKERS = [
    # value, its kind, what joining gives, what numbers it holds
    ({"$float": "NaN"}, "float", NAN, {"$float": NAN}),
    ({"$float": "x"}, "mapping", KeyError("x"), {"$float": "x"}),
    ({"$float": 1.0}, "float", KeyError(1.0), {"$float": 1.0}),
    ({"$float": "NaN", "y": 1}, "mapping", {"$float": "NaN", "y": 1}, {"$float": NAN, "y": 1}),
    ({"$array": "a"}, "array", [1, 2], {"$array": "a"}),
    ({"$array": "x"}, "array", KeyError("x"), {"$array": "x"}),
    ({"$array": "a", "y": 1}, "mapping", {"$array": "a", "y": 1}, {"$array": "a", "y": 1}),
    ({"$other": "NaN"}, "mapping", {"$other": "NaN"}, {"$other": NAN}),
]


@pytest.mark.parametrize(("value", "kind", "joined", "numbers"), MARKERS, ids=[str(case[0]) for case in MARKERS])
def test_a_mapping_that_looks_like_a_marker(value, kind, joined, numbers):
    """Only the marker alone stands for a float or an array, and what it names must be there."""
    arrays = {"a": np.array([1, 2])}
    assert kind_of(value) == kind
    assert repr(numeric_json(value)) == repr(numbers)
    assert split_tree({"at": value}) == ({"at": value}, {})  # data are left as they are
    if isinstance(joined, KeyError):
        with pytest.raises(KeyError) as caught:
            join_tree({"at": value}, arrays)
        assert caught.value.args == joined.args
    else:
        got = join_tree({"at": value}, arrays)["at"]
        assert repr(got.tolist() if isinstance(got, np.ndarray) else got) == repr(joined)


def test_objects_are_no_data():
    for value in (object(), 1j, {1, 2}, np.datetime64("2000-01-01")):
        with pytest.raises(TypeError, match="is neither JSON nor a NumPy array: stages return data, not objects"):
            split_tree({"x": value})
    assert [type(python_scalar(v)) for v in (np.float32(1), np.int64(1), np.bool_(1), np.str_("a"))] == [
        float,
        int,
        bool,
        str,
    ]


def test_leaves_have_paths_and_paths_lead_to_values():
    value = {"a": [1, {"b": None}], "empty": {}, "none": []}
    assert list(leaves(value)) == [("a/0", 1), ("a/1/b", None), ("empty", {}), ("none", [])]
    assert all(value_at(value, path) == leaf for path, leaf in leaves(value))
    assert value_at(value, "") is value
    for path in ("b", "a/2", "a/x", "a/0/b"):
        with pytest.raises(KeyError, match=path):
            value_at(value, path)


def test_plain_json_writes_arrays_as_lists():
    assert plain_json({"x": np.array([[1.0, math.inf]]), "y": (np.int8(1),)}) == {"x": [[1.0, "Infinity"]], "y": [1]}
