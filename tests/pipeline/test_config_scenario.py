"""Configurations: everything stated, nothing guessed, and impossible ones refused when they are made."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import shutil
import types
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho.config.pipeline import PipelineConfig
from ptycho.config.reading import config_digest, from_mapping, from_parts, to_mapping
from ptycho.config.scenario import PROFILES, REPLAY, list_scenarios, load_scenario, parse_override, scenario_root
from ptycho.errors import ConfigError

SCENARIOS = sorted(list_scenarios())
THIRTEEN = [
    "asymmetric_probe", "dose_legacy_gs2", "gs1_custom", "gs1_ideal", "gs2_base", "gs2_complex", "gs2_custom",
    "gs2_ideal", "gs2_ne60", "masked_detector", "opaque_star", "partial_coherence", "siemens_star",
]  # fmt: skip


def mapping(name="gs2_ideal"):
    return to_mapping(load_scenario(name, "cpu").config)


def changed(values, **changes):
    """A copy of a nested mapping with some dotted keys (``__`` for the dot) changed."""
    values = copy.deepcopy(values)
    for name, value in changes.items():
        *tables, key = name.split("__")
        inner = values
        for table in tables:
            inner = inner[table]
        inner[key] = value
    return values


def built(**changes):
    return from_mapping(PipelineConfig, changed(mapping(), **changes), "here")


# Scenarios


def test_there_are_the_thirteen_scenarios_each_with_a_title():
    listed = list_scenarios()
    assert sorted(listed) == THIRTEEN
    assert all(title.strip() for title in listed.values())


@pytest.mark.parametrize("profile", [*PROFILES, REPLAY])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_loads_at_every_profile_and_survives_a_round_trip(name, profile):
    scenario = load_scenario(name, profile)
    assert (scenario.name, scenario.profile) == (name, profile)
    plain = json.loads(json.dumps(to_mapping(scenario.config)))
    again = from_mapping(PipelineConfig, plain, "round trip")
    assert again == scenario.config
    assert config_digest(again) == config_digest(scenario.config)


@pytest.mark.parametrize("name", SCENARIOS)
def test_profiles_grow_from_smoke_to_full(name):
    smoke, cpu, full = (load_scenario(name, profile).config for profile in PROFILES)
    assert smoke.train.epochs <= cpu.train.epochs <= full.train.epochs
    assert smoke.group.train_groups <= cpu.group.train_groups <= full.group.train_groups
    assert config_digest(smoke) != config_digest(full)


def test_the_full_profile_is_the_seeds():
    config = load_scenario("gs2_ideal", "full").config
    assert config.simulate.scan.images == 2000 * config.gridsize**2
    assert config.group.train_groups == 1000
    assert config.group.neighbors == 4
    assert config.simulate.nphotons == 1e9
    assert config.train.epochs == 60


@pytest.mark.parametrize(("name", "gridsize"), [("gs1_ideal", 1), ("gs1_custom", 1), ("gs2_ideal", 2)])
def test_the_name_tells_the_gridsize(name, gridsize):
    config = load_scenario(name).config
    assert config.gridsize == gridsize
    assert config.group_size == gridsize**2


def test_the_window_is_half_or_all_of_the_patch():
    assert built(model__window="half").window_px == 32
    assert built(model__window="full").window_px == 64


# Names that do not exist


def test_an_unknown_scenario_lists_all_and_suggests_the_nearest():
    with pytest.raises(ConfigError, match="unknown scenario 'gs2_idela'; did you mean 'gs2_ideal'") as caught:
        load_scenario("gs2_idela")
    assert all(name in str(caught.value) for name in THIRTEEN)


def test_an_unknown_profile_lists_all_and_suggests_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown profile 'smoek'; did you mean 'smoke'.*cpu, full, replay, smoke"):
        load_scenario("gs2_ideal", "smoek")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=3", "train: unknown key 'epoch'; did you mean 'epochs'.*learning_rate"),
        ("trian.epochs=3", "unknown key 'trian'; did you mean 'train'"),
        ("simulate.object.sise=100", "simulate: object: unknown key 'sise'; did you mean 'size'"),
        ("model.amplitude_head=sigmod", "amplitude_head: 'sigmod' is unknown; did you mean 'sigmoid'.*softplus, swish"),
        ("split.axis=z", "axis: 'z' is unknown; choose from: x, y"),
    ],
)
def test_an_unknown_key_or_choice_lists_all_and_suggests_the_nearest(override, message):
    with pytest.raises(ConfigError, match=f"scenario gs2_ideal: .*{message}"):
        load_scenario("gs2_ideal", "cpu", [override])


def test_a_missing_key_is_named_and_not_guessed():
    values = mapping()
    del values["train"]["epochs"], values["train"]["seed"]
    with pytest.raises(ConfigError, match="here: train: missing epochs, seed; TrainConfig cannot be guessed"):
        from_mapping(PipelineConfig, values, "here")


# Values of a wrong type


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("N", "64", "int"),
        ("N", 64.0, "int"),
        ("gridsize", True, "int"),
        ("train__epochs", 2.5, "int"),
        ("train__epochs", None, "int"),
        ("train__learning_rate", "1e-3", "float"),
        ("train__learning_rate", True, "float"),
        ("simulate__nphotons", math.nan, "a finite number"),
        ("simulate__nphotons", math.inf, "a finite number"),
        ("simulate__probe__mask", 1, "bool"),
        ("simulate__probe__path", 3, "str"),
        ("train", 3, "a table"),
        ("split", [1], "a table"),
        ("simulate", "lines", "a table"),
    ],
)
def test_a_wrong_type_is_refused_by_field(field, value, expected):
    with pytest.raises(ConfigError, match=f"here: .*{field.rpartition('__')[2]}: expected {expected}, got"):
        built(**{field: value})


@pytest.mark.parametrize("value", [3, True, None, ["lines"], {"a": 1}])
def test_a_choice_that_is_no_string_is_refused(value):
    with pytest.raises(ConfigError, match=r"kind: .* is unknown; .*choose from: complex_field"):
        built(simulate__object__kind=value)


def test_a_whole_number_is_a_number():
    config = built(simulate__nphotons=1000, train__clip_norm=5)
    assert type(config.simulate.nphotons) is float
    assert config_digest(config) == config_digest(built(simulate__nphotons=1000.0, train__clip_norm=5.0))


# Impossible combinations


@pytest.mark.parametrize("N", [0, 1, 32, 63, 65, 96, 512, -64])
def test_n_is_64_128_or_256(N):
    with pytest.raises(ConfigError, match=rf"N = {N} is not possible: one of \(64, 128, 256\)"):
        built(N=N)


@pytest.mark.parametrize("N", [64, 128, 256])
def test_these_patch_sides_are_possible(N):
    assert built(N=N).N == N


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gridsize": 5}, "gridsize = 5 is not possible: 1, 2, 3 or 4"),
        ({"gridsize": 3}, r"group.neighbors = 4 .* a group of 9 needs at least 8 neighbours beside its seed"),
        ({"group__neighbors": 2}, "group.neighbors = 2 .* a group of 4 needs at least 3"),
        ({"group__neighbors": 0}, "group.neighbors = 0 .* at least 1"),
        ({"group__train_groups": 0}, "group.train_groups = 0 .* at least 1"),
        ({"split__fraction": 0.0}, "split.fraction = 0.0 .* between 0 and 1"),
        ({"split__fraction": 1.0}, "split.fraction = 1.0 .* between 0 and 1"),
        ({"simulate__nphotons": 0.5}, "simulate.nphotons = 0.5 .* between 1 and 1e12"),
        ({"simulate__nphotons": 1e13}, "simulate.nphotons = 10000000000000.0 .* between 1 and 1e12"),
        ({"simulate__object__size": 31}, "object.size = 31 .* at least 32"),
        ({"simulate__object__kind": "gaussian_random_field"}, "object.correlation_px = 0.0 .* positive length"),
        (
            {"simulate__object__kind": "complex_field", "simulate__object__correlation_px": 6.0},
            "object.phase_std_rad = 0.0 .* between 0 and pi",
        ),
        ({"simulate__probe__scale": 0.0}, "probe.scale = 0.0 .* a positive number"),
        ({"simulate__probe__width": 0.0}, "probe.width = 0.0 .* needs a positive width"),
        ({"simulate__probe__kind": "file"}, "probe.path = '' .* needs the file's path"),
        ({"simulate__scan__images": 1}, "scan.images = 1 .* at least 2"),
        ({"simulate__scan__margin_px": -1.0}, "scan.margin_px = -1.0 .* zero or more"),
        ({"simulate__scan__margin_px": 196.0}, "scan.margin_px = 196.0 .* less than half the object's 392"),
        ({"model__sweeps": 0}, "model.sweeps = 0 .* at least 1"),
        ({"model__filters": 3}, "model.filters = 3 .* at least 4"),
        ({"loss__nll_weight": 0.0}, "loss.nll_weight = 0.0 .* cannot both be zero"),
        ({"loss__amplitude_l2_mae": "sample"}, "loss.amplitude_l2_mae = .sample. .* mae_weight .* is zero"),
        ({"loss__tv_weight": -1.0}, "loss.tv_weight = -1.0 .* zero or more"),
        ({"train__epochs": 0}, "train.epochs = 0 .* at least 1"),
        ({"train__batch_size": 0}, "train.batch_size = 0 .* at least 1"),
        ({"train__learning_rate": 0.0}, "train.learning_rate = 0.0 .* positive"),
        ({"train__clip_norm": 0.0}, "train.clip_norm = 0.0 .* positive"),
        ({"train__validation_fraction": 1.0}, "train.validation_fraction = 1.0 .* not including, 1"),
        ({"infer__batch_size": 0}, "infer.batch_size = 0 .* at least 1"),
        ({"reference__sweeps": 0}, "reference.sweeps = 0 .* at least 1"),
        ({"reference__step": 1.5}, r"reference.step = 1.5 .* in \(0, 1\]"),
        ({"reference__update_probe_from": -1}, "reference.update_probe_from = -1"),
        ({"compare__support_threshold": 0.0}, "compare.support_threshold = 0.0 .* between 0 and 1"),
        ({"simulate": None}, r"data source = \[\] .* exactly one of"),
        (
            {"measured": {"path": "x", "quantity": "counts", "centred": True, "order": "xy", "refine_probe_sweeps": 0}},
            r"data source = \[.*\] .* exactly one of",
        ),
        (
            {
                "simulate": None,
                "measured": {
                    "path": "x", "quantity": "counts", "centred": True, "order": "xy", "refine_probe_sweeps": -1,
                },
            },
            "measured.refine_probe_sweeps = -1 .* zero or more",
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_impossible_combinations_name_field_value_and_what_is_allowed(changes, message):
    with pytest.raises(ConfigError, match=f"here: .*{message}"):
        built(**changes)


@pytest.mark.parametrize(
    "field",
    ["simulate__object__seed", "simulate__scan__seed", "simulate__noise_seed", "group__seed", "train__seed",
     "model__init_seed", "reference__seed"],
)  # fmt: skip
def test_a_negative_seed_is_refused_before_anything_runs(field):
    with pytest.raises(ConfigError, match="seed = -1 is not possible"):
        built(**{field: -1})


def test_a_configuration_cannot_change():
    config = built()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.N = 128
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.train.epochs = 1


def test_replacing_a_field_checks_again():
    with pytest.raises(ConfigError, match=r"train\.epochs = 0"):
        dataclasses.replace(built().train, epochs=0)


# Digests


def leaf_fields(cls, path=()):
    """Every leaf of a nested dataclass: its path and its type."""
    for name, hint in typing.get_type_hints(cls).items():
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            hint = next(h for h in typing.get_args(hint) if h is not type(None))
        if dataclasses.is_dataclass(hint):
            yield from leaf_fields(hint, (*path, name))
        else:
            yield (*path, name), hint


LEAVES = {".".join(path): (path, hint) for path, hint in leaf_fields(PipelineConfig)}


def others(value, hint):
    """Values of the field's type that differ from ``value``."""
    if typing.get_origin(hint) is typing.Literal:
        choices = typing.get_args(hint)
    else:
        choices = {
            bool: lambda: [not value],
            int: lambda: [value + 1, 1, 128],
            float: lambda: [value + 0.25, 0.9 * value, value + 1],
            str: lambda: [value + "x"],
        }[hint]()
    return [choice for choice in choices if choice != value]


@pytest.mark.parametrize("leaf", LEAVES)
def test_the_digest_changes_with_every_field_and_the_round_trip_keeps_it(leaf):
    path, hint = LEAVES[leaf]
    values = mapping("siemens_star" if path[0] == "measured" else "gs2_complex")
    values["loss"]["mae_weight"] = 0.5  # so that how it is counted matters
    if leaf in ("reference.oracle", "reference.probe_modes", "reference.correct_positions", "reference.level_frames"):
        values["reference"] |= {"oracle": "ptychi", "softness": 0.0, "update_probe_from": 1}
    before = config_digest(from_mapping(PipelineConfig, values, "here"))
    inner = values
    for table in path[:-1]:
        inner = inner[table]
    possible = []
    for value in others(inner[path[-1]], hint):
        inner[path[-1]] = value
        try:
            possible.append(from_mapping(PipelineConfig, values, "here"))
        except ConfigError:
            continue
        assert to_mapping(possible[-1]) == values
        assert from_mapping(PipelineConfig, to_mapping(possible[-1]), "here") == possible[-1]
        assert config_digest(possible[-1]) != before
    assert possible, f"no other value of {leaf} was possible"


def test_the_digest_is_stable():
    """Of the canonical text, whatever the order of keys or the Python that writes it."""
    assert config_digest({"b": 1.0, "a": [True, None]}) == config_digest({"a": [True, None], "b": 1.0})
    assert config_digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert config_digest(built()) == config_digest(built())


@given(st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
@pytest.mark.slow
def test_digests_are_of_content_not_of_order(values):
    assert config_digest(values) == config_digest(dict(reversed(values.items())))
    assert config_digest(values) != config_digest(values | {next(iter(values)): "something else"})


# --set


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("N=128", {"N": 128}),
        ("train.epochs=3", {"train": {"epochs": 3}}),
        ("simulate.object.kind=points", {"simulate": {"object": {"kind": "points"}}}),
        ('simulate.object.kind="points"', {"simulate": {"object": {"kind": "points"}}}),
        ("train.learning_rate=1e-4", {"train": {"learning_rate": 1e-4}}),
        ("infer.synchronize=false", {"infer": {"synchronize": False}}),
        (" train.epochs = 3 ", {"train": {"epochs": 3}}),
        ("simulate.probe.path=a=b.npz", {"simulate": {"probe": {"path": "a=b.npz"}}}),
        ("train={epochs=3}", {"train": {"epochs": 3}}),
    ],
)
def test_overrides_are_read_as_toml_or_else_as_text(text, wanted):
    assert parse_override(text) == wanted


@pytest.mark.parametrize("text", ["train.epochs", "", "=3", " =3"])
def test_an_override_without_key_or_value_says_how_to_write_one(text):
    with pytest.raises(ConfigError, match=r"write it as key\.subkey=value"):
        parse_override(text)


def test_overrides_come_last_and_the_last_one_wins():
    config = load_scenario("gs2_ideal", "smoke", ["train.epochs=7", "model.filters=12", "train.epochs=9"]).config
    assert config.train.epochs == 9
    assert config.model.filters == 12
    assert config.train.batch_size == load_scenario("gs2_ideal", "smoke").config.train.batch_size


def test_a_table_cannot_become_a_number():
    with pytest.raises(ConfigError, match="train: expected a table, got 3"):
        load_scenario("gs2_ideal", "cpu", ["train=3"])


# Files


@pytest.fixture
def root(tmp_path):
    """A folder of scenarios that holds gs2_ideal; ``root.add`` writes others."""
    shutil.copytree(scenario_root() / "gs2_ideal", tmp_path / "gs2_ideal")

    def add(name, text):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scenario.toml").write_text(text, encoding="utf-8")

    return types.SimpleNamespace(path=tmp_path, add=add)


def test_a_child_scenario_overrides_key_by_key_and_its_profiles_on_top(root):
    root.add("child", 'title = "Child"\nextends = "gs2_ideal"\n[train]\nepochs = 33\n[profile.smoke]\ntrain.seed = 5\n')
    parent, child = (load_scenario(name, "cpu", root=root.path) for name in ("gs2_ideal", "child"))
    assert child.title == "Child"
    assert child.config == dataclasses.replace(parent.config, train=dataclasses.replace(parent.config.train, epochs=33))
    smoke = load_scenario("child", "smoke", root=root.path).config
    assert smoke.train.seed == 5  # its own profile
    assert smoke.train.epochs == 2  # the parent's profile, laid on the child's tables
    assert smoke.model.filters == 8


def test_grandchildren_inherit_through_their_parents(root):
    root.add("child", 'title = "Child"\nextends = "gs2_ideal"\ngridsize = 1\n[train]\nepochs = 33\n')
    root.add("grandchild", 'title = "Grandchild"\nextends = "child"\n[train]\nbatch_size = 3\n')
    config = load_scenario("grandchild", root=root.path).config
    assert (config.gridsize, config.train.epochs, config.train.batch_size) == (1, 33, 3)


def test_a_cycle_of_extends_is_told_as_one(root):
    root.add("a", 'title = "A"\nextends = "b"\n')
    root.add("b", 'title = "B"\nextends = "c"\n')
    root.add("c", 'title = "C"\nextends = "a"\n')
    with pytest.raises(ConfigError, match="scenario 'a' extends itself: a -> b -> c -> a"):
        load_scenario("a", root=root.path)
    root.add("own", 'title = "Own"\nextends = "own"\n')
    with pytest.raises(ConfigError, match="scenario 'own' extends itself: own -> own"):
        load_scenario("own", root=root.path)


def test_an_unknown_parent_is_named_with_the_choices(root):
    root.add("child", 'title = "Child"\nextends = "gs2_idela"\n')
    with pytest.raises(ConfigError, match="unknown scenario 'gs2_idela'; did you mean 'gs2_ideal'"):
        load_scenario("child", root=root.path)


def test_a_file_that_is_not_toml_is_named(root):
    root.add("broken", "title = \n")
    with pytest.raises(ConfigError, match=r"broken.scenario\.toml is not valid TOML"):
        load_scenario("broken", root=root.path)


def test_a_scenario_without_a_title_says_so(root):
    root.add("untitled", 'extends = "gs2_ideal"\n')
    (root.path / "untitled" / "scenario.toml").write_text("N = 64\n")
    with pytest.raises(ConfigError, match=r"untitled.*title"):
        load_scenario("untitled", root=root.path)


def test_a_profile_that_a_scenario_lacks_is_refused_with_those_it_has(root):
    root.add("short", 'title = "Short"\nN = 64\n[profile.cpu]\n[profile.smoke]\n')
    with pytest.raises(ConfigError, match="scenario 'short' has no profile 'full'; it has: cpu, smoke"):
        load_scenario("short", "full", root=root.path)


def test_scenarios_are_found_from_a_folder_below(root, tmp_path, monkeypatch):
    below = tmp_path / "goldens" / "deep" / "deeper"
    below.mkdir(parents=True)
    shutil.copytree(root.path / "gs2_ideal", tmp_path / "goldens" / "mine")
    monkeypatch.chdir(below)
    assert scenario_root() == tmp_path / "goldens"
    assert list(list_scenarios()) == ["mine"]


def test_of_a_configuration_in_parts_no_other_part_can_be_touched():
    whole = to_mapping(load_scenario("siemens_star", profile="smoke").config)
    some = from_parts({name: whole[name] for name in ("N", "simulate", "train")}, "here")
    assert (some.N, some.simulate, some.train.seed) == (whole["N"], None, whole["train"]["seed"])
    with pytest.raises(ConfigError, match="measured"):
        _ = some.measured.path
    with pytest.raises(ConfigError, match="measured"):
        _ = some.measured or None
    with pytest.raises(ConfigError, match="model"):
        _ = some.window_px


def test_a_scenario_is_a_folder_of_the_root_and_none_below(tmp_path):
    for folder in ("own", "own/kept", "older/own"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "scenario.toml").write_text('title = "One"\n')
    assert list_scenarios(tmp_path) == {"own": "One"}
