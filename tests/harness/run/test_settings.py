"""What a stage is given of a configuration: what it declares, and an error for whatever else it asks for."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from collections.abc import Mapping

import pytest

from harness.core.errors import ProjectError
from harness.core.protocol import Stage
from harness.run.settings import UndeclaredSettingError, check_settings, declared_settings, settings_key

TRAIN = Stage(
    "train", "trained", "heat.stages:train", reads=("steps", "fit.rate", "fit.decay", "deep.er.still", "data")
)
CONFIG = {
    "steps": 3,
    "fit": {"rate": 0.1, "epochs": 5},
    "deep": {"er": {"still": 1, "other": 2}, "else": 3},
    "data": {"path": "x", "more": {"y": 1}},
    "seed": 7,
}


@pytest.fixture
def given():
    return declared_settings(TRAIN, CONFIG)


UNDECLARED = {
    "a part's key, with defaults": (lambda c: c.get("fit", {}).get("epochs", 1), "fit.epochs"),
    "a part's key": (lambda c: c["fit"]["epochs"], "fit.epochs"),
    "whether a part has a key": (lambda c: "epochs" in c["fit"], "fit.epochs"),
    "a key": (lambda c: c["seed"], "seed"),
    "a key, with a default": (lambda c: c.get("seed", 0), "seed"),
    "a key, without a default": (lambda c: c.get("seed"), "seed"),
    "whether there is a key": (lambda c: "seed" in c, "seed"),
    "a key that the configuration has not": (lambda c: c.get("momentum", 0.9), "momentum"),
    "a part that the configuration has not": (lambda c: c.get("optimizer", {}).get("name", "sgd"), "optimizer.name"),
    "whether a part is empty": (lambda c: bool(c.get("optimizer", {})), "optimizer"),
    "a part, unpacked": (lambda c: {**c.get("optimizer", {})}, "optimizer"),
    "what a part has": (lambda c: list(c.get("optimizer", {})), "optimizer"),
    "a key to be set": (lambda c: c.setdefault("seed", 0), "seed"),
    "a key to be removed": (lambda c: c.pop("seed", None), "seed"),
    "a deeper key": (lambda c: c["deep"]["er"]["other"], "deep.er.other"),
    "another part of a part": (lambda c: c["deep"].get("else"), "deep.else"),
    "a key of a copy": (lambda c: c.copy().get("seed", 0), "seed"),
    "a key of a deep copy": (lambda c: copy.deepcopy(c).get("seed", 0), "seed"),
    "a key of a pickled copy": (lambda c: pickle.loads(pickle.dumps(c))["fit"].get("epochs", 1), "fit.epochs"),
    "a key, in a pattern": (lambda c: matched(c), "seed"),
    "a key, with a format": (lambda c: "{seed}".format_map(c), "seed"),
}


def matched(config):
    match config:
        case {"seed": value}:
            return value
    return 0


@pytest.mark.parametrize("how", UNDECLARED)
def test_asking_for_what_is_not_declared_is_an_error(how, given):
    ask, name = UNDECLARED[how]
    with pytest.raises(UndeclaredSettingError, match=f"^train asks for {name}, which its reads do not declare"):
        ask(given)


def test_an_error_that_the_stage_catches_is_known_afterwards(given):
    check_settings(given)
    with contextlib.suppress(Exception):
        given["fit"]["epochs"]
    with pytest.raises(UndeclaredSettingError, match=r"train asks for fit\.epochs"):
        check_settings(given)


def test_a_part_that_is_only_handed_on_is_known_afterwards(given):
    assert given.get("optimizer", {}) is not None
    with pytest.raises(UndeclaredSettingError, match="train asks for optimizer, which"):
        check_settings(given)


def test_it_is_a_dictionary_for_whoever_keeps_to_what_is_declared(given):
    plain = {
        "steps": 3,
        "fit": {"rate": 0.1},
        "deep": {"er": {"still": 1}},
        "data": {"path": "x", "more": {"y": 1}},
    }
    assert isinstance(given, dict)
    assert isinstance(given["fit"], Mapping)
    assert given == plain
    for copied in (dict(given), {**given}, copy.copy(given), copy.deepcopy(given), pickle.loads(pickle.dumps(given))):
        assert copied == plain
    assert json.loads(json.dumps(given)) == plain
    assert sorted(given) == sorted(plain) == sorted(given.keys())
    assert (lambda **parts: parts)(**given) == plain
    assert given["data"].get("absent", 1) == 1  # all of it is declared
    assert given["deep"]["er"]["still"] == 1
    assert "steps" in given
    assert given | {"seed": 1} == plain | {"seed": 1}
    check_settings(given)


def test_a_declared_key_that_is_absent_is_as_in_any_dictionary(given):
    assert given["fit"].get("decay", 0.5) == 0.5
    assert "decay" not in given["fit"]
    with pytest.raises(KeyError, match="decay"):
        given["fit"]["decay"]
    assert given["fit"].setdefault("decay", 2) == 2
    assert given["fit"].pop("decay") == 2
    empty = declared_settings(TRAIN, {})
    assert empty.get("fit", {}).get("rate", 1) == 1
    check_settings(given)
    check_settings(empty)


def test_a_change_in_place_is_seen_and_reaches_nobody_else(given):
    given["steps"] = 4
    given["data"]["more"]["y"] = 2
    given["own"] = 5
    assert (given["steps"], given["own"], "own" in given) == (4, 5, True)
    assert given != declared_settings(TRAIN, CONFIG)
    assert CONFIG["data"]["more"]["y"] == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"steps": None}, {}),
        ({"steps": 1}, {"steps": 1.0}),
        ({"steps": 1}, {"steps": True}),
        ({"steps": [1]}, {"steps": (1,)}),
        ({"data": {"a": 1, "b": 2}}, {"data": {"b": 2, "a": 1}}),
        ({"data": {1: 2}}, {"data": {"1": 2}}),
        ({"fit": {}}, {}),
        ({"steps": 0.0}, {"steps": -0.0}),
    ],
)
def test_what_a_stage_can_tell_apart_has_another_key(one, other):
    assert settings_key(TRAIN, one) != settings_key(TRAIN, other)


def test_what_a_stage_is_not_given_is_not_in_its_key():
    assert settings_key(TRAIN, CONFIG) == settings_key(TRAIN, {**CONFIG, "seed": 8})
    fewer = Stage("train", "trained", "heat.stages:train", reads=TRAIN.reads[1:])
    assert settings_key(fewer, {}) != settings_key(TRAIN, {})


def test_a_setting_that_is_no_json_is_refused():
    with pytest.raises(ProjectError, match="stage train reads a setting that is no JSON"):
        settings_key(TRAIN, {"steps": {1, 2}})
