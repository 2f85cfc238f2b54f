"""Running stages through the cache: what a key is made of, what is run again, and what goes wrong in a stage."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from harness import ProjectError
from harness.core.protocol import Artifact, Pipeline, Scenario, Stage
from harness.run.cache import AbsentError, Cache
from harness.run.circumstances import circumstances
from harness.run.runner import CACHE_FORMAT, Runner, environment
from harness.run.settings import declared_settings
from harness.run.work import observe, resolve

RAN: list[str] = []


def make(config, progress):
    RAN.append("make")
    return {"numbers": np.arange(config["size"]), "deep": {"text": "a", "nan": float("nan")}}


def double(config, progress, make):
    RAN.append("double")
    progress(1, 2, "half")
    return {"numbers": 2 * make["numbers"]}


def see(config, output, make):
    return Artifact({"sum": output["numbers"].sum(), "of": len(make["numbers"])})


def broken(config, progress, **outputs):
    raise RuntimeError("no")


def careless(config, progress, **outputs):
    config["size"] = 99
    return {}


def wrong(config, progress, **outputs):
    return {"object": object()}


MAKE = Stage("make", "numbers", make, reads=("size",))
DOUBLE = Stage("double", "doubled", double, see, needs=("make",), reads=("factor",))
SCENARIO = Scenario("one", "cpu", "one", {"size": 3, "factor": 2, "other": 0})


@pytest.fixture
def runner(tmp_path):
    RAN.clear()
    pipeline = Pipeline("p", (MAKE, DOUBLE), dict, lambda *_: SCENARIO, (), environment=("PLANT",))
    return Runner(pipeline, Cache(tmp_path / "cache", 2**20))


def chain(runner, *stages, **config):
    scenario = Scenario("one", "cpu", "one", {**SCENARIO.config, **config})
    if stages:
        runner = Runner(replace(runner.pipeline, stages=stages), runner.cache, runner.watcher)
    return runner.chain(scenario, runner.pipeline.stages)


def test_a_stage_runs_once_and_its_output_comes_back_to_the_bit(runner):
    first, second = chain(runner), chain(runner)
    assert RAN == ["make", "double"]
    assert [run.cached for run in first + second] == [False, False, True, True]
    output = second[0].item.output()
    assert output["numbers"].dtype == np.arange(3).dtype
    assert output["deep"]["text"] == "a"
    assert np.isnan(output["deep"]["nan"])
    assert second[1].observed.artifact() == Artifact({"sum": 6, "of": 3})


def test_a_stage_is_given_what_it_declares_and_nothing_else():
    config = {"a": {"b": [1], "c": 2}, "d": None, "e": 3}
    given = declared_settings(Stage("s", "s", make, reads=("a.b", "d", "absent", "a.x.y")), config)
    assert given == {"a": {"b": [1]}, "d": None}
    given["a"]["b"].append(2)
    assert config["a"]["b"] == [1]
    assert declared_settings(MAKE, {"size": 3, "factor": 2}) == {"size": 3}


def test_only_what_a_stage_reads_and_needs_decides(runner):
    chain(runner)
    chain(runner, other=1)
    assert RAN == ["make", "double"]
    chain(runner, factor=3)
    assert RAN == ["make", "double", "double"]
    chain(runner, size=4)
    assert RAN[3:] == ["make", "double"]


@pytest.mark.parametrize("part", ["format", "stage", "reads", "files", "inputs", "code", "environment"])
def test_each_part_of_a_key_decides_it(part, runner, tmp_path, monkeypatch):
    """One part changes at a time, and all others stay as they are."""
    data = tmp_path / "data.txt"
    data.write_text("1")
    stage = Stage("make", "numbers", make, reads=("size",), files=lambda config: [data])
    config, inputs = {"size": 3}, {"start": "a digest"}
    before = runner.key(stage, config, inputs)
    assert runner.key(stage, config, inputs) == before
    if part == "format":
        monkeypatch.setattr("harness.run.runner.CACHE_FORMAT", CACHE_FORMAT + 1)
    elif part == "stage":
        stage = replace(stage, name="make_again")
    elif part == "reads":
        config = {"size": 4}
    elif part == "files":
        data.write_text("2")
    elif part == "inputs":
        inputs = {"start": "another digest"}
    elif part == "code":
        stage = replace(stage, run=broken)
    else:
        monkeypatch.setenv("PLANT", "on")
        runner = Runner(runner.pipeline, runner.cache)
    assert runner.key(stage, config, inputs) != before


def test_an_edit_of_a_stages_source_runs_it_again(runner, tmp_path, monkeypatch):
    """A layout of its own changes nothing; the edit is seen by the next runner, which reads the source anew."""
    source = tmp_path / "made_up_stages.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    stage = Stage("make", "numbers", "made_up_stages:run")
    pipeline = replace(runner.pipeline, stages=(stage,), source_roots=("made_up_stages",))

    def cached(content):
        source.write_text(content)
        (run,) = Runner(pipeline, runner.cache).chain(SCENARIO, (stage,))
        return run.cached

    assert not cached("def run(config, progress): return {'a': 1}\n")
    assert cached("def run(config, progress):\n    # one\n    return {'a': 1}\n")
    assert not cached("def run(config, progress): return {'a': 2}\n")


def test_what_follows_an_edit_runs_again_whatever_it_was_given(runner, tmp_path, monkeypatch):
    """What a stage changes through another name is not seen to be handed on, and its output does not tell of it."""
    source = tmp_path / "made_up_edits.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    stages = (replace(MAKE, run="made_up_edits:run"), replace(DOUBLE, observe=None))
    pipeline = replace(runner.pipeline, stages=stages, source_roots=("made_up_edits",))

    def cached(gain):
        source.write_text(
            f"BOX = [1]\ndef run(config, progress):\n box = BOX; box[0] = {gain}\n return {{'numbers': 1}}\n"
        )
        monkeypatch.delitem(sys.modules, "made_up_edits", raising=False)
        return [run.cached for run in Runner(pipeline, runner.cache).chain(SCENARIO, stages)]

    assert cached(1) == [False, False]
    assert cached(1) == [True, True]
    assert cached(22) == [False, False]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("OMP_NUM_THREADS", True),
        ("TF_ENABLE_ONEDNN_OPTS", True),
        ("TF_DETERMINISTIC_OPS", True),
        ("TF_CPP_MIN_LOG_LEVEL", False),
        ("TF_CLI_CONFIG_FILE", False),
        ("TF_VAR_region", False),
        ("TF_WORKSPACE", False),
    ],
)
def test_variables_that_libraries_of_numbers_read_count_and_terraform_s_do_not(name, counts, monkeypatch):
    monkeypatch.delenv(name, raising=False)
    before = circumstances()
    monkeypatch.setenv(name, "/some/where")
    assert (circumstances() != before) is counts


def test_an_environment_variable_and_a_librarys_version_decide(runner, monkeypatch, tmp_path):
    before = chain(runner)[0].key
    monkeypatch.setenv("PLANT", "on")
    again = Runner(runner.pipeline, runner.cache)
    assert chain(again)[0].key != before
    monkeypatch.delenv("PLANT")
    monkeypatch.setattr("harness.run.runner.library_version", lambda name: "0.0")
    assert chain(Runner(runner.pipeline, runner.cache))[0].key != before


def test_a_library_that_is_not_installed_is_named_as_such(runner):
    pipeline = Pipeline("p", (), dict, lambda *_: SCENARIO, (), libraries=("no-such-distribution",))
    assert environment(pipeline)["no-such-distribution"] == "not installed"


def test_the_content_of_a_file_decides(runner, tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("1")
    stage = Stage("make", "numbers", make, reads=("size",), files=lambda config: [path])
    before = chain(runner, stage)[0].key
    assert chain(runner, stage)[0].key == before
    path.write_text("2")
    assert chain(runner, stage)[0].key != before
    path.unlink()
    with pytest.raises(ProjectError, match=r"stage make reads .*data\.txt, which cannot be read: No such file"):
        chain(runner, stage)


def test_up_to_a_stage(runner):
    assert [run.stage.name for run in runner.chain(SCENARIO, (MAKE, DOUBLE), "make")] == ["make"]
    assert RAN == ["make"]


def test_what_is_known_runs_again_only_where_its_output_is_gone(runner):
    (made,) = runner.chain(SCENARIO, (MAKE, DOUBLE), "make")
    first, second = runner.chain(SCENARIO, (MAKE, DOUBLE), known={"make": made})
    assert first is made
    assert RAN == ["make", "double"]
    runner.cache.forget(made.key)
    runner.cache.forget(second.key)
    again = runner.chain(SCENARIO, (MAKE, DOUBLE), known={"make": made})
    assert RAN == ["make", "double"] * 2
    assert again[1].item.output()["numbers"].tolist() == [0, 2, 4]


def test_alone_a_stage_asks_for_its_inputs_only_where_it_runs(runner):
    asked = []

    def given():
        asked.append("make")
        return {"make": {"numbers": np.array([5])}}

    runs = [runner.alone(SCENARIO, DOUBLE, given, {"make": "digest"}) for _ in range(2)]
    assert [run.cached for run in runs] == [False, True]
    assert asked == ["make"]


def test_alone_a_stage_runs_on_what_it_is_given(runner):
    given = {"make": {"numbers": np.array([5])}}
    run = runner.alone(SCENARIO, DOUBLE, given, {"make": "digest"})
    assert run.item.output()["numbers"].tolist() == [10]
    assert run.observed is None
    assert runner.alone(SCENARIO, DOUBLE, given, {"make": "digest"}).cached
    assert not runner.alone(SCENARIO, DOUBLE, given, {"make": "another"}).cached


def test_a_stage_that_raises_blocks_those_after_it_and_is_tried_again(runner):
    stages = (Stage("make", "numbers", broken), DOUBLE)
    for _ in range(2):
        first, second = chain(runner, *stages)
        assert first.error.startswith("RuntimeError: no (test_runner.py, line ")
        assert second.blocked == "make"
        assert (first.item, second.item, first.seconds) == (None, None, 0.0)


def test_what_is_no_data_is_an_error(runner):
    (run,) = chain(runner, Stage("make", "numbers", wrong))
    assert run.error == (
        "stage make returns at 'object' a value of object, which is neither JSON nor a NumPy array: "
        "stages return data, not objects"
    )


def test_a_stage_cannot_change_the_configuration_of_the_next(runner):
    (run,) = chain(runner, Stage("make", "numbers", careless))
    assert run.item.about["config_before"] != run.item.about["config_after"]
    assert SCENARIO.config["size"] == 3


def test_non_finite_numbers_are_counted_where_they_stand(runner):
    def holes(config, progress):
        return {"a": np.array([1.0, np.nan, np.inf]), "b": np.array([1 + 1j, complex("nan")]), "c": np.arange(3),
                "deep": [float("inf"), "NaN"]}  # fmt: skip

    globals()["holes"] = holes
    holes.__module__, holes.__qualname__ = __name__, "make"
    (run,) = chain(runner, Stage("make", "numbers", holes))
    assert run.item.about["non_finite"] == {"a": 2, "b": 1, "deep/0": 1}


def test_an_input_that_was_evicted_is_made_again(runner):
    chain(runner)
    runner.cache.get(chain(runner)[0].key)
    for path in runner.cache.folder.rglob("output.*"):
        path.write_bytes(b"damaged")
    again = runner.chain(Scenario("one", "cpu", "one", {**SCENARIO.config, "factor": 5}), (MAKE, DOUBLE))
    assert again[1].item.output()["numbers"].tolist() == [0, 2, 4]


def test_an_input_that_is_never_there_is_an_error(runner, monkeypatch):
    def absent(*_):
        raise AbsentError("gone")

    monkeypatch.setattr(runner, "_next", absent)
    with pytest.raises(AbsentError):
        chain(runner)


def test_a_watcher_hears_of_every_step(runner):
    steps = []
    runner.watcher = lambda scenario, track, stage, done, total, note: steps.append((stage, done, total))
    chain(runner)
    assert steps == [("make", 0, 1), ("make", 1, 1), ("double", 0, 1), ("double", 1, 2), ("double", 1, 1)]


def test_without_observe_all_of_the_output_is_verified():
    artifact = observe(MAKE, {}, make({"size": 2}, None), {})
    assert artifact.values == {"deep": {"text": "a", "nan": "NaN"}}
    assert list(artifact.arrays) == ["numbers"]


def test_a_function_by_name_or_by_itself():
    assert resolve(make) is make
    assert resolve("json:dumps")([1]) == "[1]"
    for name in ("json:dumpz", "no_such_module:f"):
        with pytest.raises(ProjectError, match=f"stage function '{name}' cannot be imported"):
            resolve(name)


def test_the_source_that_a_setting_names_decides(runner, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    stage = Stage("make", "numbers", make, reads=("solver",))
    keys = []
    for text in ("def f(): return 1\n", "def f(): return 2\n"):
        (tmp_path / "named_solver.py").write_text(text)
        keys.append(Runner(runner.pipeline, runner.cache).key(stage, {"solver": "named_solver:f"}, {}))
    assert keys[0] != keys[1]


def test_what_another_stage_leaves_in_a_module_is_an_error(runner, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "GAIN = 1\ndef first(config, progress):\n    global GAIN\n    GAIN = 2\n"
    text += "def second(config, progress): return GAIN\n"
    (tmp_path / "leaving_stages.py").write_text(text)
    stages = tuple(Stage(name, name, f"leaving_stages:{name}") for name in ("first", "second"))
    leaving = Runner(replace(runner.pipeline, stages=stages), runner.cache)
    assert leaving.key(stages[0], {}, {})
    with pytest.raises(ProjectError, match="stage second uses leaving_stages:GAIN, which stage first sets"):
        leaving.key(stages[1], {}, {})


def test_a_setting_that_a_stage_does_not_declare_is_its_error(runner):
    (run,) = chain(runner, Stage("make", "numbers", make))
    assert run.error.startswith("UndeclaredSettingError: make asks for size, which its reads do not declare")
    assert "(test_runner.py, line " in run.error


def wide(config, progress, **outputs):
    return {
        "field": np.random.default_rng(config["size"]).standard_normal(1000) + sum(o["field"] for o in outputs.values())
    }


@pytest.mark.parametrize("limit", [0, 5_000, 9_000, 12_000, 20_000, 40_000, 10**6])
def test_no_result_depends_on_how_much_the_cache_may_have(limit, tmp_path):
    """Less than one result, or fewer than a stage needs at once: it costs time."""
    first = Stage("a", "a", wide, reads=("size",))
    stages = [first, *(Stage(name, name, wide, needs=needs) for name, needs in (("b", "a"), ("c", "ab"), ("d", "abc")))]
    stages = [replace(stage, needs=tuple(stage.needs), reads=("size",)) for stage in stages]
    pipeline = Pipeline("p", tuple(stages), dict, lambda *_: SCENARIO, ())
    cache = Cache(tmp_path / "cache", limit)
    done = Runner(pipeline, cache).chain(SCENARIO, stages)
    field = np.random.default_rng(3).standard_normal(1000)
    np.testing.assert_allclose(done[-1].item.output()["field"], 8 * field)
