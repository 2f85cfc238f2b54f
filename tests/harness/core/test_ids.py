"""The id of a golden: a value with three parts, and the text that files and command lines hold."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from harness.core.errors import GoldenError
from harness.core.ids import GoldenId, scenario_of

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


def test_the_scenario_is_the_first_part_of_any_id():
    assert [scenario_of(i) for i in (TEXT, "smooth/tolerances.toml", "smooth")] == ["smooth"] * 3
