"""The quick yes to a schema: it says yes to most, and never to what the validator refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.certain import certainty
from harness.judge.dialect import strict_validator

NAMES = st.sampled_from(["a", "b", "c"])
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "object", "array"])
LEAVES = st.one_of(
    TYPES.map(lambda kind: {"type": kind}),
    st.sampled_from(
        [{}, {"type": ["integer", "null"]}, {"const": 1}, {"type": "integer", "minimum": 2}, {"enum": ["x"]}]
    ),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner, max_size=3)},
            optional={
                "required": st.lists(NAMES, max_size=2, unique=True),
                "additionalProperties": st.one_of(st.booleans(), inner),
            },
        ),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 2)}),
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    st.sampled_from([None, True, 1, 0, 2.0, 1.5, float("nan"), float("inf"), "x", ""]),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


@given(SCHEMAS, VALUES)
def test_what_it_is_certain_of_the_validator_accepts(schema, value):
    if certainty(schema)(value):
        assert strict_validator(schema, Path("t")).is_valid(value)


ROW = {"type": "object", "additionalProperties": False, "required": ["a"], "properties": {"a": {"type": "number"}}}


@pytest.mark.parametrize(
    ("schema", "value", "certain"),
    [
        ({"type": "array", "items": ROW, "description": "rows", "x-unit": "m"}, [{"a": 1.5}, {"a": 2}], True),
        ({"type": "array", "items": ROW}, [{"a": 1.5, "b": 1}], False),
        ({"type": "array", "items": ROW}, [{}], False),
        ({"type": "array", "maxItems": 1}, [1, 2], False),
        ({"type": "integer"}, True, False),
        ({"type": "number"}, float("nan"), False),
        ({"type": "integer", "minimum": 0}, 3, False),
    ],
)
def test_it_is_certain_of_types_and_names_alone(schema, value, certain):
    assert certainty(schema)(value) is certain
