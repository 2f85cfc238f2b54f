"""The id of a golden: a value with three parts, and the text that files and command lines hold."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import PurePosixPath

import pytest

from harness.core.errors import GoldenError
from harness.core.ids import GoldenId, checked_id, is_of_a_test, scenario_of
from harness.store.manifest import check_kind

TEXT = "smooth/cpu/fit"


def parts(identity):
    return identity.scenario, identity.track, identity.artifact


def test_an_id_has_its_parts_and_is_its_text():
    identity = GoldenId.parse(TEXT)
    assert parts(identity) == ("smooth", "cpu", "fit")
    assert identity == GoldenId("smooth", "cpu", "fit") == TEXT
    assert {TEXT: 1}[identity] == 1
    assert json.dumps([identity]) == f'["{TEXT}"]'


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda identity: pickle.loads(pickle.dumps(identity))])
def test_a_copy_keeps_its_parts(copied):
    identity = copied(GoldenId.parse(TEXT))
    assert (identity, parts(identity)) == (TEXT, ("smooth", "cpu", "fit"))


@pytest.mark.parametrize("text", ["", "smooth", "smooth/cpu", "smooth/cpu/fit/more"])
def test_an_id_has_three_parts(text):
    with pytest.raises(GoldenError, match="is not"):
        GoldenId.parse(text)


@pytest.mark.parametrize(
    "text", ["../cpu/fit", "smooth/../fit", "smooth/cpu/..", "/cpu/fit", "smooth//fit", "smooth/a..b/fit", "a/b/c\n"]
)
def test_an_id_leads_nowhere_else(text):
    with pytest.raises(GoldenError, match="is not an id"):
        GoldenId.parse(text)


def checked(path, *names, parameters=""):
    return checked_id(PurePosixPath(path), names, parameters)


def test_the_id_of_a_test_says_its_module_its_classes_its_name_and_its_parameters():
    assert checked("tests/test_a.py", "test_x") == "tests.test_a/check/test_x"
    assert checked("test_a.py", "TestB", "test_x", parameters="1.0-left") == "test_a/check/TestB.test_x-1.0-left"
    assert is_of_a_test("test_a/check/test_x")
    assert not is_of_a_test("check/cpu/fit")


ODD = [
    ("tests/te st.py", "test_x", ""),
    ("tests/te_st.py", "test_x", ""),
    ("a.b/test_a.py", "test_x", ""),
    ("a/b/test_a.py", "test_x", ""),
    ("a/b/test_a.pyt", "test_x", ""),
    ("approvals.py", "test_x", ""),
    *(
        ("t.py", "test_x", p)
        for p in ("", "a b", "a_b", "a/b", "..", "../..", "x.about", "x" * 400, "x" * 401, "ü", "\n")
    ),
    ("t.py", "test_ü", ""),
    ("t.py", "test_", ""),
    ("t.py", "test_x-a", "b"),
    ("t.py", "test_x", "a-b"),
]


def test_no_two_tests_share_an_id_and_each_is_one():
    ids = [checked(path, name, parameters=parameters) for path, name, parameters in ODD]
    assert len(set(ids)) == len(ids)
    for identity in ids:
        assert GoldenId.parse(identity) == identity
        assert len(identity.artifact) < 200
        check_kind(identity, "golden")
        assert not identity.endswith(".about")


def test_the_scenario_is_the_first_part_of_any_id():
    assert [scenario_of(i) for i in (TEXT, "smooth/tolerances.toml", "smooth")] == ["smooth"] * 3
