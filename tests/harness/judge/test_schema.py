"""Schemas: what they refuse, what they say about it, and the drafts that they start from."""

from __future__ import annotations

import copy
import json
import math
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError, ProjectError
from harness.core.protocol import Artifact
from harness.core.trees import artifact_json
from harness.judge.dialect import FORMATS, _problems, is_finite_number
from harness.judge.schema import (
    OUTPUT_SCHEMA,
    Schema,
    SchemaProblem,
    Schemas,
    draft_schema,
    schema_document,
)

FILE = Path("schemas/energy.schema.json")


def schema(**rules):
    return Schema({"$id": "heat/energy-1", **rules}, FILE)


def closed(**properties):
    return {
        "type": "object", "additionalProperties": False, "properties": properties, "required": sorted(properties),
    }  # fmt: skip


# What is refused, and how it is told


def test_a_document_that_meets_its_schema_has_no_problems():
    assert schema(**closed(energy={"type": "number"})).problems({"energy": 1.5}) == []


def test_every_broken_rule_is_told_at_once_in_the_order_of_the_paths():
    rules = closed(
        total={"type": "number", "minimum": 0},
        steps={"type": "array", "items": closed(count={"type": "integer", "minimum": 1})},
    )
    result = schema(**rules).problems({"steps": [{"count": 3}, {"count": 0}, {"count": "2"}], "total": -1.5, "new": 1})
    assert result == [
        SchemaProblem(
            "$", {"steps": [{"count": 3}, {"count": 0}, {"count": "2"}], "total": -1.5, "new": 1},
            "additionalProperties = False", "Additional properties are not allowed ('new' was unexpected)",
        ),
        SchemaProblem("$.steps[1].count", 0, "minimum = 1", "0 is less than the minimum of 1"),
        SchemaProblem("$.steps[2].count", "2", "type = integer", "'2' is not of type 'integer'"),
        SchemaProblem("$.total", -1.5, "minimum = 0", "-1.5 is less than the minimum of 0"),
    ]  # fmt: skip


def test_a_missing_key_is_told_at_the_object_that_lacks_it():
    (problem,) = schema(**closed(part=closed(energy={"type": "number"}))).problems({"part": {}})
    assert problem == SchemaProblem("$.part", {}, "required = ['energy']", "'energy' is a required property")


def test_names_of_arrays_keep_their_slashes():
    rules = closed(arrays=closed(**{"field/mean": closed(dtype={"const": "float32"})}))
    (problem,) = schema(**rules).problems({"arrays": {"field/mean": {"dtype": "float64"}}})
    assert (problem.path, problem.value, problem.rule) == ("$.arrays.field/mean.dtype", "float64", "const = float32")


def test_a_long_value_and_a_long_rule_are_cut():
    (problem,) = schema(type="array", maxItems=3).problems(list(range(500)))
    assert problem.path == "$"
    assert problem.value.startswith("[0, 1, 2,")
    assert problem.value.endswith("...")
    assert len(problem.value) == 120
    assert problem.message == problem.rule == "maxItems = 3"
    (problem,) = schema(enum=list(range(500))).problems("x")
    assert len(problem.rule) < 140


@pytest.mark.parametrize("kind", ["number", "integer"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, False, "NaN", "1", None], ids=repr)
def test_what_is_not_a_finite_number_is_not_a_number(kind, value):
    (problem,) = schema(**closed(energy={"type": kind, "minimum": 0, "maximum": 10})).problems({"energy": value})
    assert problem.path == "$.energy"
    assert problem.rule == f"type = {kind}"
    assert problem.value is value
    assert not is_finite_number(value)


@pytest.mark.parametrize("value", [0, -3, 2.5, 1e300, -0.0])
def test_finite_numbers_are_numbers(value):
    assert schema(type="number").problems(value) == []
    assert is_finite_number(value)


def test_the_name_of_what_is_not_finite_passes_only_where_it_is_allowed():
    allowed = schema(anyOf=[{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}])
    assert [allowed.problems(v) for v in (1.0, "NaN", "Infinity", "-Infinity")] == [[]] * 4
    assert allowed.problems(math.nan)
    assert allowed.problems("nan")


def test_a_document_of_an_older_schema_is_told_by_its_id():
    old = schema_document(Artifact({"energy": 1.0}), "heat/energy-0")
    rules = closed(schema={"const": "heat/energy-1"}, values=closed(energy={"type": "number"}), arrays=closed())
    (problem,) = schema(**rules).problems(old)
    assert problem == SchemaProblem(
        "$.schema", "heat/energy-0", "const = heat/energy-1", "'heat/energy-1' was expected"
    )


# Alternatives


TWO = {
    "oneOf": [
        closed(a=closed(x={"type": "number"}, y={"type": "number"}), only_first={"type": "null"}),
        closed(a=closed(x={"type": "number"}, y={"type": "number"}), only_second={"type": "null"}),
    ]
}


@pytest.mark.parametrize("form", ["only_first", "only_second"])
def test_of_alternatives_every_error_of_the_nearest_is_told(form):
    result = schema(**TWO).problems({"a": {"x": "1", "y": math.inf}, form: None})
    assert [(p.path, p.rule) for p in result] == [("$.a.x", "type = number"), ("$.a.y", "type = number")]


@pytest.mark.parametrize("form", ["only_first", "only_second"])
def test_an_extra_key_is_told_against_the_form_that_the_rest_has(form):
    (problem,) = schema(**TWO).problems({"a": {"x": 1, "y": 1}, form: None, "b": 2})
    assert problem.message == "Additional properties are not allowed ('b' was unexpected)"


def test_alternatives_inside_alternatives_are_followed_down():
    inner = {"oneOf": [{"type": "null"}, closed(z={"type": "integer"})]}
    (problem,) = schema(oneOf=[closed(a=inner), {"type": "string"}]).problems({"a": {"z": 1.5}})
    assert (problem.path, problem.value) == ("$.a.z", 1.5)


def test_meeting_two_alternatives_is_an_error_too():
    (problem,) = schema(oneOf=[{"type": "number"}, {"minimum": 0}]).problems(1)
    assert problem.path == "$"
    assert "valid under each of" in problem.message


# Schema files


@pytest.mark.parametrize("content", [{}, {"$id": ""}, {"type": "object"}, [], None, 3], ids=repr)
def test_a_schema_without_an_id_is_refused_with_what_to_do(content):
    with pytest.raises(ProjectError) as raised:
        Schema(content, FILE)
    assert str(raised.value) == (f'{FILE} has no "$id": give it a name with a version, such as "project/energy-1"')


@pytest.mark.parametrize("rules", [{"type": "numbre"}, {"minimum": "0"}, {"required": "energy"}], ids=repr)
def test_a_file_that_is_no_schema_is_refused_by_name(rules):
    with pytest.raises(ProjectError, match=rf"^{FILE} is not a valid JSON Schema: ") as raised:
        schema(**rules).problems({})
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"$ref": "https://example.org/energy.json"}, "leads nowhere"),
        ({"$ref": "file:///etc/hostname"}, "leads nowhere"),
        ({"$ref": "#/$defs/absent"}, "leads nowhere"),
        ({"$ref": "#"}, "leads back to itself"),
    ],
)
def test_a_schema_stands_alone_and_fetches_nothing(rules, sentence):
    with pytest.raises(ProjectError, match=f"{FILE.name}.*{sentence}"):
        schema(**rules).problems({})


def test_the_identity_is_the_id():
    assert schema().identity == "heat/energy-1"
    assert schema().path == FILE


def write(folder, name, content):
    path = folder / f"{name}.schema.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_folder_gives_each_artifact_its_schema(tmp_path):
    path = write(tmp_path, "energy", {"$id": "heat/energy-3"})
    write(tmp_path, "field", {"$id": "heat/field-1"})
    (tmp_path / "notes.json").write_text("{}", encoding="utf-8")
    schemas = Schemas(tmp_path)
    assert schemas.of("energy").identity == "heat/energy-3"
    assert [p.name for p in schemas.files()] == ["energy.schema.json", "field.schema.json"]
    path.unlink()
    assert schemas.of("energy").identity == "heat/energy-3"  # it is read once


def test_a_missing_schema_says_how_to_draft_one(tmp_path):
    with pytest.raises(ProjectError) as raised:
        Schemas(tmp_path).of("energy")
    assert str(tmp_path / "energy.schema.json") in str(raised.value)
    assert "`harness schema SCENARIO energy`" in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", '{"$id": NaN}', '{"$id": "a", "$id": "b"}'])
def test_a_schema_that_is_not_strict_json_is_refused_by_name(tmp_path, text):
    write(tmp_path, "energy", text)
    with pytest.raises(HarnessError, match=r"energy\.schema\.json"):
        Schemas(tmp_path).of("energy")


# Documents and drafts


def test_a_document_holds_values_whole_and_arrays_by_their_form():
    built = schema_document(Artifact({"energy": 1.0}, {"field/mean": np.zeros((2, 3), np.float32)}), "heat/energy-1")
    assert built == {
        "schema": "heat/energy-1", "values": {"energy": 1.0},
        "arrays": {"field/mean": {"dtype": "float32", "shape": [2, 3]}},
    }  # fmt: skip


def test_a_replays_schema_has_a_versioned_name():
    assert OUTPUT_SCHEMA == "harness/output-1"


leaf = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-9, 9) | st.text(string.ascii_letters, max_size=3)
names = st.text(string.ascii_lowercase, min_size=1, max_size=3)
objects_only = st.dictionaries(names, st.recursive(leaf, lambda t: st.dictionaries(names, t, max_size=3)), max_size=4)
trees = st.dictionaries(
    names, st.recursive(leaf, lambda t: st.lists(t, max_size=3) | st.dictionaries(names, t, max_size=3)), max_size=4
)
array = st.builds(np.zeros, st.lists(st.integers(1, 3), max_size=3), st.sampled_from(["f2", "i4", "c8"]))
arrays = st.dictionaries(names, array, max_size=2)


@settings(max_examples=50)
@given(trees, arrays)
def test_a_draft_is_met_by_its_example(values, built):
    example = Artifact(values, built)
    drafted = draft_schema(example, "heat/energy-1")
    assert Schema(drafted, FILE).problems(schema_document(example, "heat/energy-1")) == []
    assert json.loads(json.dumps(drafted)) == drafted


def objects(tree):
    if isinstance(tree, dict):
        yield tree
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from objects(inner)


@settings(max_examples=30)
@given(objects_only, arrays)
def test_a_draft_is_closed_everywhere(values, built):
    example = Artifact(copy.deepcopy(values), built)
    drafted = Schema(draft_schema(example, "heat/energy-1"), FILE)
    whole = schema_document(example, "heat/energy-1")
    for inner in objects(whole):
        inner["surplus"] = 1
        assert drafted.problems(whole)
        del inner["surplus"]
        for key in list(inner):
            value = inner.pop(key)
            assert drafted.problems(whole)
            inner[key] = value


def test_a_draft_fixes_types_dtypes_and_axes():
    example = Artifact({"count": 3, "energy": 1.5}, {"field": np.zeros((2, 3), np.float32)})
    drafted = Schema(draft_schema(example, "heat/energy-1"), FILE)
    for change in (
        {"values": {"count": 3.5, "energy": 1.5}},
        {"values": {"count": 3, "energy": "1.5"}},
        {"values": {"count": 3, "energy": math.nan}},
        {"arrays": {"field": {"dtype": "float64", "shape": [2, 3]}}},
        {"arrays": {"field": {"dtype": "float32", "shape": [2, 3, 1]}}},
        {"schema": "heat/energy-2"},
    ):
        assert len(drafted.problems({**schema_document(example, "heat/energy-1"), **change})) == 1, change


def test_a_draft_of_a_list_of_several_kinds_allows_each():
    drafted = Schema(draft_schema(Artifact({"rate": [0, None, 0.5]}), "heat/energy-1"), FILE)

    def result(rate):
        return drafted.problems(schema_document(Artifact({"rate": rate}), "heat/energy-1"))

    assert result([1.5, 2, None]) == []
    assert [p.path for p in result([1.5, "2"])] == ["$.values.rate[1]"]


def test_a_draft_asks_its_author_for_meanings():
    drafted = draft_schema(Artifact({"energy": 1.5}), "heat/energy-1")
    assert drafted["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert drafted["$id"] == "heat/energy-1"
    assert "TODO" in drafted["description"]
    assert drafted["properties"]["values"]["properties"]["energy"]["description"] == "TODO"


# Words that nobody would hear


def refused(**rules):
    with pytest.raises(ProjectError) as raised:
        schema(**rules).problems({})
    return str(raised.value)


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"maximun": 1}, "at #, the keyword 'maximun' is unknown: did you mean 'maximum'?"),
        (closed(e={"type": "number", "minimun": 0}), "at #/properties/e, the keyword 'minimun' is unknown"),
        ({"allOf": [{"items": {"requird": ["a"]}}]}, "at #/allOf/0/items, the keyword 'requird' is unknown"),
        ({"$defs": {"a": {"zzzzzz": 1}}}, "at #/$defs/a, the keyword 'zzzzzz' is unknown: call a remark \"x-zzzzzz\""),
        ({"not": {"enumm": [1]}}, "at #/not, the keyword 'enumm' is unknown: did you mean 'enum'?"),
        ({"unit": "m"}, "the keyword 'unit' is unknown"),
        ({"dependencies": {"a": ["b"]}}, "the keyword 'dependencies' is unknown: did you mean 'dependent"),
        ({"additionalItems": False}, "the keyword 'additionalItems' is unknown"),
        ({"definitions": {"a": {"typ": 1}}}, "at #/definitions/a, the keyword 'typ' is unknown"),
        ({"format": "date-time"}, "at #, the format 'date-time' is not checked: use one of date, email"),
        (closed(e={"format": "uri"}), "at #/properties/e, the format 'uri' is not checked"),
        ({"format": "dat"}, "the format 'dat' is not checked"),
        ({"contentEncoding": "base64"}, "'contentEncoding' is not checked: describe it in words"),
        ({"contentMediaType": "text/csv"}, "'contentMediaType' is not checked"),
        ({"contentSchema": {}}, "'contentSchema' is not checked"),
        ({"then": {"type": "number"}}, "'then' says nothing without 'if'"),
        ({"minContains": 2}, "'minContains' says nothing without 'contains'"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema is 'http://json-schema.org/draft-07/schema#'"),
        ({"pattern": "("}, "is not a valid JSON Schema: '(' is not a 'regex'"),
    ],
    ids=str,
)  # fmt: skip
def test_a_word_that_would_not_be_checked_is_refused_with_place_and_remedy(rules, sentence):
    message = refused(**rules)
    assert message.startswith(f"{FILE}")
    assert sentence in message


def test_names_of_values_and_data_are_no_keywords():
    harmless = closed(
        maximun={"const": {"maximun": 1}, "enum": [{"typ": 1}], "default": {"a": 1}, "examples": [{"b": 2}]}
    )
    more = {
        "x-unit": "m",
        "$comment": "c",
        "title": "t",
        "readOnly": True,
        "deprecated": False,
        "dependentRequired": {"a": ["b"]},
    }
    conditions = {"if": {"type": "object"}, "then": {"minProperties": 1}, "propertyNames": {"pattern": "^m"}}
    valid = schema(**harmless, **more, **conditions, **{"$schema": "https://json-schema.org/draft/2020-12/schema"})
    assert valid.problems({"maximun": {"maximun": 1}}) != []  # not in the enum
    assert schema(properties={"a": True, "b": False}).problems({"a": 1}) == []


def test_every_schema_of_this_repository_says_nothing_in_vain():
    root = Path(__file__).parents[3] / "schemas"
    for path in sorted(root.glob("*.schema.json")):
        Schema(json.loads(path.read_bytes()), path).problems({})
    for path in sorted(root.glob("*/*.schema.json")):
        rules = json.loads(path.read_bytes())
        assert [p for p in _problems(rules, "#") if "date-time" not in p] == [], path


GOOD = {
    "date": "2000-02-29", "email": "a@example.org", "idn-email": "ü@example.org", "ipv4": "127.0.0.1", "ipv6": "::1",
    "regex": "^a+$", "uuid": "123e4567-e89b-12d3-a456-426614174000",
}  # fmt: skip
BAD = {
    "date": "2001-02-29", "email": "a", "idn-email": "a", "ipv4": "127.0.0.256", "ipv6": ":::", "regex": "(",
    "uuid": "123e4567",
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_checked(name):
    rules = schema(type="string", format=name)
    assert rules.problems(GOOD[name]) == []
    (problem,) = rules.problems(BAD[name])
    assert problem.rule == f"format = {name}"
    assert schema(format=name).problems(3) == []


@pytest.mark.parametrize(
    ("value", "step", "multiple"),
    [
        (0.3, 0.1, True), (0.7, 0.1, True), (1.1, 0.1, True), (4.35, 0.01, True), (0.35, 0.1, False),
        (1e300, 0.1, True), (1e-300, 1e-301, True), (1, 0.3, False), (0.9, 0.3, True), (10**30 + 1, 2, False),
        (0.1 + 0.2, 0.1, False), (6, 3, True), (19.99, 0.01, True),
        (-0.3, 0.1, True), (0.0, 0.1, True), (2.5, 2, False), (4.0, 2, True),
    ],
)  # fmt: skip
def test_multiples_are_of_the_decimals_that_are_written(value, step, multiple):
    problems = schema(multipleOf=step).problems(value)
    assert (problems == []) is multiple
    assert [p.message for p in problems] == ([] if multiple else [f"{value!r} is not a multiple of {step!r}"])


def test_what_is_no_number_is_a_multiple_of_anything():
    for value in ("0.35", True, None, math.nan, math.inf):
        assert schema(multipleOf=0.1).problems(value) == []
    for value in (math.nan, True):
        assert [p.rule for p in schema(type="number", multipleOf=0.1).problems(value)] == ["type = number"]


# What stands for numbers and texts


def test_a_schema_sees_what_markers_mean():
    marked = closed(**{"$array": {"const": "x"}})
    values = closed(n={"type": "number"}, t={"type": "string"}, d=marked, m={"enum": ["NaN"]})
    rules = closed(schema={}, arrays={}, values=values)
    written = artifact_json({"n": np.float32(0.1), "t": "Infinity", "d": {"$array": "x"}, "m": math.nan})
    assert schema(**rules).problems(schema_document(Artifact(written), "heat/energy-1")) == []


def test_a_draft_of_a_number_that_is_not_finite_allows_numbers():
    example = Artifact(artifact_json({"gap": math.nan, "text": "NaN", "half": np.float16(0.5)}))
    drafted = Schema(draft_schema(example, "heat/energy-1"), FILE)

    def paths(**values):
        document = schema_document(Artifact(artifact_json(values)), "heat/energy-1")
        return [p.path for p in drafted.problems(document)]

    assert paths(gap=math.nan, text="NaN", half=np.float16(0.5)) == []
    assert paths(gap=1.5, text="a", half=2.5) == []
    assert paths(gap="nan", text=1, half="a") == ["$.values.gap", "$.values.half", "$.values.text"]
