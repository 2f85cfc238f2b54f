"""Old data take the form of what a test gives today, and nothing is filled in."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import RefusedDataError
from harness.core.protocol import Artifact
from harness.verify.checks.document import named_value
from harness.verify.migration.moulds import CsvColumn, CsvTable, poured, tree_of
from harness.verify.migration.taking_over import claimed


def same(a, b) -> bool:
    if isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=b.dtype.kind in "fc")
    if isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in b)
    if isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


@pytest.mark.parametrize(
    ("old", "form", "expected"),
    [
        (CsvColumn(["1.5", "2.5"]), np.zeros(2), np.array([1.5, 2.5])),
        (CsvColumn(["1.5", ""]), np.zeros(1), np.array([1.5])),  # a shorter column beside a longer one
        (CsvColumn(["1.5", ""]), np.zeros(2), np.array([1.5, np.nan])),
        (CsvColumn(["0.1"]), np.zeros(1, np.float32), np.array([0.1], np.float32)),
        (CsvColumn(["1", "2"]), np.zeros(2, np.uint8), np.array([1, 2], np.uint8)),
        (CsvColumn(["True", "False"]), np.zeros(2, bool), np.array([True, False])),
        (CsvColumn(["aa", "b"]), np.array(["x", "y"]), np.array(["aa", "b"])),
        (CsvColumn(["(1+2j)"]), np.zeros(1, complex), np.array([1 + 2j])),
        (CsvColumn(["1.5"]), np.zeros(()), np.array(1.5)),
        (CsvColumn(["1.5", ""]), 0.0, 1.5),
        (CsvColumn(["3"]), 0, 3),
        (CsvColumn(["3"]), 0.0, 3.0),
        (CsvColumn(["1.5", "2.5"]), [0.0, 0.0], [1.5, 2.5]),
        (CsvColumn(["0.1"]), np.float32(0), np.float32(0.1)),
        (np.array([7.0]), 0.0, 7.0),
        (np.arange(3.0), [0.0, 0.0, 0.0], [0.0, 1.0, 2.0]),
        ([[1, 2], [3, 4]], np.zeros((2, 2), int), np.array([[1, 2], [3, 4]])),
        ([], np.zeros(0, np.float32), np.zeros(0, np.float32)),
        ((1, 2.5), [0, 0.0], [1, 2.5]),
        ({"a": {"b": "x"}}, {"a": {"b": ""}}, {"a": {"b": "x"}}),
        (None, None, None),
        (3, 0.0, 3.0),
        (np.float64(1.5), 0.0, 1.5),
        (float("nan"), 0.0, float("nan")),
    ],
)
def test_a_form_is_taken(old, form, expected):
    assert same(poured(old, form, "value"), expected)


@pytest.mark.parametrize(
    ("old", "form", "told"),
    [
        (CsvColumn(["1", "2"]), np.zeros(3), r"value has shape \[2\] in the file and \[3\] in the test"),
        (CsvColumn(["1", "2"]), np.zeros(1), r"value has shape \[2\] in the file and \[1\] in the test"),
        (CsvColumn(["1.5"]), np.zeros(1, int), "value is 1.5 in the file and"),
        (CsvColumn(["1.5", "2"]), 0.0, "value is a column of 2 in the file and 0.0 in the test"),
        (CsvColumn(["x"]), 0.0, "value is 'x' in the file and 0.0 in the test"),
        (np.zeros((2, 3)), np.zeros((3, 2)), r"shape \[2, 3\] in the file and \[3, 2\]"),
        (np.zeros(2, complex), np.zeros(2), "complex128 in the file and of float64"),
        (np.array([300]), np.zeros(1, np.uint8), "numbers in the file that uint8 cannot hold"),
        ([[1], [2, 3]], np.zeros((2, 2)), "value is a list of 2 in the file"),
        ([1, 2], [0], "value has 2 items in the file and 1 in the test"),
        ({"a": 1}, {"a": 0, "b": 0}, "only the test has value/b"),
        ({"a": 1, "c": 1}, {"a": 0}, "only the file has value/c"),
        ({"a": 1}, [0], "value is a dict in the file and a list of 1 in the test"),
        (True, 1, "value is True in the file and 1 in the test"),
        (1, True, "value is 1 in the file and True in the test"),
        (None, 0.0, "value is None in the file and 0.0 in the test"),
        (None, np.zeros(1), "value is None in the file"),
        (1.5, 1, "value is 1.5 in the file and 1 in the test"),
        (1, "1", "value is 1 in the file and '1' in the test"),
        ("1", 1, "value is '1' in the file and 1 in the test"),
    ],
)
def test_other_data_are_told_and_never_filled_in(old, form, told):
    with pytest.raises(RefusedDataError, match=told):
        poured(old, form, "value")


def test_a_longer_text_is_not_cut_to_the_tests():
    assert poured(np.array(["longer"]), np.array(["x"]), "value").tolist() == ["longer"]


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        "NaN",
        np.float32(0.1),
        np.arange(3),
        [np.arange(2), {"a": np.ones(1), "b": [None, True]}],
        {"a": {"b": np.ones(2), "c": 1}, "$x": 1},
    ],
)
def test_the_tree_of_a_document_is_what_was_checked(value):
    assert same(tree_of(named_value("value", value, "test")), {"value": value})


def document(**values):
    parts = [named_value(name, value, "test") for name, value in values.items()]
    return Artifact(
        {key: value for part in parts for key, value in part.values.items()},
        {key: value for part in parts for key, value in part.arrays.items()},
    )


@pytest.mark.parametrize(
    ("values", "claims"),
    [
        ({"value": {"a": 1, "b": 2}}, [("", {"a": 3, "b": 4})]),
        ({"a": 1, "b": 2}, [("", {"a": 3, "b": 4})]),
        ({"a": 1}, [("", {"a": 3})]),
        ({"value": {"a": 1}}, [("", {"a": 3})]),
        ({"a": {"a": 1}}, [("", {"a": 3})]),
        ({"a": {"a": 1}}, [("", {"a": {"a": 3}})]),
        ({"a": {"a": {"a": 1}}}, [("", {"a": {"a": {"a": 3}}})]),
        ({"anything": 1}, [("named", 3)]),
        ({"a": 1, "b": 2}, [("", {"a": 3}), ("", {"b": 4})]),
        ({"value": 1, "value_1": 2, "c": 5}, [("value", 3), ("value_1", 4), ("", {"c": 6})]),
    ],
)
def test_a_claim_is_told_value_by_value_whatever_the_test_calls_them(values, claims):
    found = tree_of(claimed(document(**values), claims, "test"))
    assert found.keys() == values.keys()
    assert not {repr(found[name]) for name in found} & {repr(values[name]) for name in values}


@pytest.mark.parametrize(
    ("values", "claims", "told"),
    [
        ({"a": 1, "b": 2}, [("", {"a": 3})], "only the test has 'b'"),
        ({"a": 1, "b": 2}, [("", {"a": 3, "b": 4, "c": 5})], "only the file has 'c'"),
        ({"a": 1, "b": 2}, [("", 3)], "the file holds one value, and the test checks a and b"),
        ({"a": 1, "b": 2}, [("", {"a": 3}), ("", {"a": 4})], "which value is which"),
        ({"a": 1, "b": 2}, [("", 3), ("", {"b": 4})], "which value is which"),
        ({"a": 1}, [("x", 3), ("y", 4)], "a is a dict in the file and 1 in the test"),
    ],
)
def test_claims_that_cover_a_test_in_part_are_refused(values, claims, told):
    with pytest.raises(RefusedDataError, match=told):
        claimed(document(**values), claims, "test")


def table(text: str):
    header, *rows = (line.split(",") for line in text.split())
    columns = {name: CsvColumn(row[i + 1] for row in rows) for i, name in enumerate(header[1:])}
    return CsvTable(columns, CsvColumn(row[0] for row in rows))


FRAME = ",a,b\n0,1.5,x\n1,2.5,yy\n"


def test_a_table_is_taken_over_as_a_frame():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    form = document(value=pandas.DataFrame({"a": [0.0, 0.0], "b": ["u", "v"]}))
    expected = document(value=pandas.DataFrame({"a": [1.5, 2.5], "b": ["x", "yy"]}))
    found = claimed(form, [("", table(FRAME))], "test")
    assert found.values == expected.values
    assert same(dict(found.arrays), dict(expected.arrays))
    indexed = pandas.DataFrame({"a": [0.0, 0.0]}, index=[10, 20])
    found = claimed(document(value=indexed), [("", table(",a\n10,1.5\n30,2.5\n"))], "test")
    assert found.arrays["value/index/values"].tolist() == [10, 30]


def test_a_column_of_codes_is_not_taken_over_as_its_labels():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    form = document(value=pandas.DataFrame({"a": pandas.Categorical([5, 7])}))
    with pytest.raises(RefusedDataError, match="value/columns/a holds codes or dates in the test"):
        claimed(form, [("", table(",a\n0,0\n1,1\n"))], "test")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (",a,b\n0,1.5,x\n2,2.5,yy\n", "value has another index in the file"),
        (",a\n0,1.5\n1,2.5\n", "only the test has value/columns/b"),
        (",a,b\n0,1.5,x\n", "in the file"),
    ],
)
def test_a_table_of_another_frame_is_told(text, told):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    form = document(value=pandas.DataFrame({"a": [0.0, 0.0], "b": ["u", "v"]}))
    with pytest.raises(RefusedDataError, match=told):
        claimed(form, [("", table(text))], "test")
