"""What a stage is given cannot be changed in place, wherever it came from, so that no verdict depends on the cache."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.protocol import Artifact, Pipeline, Scenario, Stage
from harness.core.trees import split_tree
from harness.run.cache import Cache
from harness.run.items import read_only
from harness.run.runner import Runner

BUFFER = np.zeros(1000)


def make(config, progress):
    BUFFER[:] += 1
    return {"field": BUFFER, "deep": {"fortran": np.asfortranarray(np.ones((2, 3)))}, "list": [1], "empty": np.zeros(0)}


def in_place(config, progress, make):
    make["field"] *= 2
    return {"sum": make["field"].sum()}


def unlocked(config, progress, make):
    make["field"].setflags(write=True)
    return {}


def deep(config, progress, make):
    make["deep"]["fortran"][0, 0] = 7
    return {}


def through_the_list(config, progress, make):
    make["list"].append(2)
    make["deep"]["more"] = 1
    return {"list": make["list"]}


def count(config, output, make):
    return Artifact({"list": len(make["list"]), "keys": len(make["deep"]), "field": make["field"].sum()})


def in_observe(config, output, make):
    make["field"][0] = 99
    return Artifact({})


def own_output(config, output, make):
    output["twice"] *= 2
    return Artifact({"twice": output["twice"].sum()})


def twice(config, progress, make):
    return {"twice": 2 * make["field"]}


MAKE = Stage("make", "made", make)
PLENTY, NOTHING = 2**30, 3000
SOURCES = ("computed", "cached", "memory", "stored")


def run(tmp_path, stage, source):
    """The last stage's run, its input from the cache, from memory (too large to be kept) or as a golden gives it."""
    BUFFER[:] = 0
    pipeline = Pipeline("p", (MAKE, stage), dict, lambda *_: None, ())
    scenario = Scenario("one", "cpu", "one", {})
    runner = Runner(pipeline, Cache(tmp_path / source, NOTHING if source == "memory" else PLENTY))
    if source == "stored":
        made = {"field": np.ones(1000), "deep": {"fortran": np.ones((2, 3))}, "list": [1], "empty": np.zeros(0)}
        return runner.alone(scenario, stage, {"make": made}, {"make": "0" * 64})
    if source == "cached":
        runner.chain(scenario, [MAKE])
    return runner.chain(scenario, [MAKE, stage])[-1]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("function", [in_place, unlocked, deep], ids=lambda f: f.__name__)
def test_a_stage_that_changes_its_input_in_place_gets_an_error_in_every_case(function, source, tmp_path):
    last = run(tmp_path, Stage("last", "last", function, needs=("make",)), source)
    assert last.item is None
    assert "ValueError" in last.error
    assert "read-only" in last.error or "WRITEABLE" in last.error


@pytest.mark.parametrize("source", SOURCES[:3])
@pytest.mark.parametrize("observe", [in_observe, own_output], ids=lambda f: f.__name__)
def test_so_does_an_observation(observe, source, tmp_path):
    last = run(tmp_path, Stage("last", "last", twice, observe, needs=("make",)), source)
    assert last.observed is None
    assert "read-only" in last.error


@pytest.mark.parametrize("source", SOURCES[:3])
def test_lists_and_mappings_are_copies_of_its_own(source, tmp_path):
    last = run(tmp_path, Stage("last", "last", through_the_list, count, needs=("make",)), source)
    assert last.item.output() == {"list": [1, 2]}
    assert last.observed.artifact().values == {"list": 1, "keys": 1, "field": 1000.0}


def pair(config, progress):
    return {"field": np.arange(16.0).reshape(4, 4), "at": (1, 2), "deep": {"none": (), "two": [((0, 1),)]}}


def at(config, progress, pair):
    return {"value": pair["field"][pair["at"]], "kinds": repr([pair["at"], pair["deep"]])}


@pytest.mark.parametrize("limit", [PLENTY, 10])
def test_a_tuple_is_a_tuple_for_the_next_stage(limit, tmp_path):
    """To index with a list would be another computation."""
    stages = (Stage("pair", "paired", pair), Stage("at", "looked_up", at, needs=("pair",)))
    pipeline = Pipeline("p", stages, dict, lambda *_: None, ())
    runner = Runner(pipeline, Cache(tmp_path, limit))
    last = runner.chain(Scenario("one", "cpu", "one", {}), stages)[-1]
    assert last.item.output() == {"value": 6.0, "kinds": "[(1, 2), {'none': (), 'two': [((0, 1),)]}]"}


def test_what_is_kept_in_memory_is_what_was_returned_whatever_becomes_of_it(tmp_path):
    """A stage may keep what it returned, and change it later."""
    cache = Cache(tmp_path, 10)
    field, values = np.ones((3, 4), order="F"), {"list": [1]}
    artifact = Artifact({"list": [1]}, {"field": field})
    item = cache.put("0" * 64, split_tree({"field": field, "values": values}), artifact, {})
    assert len(cache.unkept) == 1
    field[:] = 9
    values["list"].append(2)
    artifact.values["list"].append(2)
    for _ in range(2):
        output, seen = item.output(), item.artifact()
        assert (output["field"].sum(), output["values"], seen.values) == (12, {"list": [1]}, {"list": [1]})
        assert seen.arrays["field"].sum() == 12
        output["values"]["list"].append(3)
        seen.values["list"].append(3)
        for array in (output["field"], seen.arrays["field"]):
            assert (array.dtype, array.shape, array.flags.c_contiguous) == (np.float64, (3, 4), True)
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 1


def test_what_comes_from_the_disk_is_locked_too(tmp_path):
    cache = Cache(tmp_path, PLENTY)
    cache.put("0" * 64, split_tree({"field": np.ones(3)}), Artifact({}, {"field": np.ones(3)}), {})
    item = cache.get("0" * 64)
    for array in (item.output()["field"], item.artifact().arrays["field"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.setflags(write=True)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0)[::2],
        np.zeros((2, 0)),
        np.asfortranarray(np.ones((2, 3))),
        np.array(["a", "bc"]),
        np.array(5.0),
        np.arange(6, dtype=">i4").reshape(2, 3).T,
        np.broadcast_to(np.ones(3), (2, 3)),
    ],
    ids=["strided", "empty", "fortran", "text", "no dimension", "another order of bytes", "broadcast"],
)
def test_every_array_comes_through_unchanged_and_locked(array):
    locked = read_only({"a": [{"b": array}]})["a"][0]["b"]
    assert (locked.dtype, locked.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(locked, array)
    with pytest.raises(ValueError, match="WRITEABLE"):
        locked.setflags(write=True)
