"""The schemas of the artifacts: worth reading, closed, and met by real artifacts of both kinds of scenario."""

from __future__ import annotations

import copy
import functools
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from guard.pipeline import pipeline
from harness.core.protocol import Artifact
from harness.judge.schema import SchemaProblem, Schemas, schema_document
from harness.run.cache import Cache
from harness.run.runner import Runner

FOLDER = Path(__file__).parent.parent / "schemas"
SCHEMAS = Schemas(FOLDER)
STAGES = [stage for stage in pipeline.stages if stage.main]
ARTIFACTS = [stage.artifact for stage in STAGES]
OPTIONAL = {"val_loss", "val_mae_loss", "history/val_loss", "truth_amplitude"}  # nothing held out; no truth
UNIT = re.compile(
    r"\b(pixels?|radians?|object units|normalised units?|units? of P O|probe units|in .+ units?|photons|[Nn]umber of|"
    r"[Ss]hare|ratio|dimensionless|coefficient|nats|ring correlation)\b"
)
each_artifact = pytest.mark.parametrize("artifact", ARTIFACTS)


def content(artifact: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{artifact}.schema.json").read_text(encoding="utf-8"))


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and every schema inside it."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("properties", "$defs"):
        for inner in schema.get(key, {}).values():
            yield from subschemas(inner)
    for key in ("prefixItems", "oneOf", "anyOf", "allOf"):
        for inner in schema.get(key, []):
            yield from subschemas(inner)
    for key in ("items", "if", "then", "else", "propertyNames"):
        yield from subschemas(schema.get(key))


def objects(artifact: str) -> list[dict[str, Any]]:
    """Every schema that describes an object, rather than add to one that does."""
    return [schema for schema in subschemas(content(artifact)) if "object" in np.atleast_1d(schema.get("type", ""))]


# What the files say


def test_every_artifact_has_a_schema_and_every_schema_an_artifact():
    assert [path.name for path in SCHEMAS.files()] == sorted(f"{artifact}.schema.json" for artifact in ARTIFACTS)


@each_artifact
def test_a_schema_is_valid_and_its_id_has_a_version(artifact):
    schema = content(artifact)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert re.fullmatch(rf"ptycho/{artifact}-[1-9]\d*", schema["$id"])
    assert schema["properties"]["schema"]["const"] == schema["$id"]
    assert len(schema["title"]) > 3
    assert len(schema["description"]) > 80


@each_artifact
def test_every_object_is_closed(artifact):
    for schema in objects(artifact):
        assert schema["additionalProperties"] is False, schema
        assert set(schema.get("required", [])) == set(schema.get("properties", {})) - OPTIONAL, schema


@each_artifact
def test_every_property_is_described(artifact):
    for schema in objects(artifact):
        for name, inner in schema.get("properties", {}).items():
            text = inner.get("description", "")
            assert len(text) >= 12, f"{artifact}: {name}: {text!r}"
            assert text.endswith("."), f"{artifact}: {name}: {text!r}"
            assert "TODO" not in text


@each_artifact
def test_every_number_says_its_unit(artifact):
    whole = content(artifact)
    for schema in objects(artifact):
        for name, inner in schema.get("properties", {}).items():
            if name == "shape":
                continue
            reference = inner.get("$ref", "").rpartition("/")[2]
            meant = whole["$defs"][reference] if reference else inner
            kinds = {*np.atleast_1d(meant.get("type", "")), *np.atleast_1d(meant.get("items", {}).get("type", ""))}
            if kinds & {"number", "integer"}:
                assert UNIT.search(inner["description"]), f"{artifact}: {name}: {inner['description']}"


@each_artifact
def test_every_array_has_one_dtype_and_one_number_of_axes(artifact):
    arrays = [schema for schema in objects(artifact) if "dtype" in schema.get("properties", {})]
    assert bool(arrays) == (artifact not in ("normalized", "telemetry"))
    for schema in arrays:
        shape = schema["properties"]["shape"]
        assert np.dtype(schema["properties"]["dtype"]["const"]).kind in "ifc"
        assert shape["minItems"] == shape["maxItems"] > 0


# What the pipeline makes


@pytest.fixture(scope="session")
def replayed(tmp_path_factory) -> Callable[[str], dict[str, Any]]:
    """``replayed(scenario)``: a document of every artifact of its smallest run, to be changed at will."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # where all workers find what one of them has run
    runner = Runner(pipeline, Cache(folder / "schemas", 2**30))
    built = functools.cache(functools.partial(run, runner))
    return lambda name: {
        artifact: copy.deepcopy(schema_document(result, SCHEMAS.of(artifact).identity))
        for artifact, result in built(name).items()
    }


@pytest.fixture(params=["gs2_ideal", "siemens_star"])
def documents(request, replayed) -> dict[str, Any]:
    """Documents of a simulated and of a measured scenario, by artifact."""
    if request.param == "siemens_star":
        request.getfixturevalue("shared")
    return replayed(request.param)


@pytest.fixture
def simulated(replayed) -> dict[str, Any]:
    """Documents of the simulated scenario, by artifact."""
    return replayed("gs2_ideal")


def run(runner: Runner, name: str) -> dict[str, Artifact]:
    """The artifact of every main stage of a scenario at its replay profile."""
    artifacts = {}
    for outcome in runner.chain(pipeline.load(name, pipeline.replay_profile), STAGES):
        assert outcome.observed is not None, f"{name}: {outcome.stage.name}: {outcome.error or outcome.blocked}"
        artifacts[outcome.stage.artifact] = outcome.observed.artifact()
    return artifacts


def problems(built: dict[str, Any], artifact: str) -> list[SchemaProblem]:
    return SCHEMAS.of(artifact).problems(built)


def leaves(tree: Any, path: str = "$") -> Iterator[tuple[str, Any, Any]]:
    """Path, container and key of every number of a document, as the problems name them."""
    keys = range(len(tree)) if isinstance(tree, list) else tree
    for key in keys:
        here = f"{path}[{key}]" if isinstance(tree, list) else f"{path}.{key}"
        if isinstance(tree[key], dict | list):
            yield from leaves(tree[key], here)
        elif isinstance(tree[key], int | float) and not isinstance(tree[key], bool):
            yield here, tree, key


def inner_objects(tree: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and content of every object of a document."""
    if isinstance(tree, dict):
        yield path, tree
        for key, value in tree.items():
            yield from inner_objects(value, f"{path}.{key}")
    elif isinstance(tree, list):
        for i, value in enumerate(tree):
            yield from inner_objects(value, f"{path}[{i}]")


@each_artifact
@pytest.mark.slow
def test_real_artifacts_meet_their_schema(documents, artifact):
    assert problems(documents[artifact], artifact) == []


@each_artifact
def test_an_extra_key_anywhere_is_an_error_there(documents, artifact):
    for path, inner in inner_objects(documents[artifact]):
        inner["surplus"] = 1
        result = problems(documents[artifact], artifact)
        assert {problem.path for problem in result} == {path}
        assert "'surplus' was unexpected" in result[0].message
        del inner["surplus"]


@each_artifact
def test_a_missing_key_anywhere_is_an_error_there(documents, artifact):
    for path, inner in inner_objects(documents[artifact]):
        for key in list(inner):
            value = inner.pop(key)
            result = problems(documents[artifact], artifact)
            assert (path, f"{key!r} is a required property") in {(p.path, p.message) for p in result}, key
            inner[key] = value


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, "NaN", "1", True, [1]], ids=repr)
@each_artifact
def test_what_is_not_a_finite_number_is_an_error_wherever_one_belongs(documents, artifact, wrong):
    built = documents[artifact]
    places = list(leaves(built))
    assert places
    for _, inner, key in places:
        inner[key] = wrong
    assert {path for path, _, _ in places} <= {problem.path for problem in problems(built, artifact)}


@each_artifact
def test_a_negative_number_is_an_error_wherever_there_is_no_sign(documents, artifact):
    signed = re.compile(
        r"origin_px|phase_rad\.(mean|min|max)|pearson_r|relative_bias|ssim|frc_mean|delta|log_scale_(value|initial)"
    )
    built = documents[artifact]
    places = [place for place in leaves(built) if not signed.search(place[0])]
    for _, inner, key in places:
        inner[key] = -1
    assert {path for path, _, _ in places} == {problem.path for problem in problems(built, artifact)}


@each_artifact
def test_another_dtype_or_number_of_axes_is_an_error(documents, artifact):
    built = documents[artifact]
    for name, array in built["arrays"].items():
        good = array["dtype"]
        array["dtype"] = "float128"
        (problem,) = problems(built, artifact)
        assert (problem.path, problem.value, problem.rule) == (f"$.arrays.{name}.dtype", "float128", f"const = {good}")
        array["dtype"] = good
        array["shape"].append(array["shape"][-1])
        assert [p.path for p in problems(built, artifact)] == [f"$.arrays.{name}.shape"]
        array["shape"].pop()


# What belongs together


def test_both_kinds_of_scenario_were_seen(documents):
    truth = documents["simulation"]["values"]["truth"]
    assert ("network" in documents["comparison"]["values"]["metrics"]) == (truth is not None)


def test_an_older_schema_is_named(simulated):
    simulated["split"]["schema"] = "ptycho/split-0"
    (problem,) = problems(simulated["split"], "split")
    assert (problem.path, problem.value, problem.rule) == ("$.schema", "ptycho/split-0", "const = ptycho/split-1")


def test_the_picture_of_the_truth_comes_with_the_truth(simulated):
    built = simulated["simulation"]
    picture = built["arrays"].pop("truth_amplitude")
    assert [p.message for p in problems(built, "simulation")] == ["'truth_amplitude' is a required property"]
    built["values"]["truth"] = None
    assert problems(built, "simulation") == []
    built["arrays"]["truth_amplitude"] = picture
    (problem,) = problems(built, "simulation")
    assert problem.path == "$.arrays"
    assert "'truth_amplitude' is not one of" in problem.message


def test_losses_of_held_out_groups_come_together(simulated):
    built = simulated["trained"]
    final, arrays = built["values"]["final"], built["arrays"]
    final |= {"val_loss": 1.0}
    assert {(p.path, p.message) for p in problems(built, "trained")} == {
        ("$.values.final", "'val_mae_loss' is a dependency of 'val_loss'"),
        ("$.arrays", "'history/val_loss' is a required property"),
    }
    final["val_mae_loss"] = 1.0
    arrays["history/val_loss"] = arrays["history/loss"]
    assert problems(built, "trained") == []
    del final["val_loss"]
    assert "'val_loss' is a dependency of 'val_mae_loss'" in {p.message for p in problems(built, "trained")}
    del final["val_mae_loss"]
    (problem,) = problems(built, "trained")
    assert (problem.path, problem.rule) == ("$.arrays", "const = history/loss")


def test_a_comparison_has_one_form_only(simulated):
    built = simulated["comparison"]
    metrics, arrays = built["values"]["metrics"], built["arrays"]
    metrics["network_to_oracle"] = metrics["network"]
    arrays["network_to_oracle/frc"] = arrays["network/frc"]
    result = {(p.path, p.message) for p in problems(built, "comparison")}
    unexpected = "Additional properties are not allowed ({!r} was unexpected)".format
    assert result == {
        ("$.values.metrics", unexpected("network_to_oracle")), ("$.arrays", unexpected("network_to_oracle/frc")),
    }  # fmt: skip


def test_every_error_of_the_nearer_form_is_told(simulated):
    metrics = simulated["comparison"]["values"]["metrics"]
    metrics["network"]["amplitude"]["pearson_r"] = 1.01
    metrics["network"]["phase"]["mae"] = 4.0
    metrics["support"]["count"] = 2.5
    metrics["oracle"]["surplus"] = 1
    paths = ["network.amplitude.pearson_r", "network.phase.mae", "oracle", "support.count"]
    assert [p.path for p in problems(simulated["comparison"], "comparison")] == [f"$.values.metrics.{p}" for p in paths]


def test_null_is_for_what_a_scenario_does_not_have(simulated):
    simulated["reconstruction"]["values"]["synchronization"] = None
    assert problems(simulated["reconstruction"], "reconstruction") == []
    network = simulated["comparison"]["values"]["metrics"]["network"]
    network["frc_mean"] = network["amplitude"]["ssim"] = network["amplitude"]["pearson_r"] = None
    assert problems(simulated["comparison"], "comparison") == []
    network["amplitude"]["mae"] = None
    assert [p.path for p in problems(simulated["comparison"], "comparison")] == [
        "$.values.metrics.network.amplitude.mae"
    ]


def test_no_rings_are_an_empty_array(simulated):
    simulated["comparison"]["arrays"]["network/frc"]["shape"] = [0]
    assert problems(simulated["comparison"], "comparison") == []


@pytest.mark.parametrize(("rows", "column"), [("stages", "name"), ("stages", "split"), ("gain_ladder", "gain")])
def test_stages_and_rungs_have_their_places(simulated, rows, column):
    table = simulated["telemetry"]["values"]["intensity"][rows]
    where = f"$.values.intensity.{rows}"
    for i, row in enumerate(table):
        good, row[column] = row[column], "another"
        assert f"{where}[{i}].{column}" in {p.path for p in problems(simulated["telemetry"], "telemetry")}
        row[column] = good
    table.reverse()
    assert problems(simulated["telemetry"], "telemetry")
    table.reverse()
    table.append(table[-1])
    assert [p.path for p in problems(simulated["telemetry"], "telemetry")] == [where]
    del table[-2:]
    assert [p.path for p in problems(simulated["telemetry"], "telemetry")] == [where]


def test_only_a_bounded_head_has_a_ceiling(simulated):
    head = simulated["telemetry"]["values"]["intensity"]["amplitude_head"]
    head |= {"kind": "sigmoid", "ceiling": 1.0, "saturated_share": 0.5}
    assert problems(simulated["telemetry"], "telemetry") == []
    head["kind"] = "positive"
    where = "$.values.intensity.amplitude_head."
    assert [p.path for p in problems(simulated["telemetry"], "telemetry")] == [
        where + "ceiling",
        where + "saturated_share",
    ]


def test_a_frozen_weight_is_for_an_invariant_to_judge(simulated):
    simulated["telemetry"]["values"]["unmoved"] = ["log_scale"]
    assert problems(simulated["telemetry"], "telemetry") == []
    simulated["telemetry"]["values"]["unmoved"] = [3]
    assert [p.path for p in problems(simulated["telemetry"], "telemetry")] == ["$.values.unmoved[0]"]


@pytest.mark.parametrize(
    ("artifact", "path", "beyond"),
    [
        ("simulation", "frames/side_px", 65),
        ("simulation", "truth/phase_rad/max", 3.2),
        ("simulation", "photon_scale", 0),
        ("split", "train", 0),
        ("probe", "overlap_with_given", 1.01),
        ("groups", "infer/members_each", 2),
        ("normalized", "gain", 0),
        ("trained", "final/loss", -1e-3),
        ("reconstruction", "canvas_side_px", 131),
        ("reconstruction", "synchronization/components", 0),
        ("comparison", "metrics/support/coverage", 1.01),
        ("comparison", "metrics/network/amplitude/ssim", 1.01),
        ("comparison", "metrics/network/amplitude/relative_bias", -1.01),
        ("comparison", "metrics/oracle/phase/pearson_r", -1.01),
        ("comparison", "metrics/oracle/frc_mean", 1.01),
        ("telemetry", "intensity/largest_drop/key", "container_to_raw"),
        ("telemetry", "inference/offsets/centred", False),
    ],
)
def test_what_physics_excludes_is_an_error(simulated, artifact, path, beyond):
    inner = simulated[artifact]["values"]
    *parents, last = path.split("/")
    for part in parents:
        inner = inner[part]
    assert last in inner
    inner[last] = beyond
    assert [p.path for p in problems(simulated[artifact], artifact)] == ["$.values." + path.replace("/", ".")]
