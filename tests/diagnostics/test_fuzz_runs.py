"""Damaged, partial, hostile and foreign folders of runs: a diagnosis of the agreed form, or one sentence."""

from __future__ import annotations

import copy
import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from ptycho.diagnostics import analyze, contrast
from ptycho.diagnostics.run import FILES, LARGEST, MOST, OPTIONAL
from ptycho.errors import DataError, PtychoError

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "schemas/harness/diagnosis.schema.json").read_bytes())
DIAGNOSIS = jsonschema.Draft202012Validator(SCHEMA)
ANALYSIS = jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/analysis"})
DIAGNOSIS.is_valid({})  # it opens files of its own, once
FOLDERS = 1000  # of the fuzz, beside the ones made by hand
PAIRS = 100
WATCH: list[str] | None = None  # paths that are opened, while somebody watches


def _watch(event, arguments):
    if WATCH is not None and event == "open":
        WATCH.append(os.fspath(arguments[0]))


sys.addaudithook(_watch)  # cannot be taken away again; does nothing unless WATCH is a list


@pytest.fixture
def watched():
    """Every file that is opened during the test."""
    global WATCH
    b"x".decode("utf-8-sig")  # a codec is imported when it is first used
    WATCH = []
    yield WATCH
    WATCH = None


# Whole runs, from which the damaged ones are made


def statistics(mean, std=0.5):
    return {"mean": mean, "std": std, "min": 0.0, "max": 4.8, "nan_count": 0}


def stage(name, mean, split="test"):
    about = {"split": split, "count": 64, "gridsize": 2, "source": "simulate"}
    return {
        "name": name,
        "metadata": about,
        "stats": {**statistics(mean), "dtype": "float32", "shape": [64, 4, 64, 64]},
    }


def quality(mean, truth):
    return {
        "bias_summary": {"mean": mean - truth, "median": 0.05, "p05": -0.4, "p95": 0.5}, "count": 18770, "mae": 0.19,
        "rmse": 0.25, "max_abs": 1.1, "pearson_r": 0.94,
        "pred_stats": statistics(mean), "truth_stats": statistics(truth),
        "ratio": {"count": 18770, "mean": 0.98, "median": 0.98, "p05": 0.8, "p95": 1.1, "least_squares": 0.98,
                  "scaled": {"mean": {"mae": 0.2, "rmse": 0.3}}},
    }  # fmt: skip


def offsets(low, high):
    return [{"axis": i, "min": low, "max": high, "mean": (low + high) / 2, "std": 9.0} for i in (0, 1)]


def own():
    """A folder of ``ptycho run`` with everything that it may hold."""
    rungs = {"raw_to_grouped": 1.0, "grouped_to_normalized": 0.5, "normalized_to_predicted": 1.0,
             "predicted_to_object": 2.0}  # fmt: skip
    curves = {"loss": [692.4, 653.6, 640.0], "nll_loss": [692.4, 653.6, 640.0], "mae_loss": [0.0, 0.0, 0.0],
              "gradient_norm": [82255.5, 74144.3, 70000.0], "learning_rate": [1e-3, 5e-4, 1e-4]}  # fmt: skip
    config = {
        "N": 64, "gridsize": 2, "group": {"neighbors": 4, "train_groups": 32}, "infer": {"frames": "test"},
        "loss": {"nll_weight": 1.0, "mae_weight": 0.0}, "measured": None, "train": {"epochs": 3, "seed": 42},
        "model": {"amplitude_head": "positive", "log_scale_trainable": True},
        "simulate": {"nphotons": 1e9, "object": {"size": 392, "kind": "lines"}, "probe": {"scale": 10.0}},
    }  # fmt: skip
    names = ("raw_diffraction", "grouped_diffraction", "grouped_X_full", "container_X")
    means = dict(zip(names, (0.144, 0.143, 0.078, 0.078), strict=True))
    return {
        "run_metadata.json": {
            "config": config, "scenario": "gs2_ideal", "seeds": {"train.seed": 42},
            "scales": {"N": 64, "nphotons": 1e9},
            "stages": [{"stage": s, "config_digest": "9594ea" * 8} for s in ("simulate", "train")],
        },
        "intensity_stats.json": {
            "amplitude_head": {"kind": "sigmoid", "ceiling": 1.0, "required_rms": 1.6, "predicted_rms": 0.9,
                               "predicted_max": 1.0, "saturated_share": 0.4},
            "bundle_intensity_scale": 988.2, "config_intensity_scale": 988.2, "full_chain_product": 1.02,
            "dataset_scale_info": {"N": 64, "batch_mean_sum_intensity": 2942.5, "nphotons": 1e9},
            "gain_ladder": [{"gain": k, "expected": v, "measured": 0.99 * v} for k, v in rungs.items()],
            "intensity_scaler_state": {"config_intensity_scale": 988.2, "log_scale_value": 6.7,
                                       "log_scale_initial": 6.9, "trainable": True},
            "normalize_gain": 0.546, "stage_means": means,
            "stages": [stage(n, m, split) for split in ("train", "test") for n, m in means.items()],
        },
        "comparison_metrics.json": {
            "amplitude": quality(2.67, 2.62), "phase": quality(-0.007, 0.0),
            "support": {"count": 18770, "coverage": 0.12, "reconstructed_share": 0.9, "threshold": 0.5},
        },
        "inference_outputs/stats.json": {
            "amplitude": statistics(2.8), "covered_pixels": 37665, "fits_canvas": True, "padded_size": 550,
            "required_canvas": 400, "offsets": {"axis_max_abs": [183.9, 89.5], "centred": True, "max_abs": 183.9},
            "prediction_scale": {"mode": "least_squares", "value": 1.8, "applied": True, "source": "truth"},
        },
        "train_outputs/history.json": {"epochs": [1, 2, 3], "metrics": curves},
        "train_outputs/history_summary.json": {
            "metrics": {name: {"count": 3, "first_nan_epoch": None, "has_nan": False, "last": curve[-1]}
                        for name, curve in curves.items()},
            "nan_overview": {"has_nan": False, "metrics": []},
        },
        "train_outputs/weights.json": {"unmoved": ["log_scale"]},
        "error.json": {"epoch": 2, "step": 3, "components": ["nll_loss"], "kind": "NaN"},
        "prediction_scaling.json": quality(2.6, 2.6)["ratio"],
        "grouping_summary.json": {"subsets": {
            "train": {"status": "ok", "point_count": 64, "requested_groups": 40, "actual_groups": 32, "members_each": 4,
                      "nn_indices_shape": [32, 4], "coords_offsets": {"axis_stats": offsets(0.0, 390.0)},
                      "coords_relative": {"min": -9.0, "max": 9.0}, "overlap_fraction": 0.1,
                      "neighbour_distance": {"mean": 4.0, "min": 1.0, "max": 9.0},
                      "reuse": {"mean": 2.0, "max": 5, "unused": 0}},
            "test": {"status": "error", "error": "K=1 must be >= C=4", "point_count": 64, "requested_groups": 32},
        }},
        "reassembly_limits.json": {"window_px": 64, "subsets": {
            "train": {"canvas": {"fits_canvas": False, "max_combined_abs_offset": 390.0, "padded_size": 78,
                                 "required_canvas": 844, "legacy_padded_size": 78},
                      "offsets": {"combined": {"axis_stats": offsets(0.0, 390.0)}},
                      "reassembly": {"loss_fraction": 0.9, "loss_fraction_legacy": 0.9}},
        }},
        "probe_report.json": {
            "probe": {"amplitude": {**statistics(0.3), "l2": 3.0}, "rms_width_px": 1.5, "area_above_half_max_px": 3.0},
            "given": {"amplitude": {**statistics(0.3), "l2": 42.0}},
            "comparison": {"max_abs_delta": 1e-7, "l2_delta": 1e-7, "amp_ratio": {"mean": 1.0}, "overlap": 0.99},
            "metadata": {"probe_mode": "custom", "probe_scale": 4.0, "probe_mask": False, "scenario": "gs1_custom"},
        },
    }  # fmt: skip


def load(folder):
    """The JSON files of a real folder by their places in it."""
    return {str(p.relative_to(folder)): json.loads(p.read_bytes()) for p in sorted(folder.rglob("*.json"))}


@pytest.fixture(scope="module")
def bases(shared):
    """Folders by name: this pipeline's, upstream's three, and upstream's single reports."""
    real = shared / "upstream_artifacts"
    folders = {name: load(real / name) for name in ("dose_legacy_gs2", "gs2_base", "gs2_ne60")}
    reports = {p.name: json.loads(p.read_bytes()) for p in sorted(real.glob("*.json"))}
    return {"own": own(), **folders, "reports": reports}


def put(folder, files):
    """Write ``files``, which are trees of JSON or bytes, into ``folder``."""
    for place, content in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


# What may come back


def strings(tree):
    """Every word of a document, names included."""
    rest = [tree]
    for node in rest:
        rest += [*node, *node.values()] if isinstance(node, dict) else node if isinstance(node, list) else []
    return [node for node in rest if isinstance(node, str)]


def check_words(answer):
    """Strict JSON as UTF-8 without control characters, and of a size that a person can look at."""
    text = json.dumps(answer, allow_nan=False, ensure_ascii=False).encode()
    assert len(text) < 2**19 * max(1, len(answer.get("runs", [])))
    assert [s for s in strings(answer) if not s.isprintable()] == []


def check_diagnosis(answer):
    DIAGNOSIS.validate(answer)
    check_words(answer)
    for run in answer["runs"]:
        assert all(math.isfinite(f["weight"]) for f in run["findings"])
        check_tables([*run["analyses"], *answer["together"]])


def check_comparison(answer):
    assert answer.keys() == {"version", "a", "b", "missing", "verdict", "analyses", "pictures"}
    assert answer["version"] == 1
    assert all(isinstance(answer[key], str) and answer[key] for key in ("a", "b", "verdict"))
    assert all(isinstance(said, str) for side in ("a", "b") for said in answer["missing"][side])
    for analysis in answer["analyses"]:
        ANALYSIS.validate(analysis)
    check_words(answer)
    check_tables(answer["analyses"])


def check_tables(analyses):
    for analysis in analyses:
        for table in analysis["tables"]:
            assert all(len(row) == len(table["columns"]) for row in table["rows"])
            assert all(not isinstance(cell, dict) for row in table["rows"] for cell in row)


def outcome(call, *arguments):
    """What a call gives, and what it says if that is an error for the user; anything else is raised."""
    try:
        return call(*arguments), ""
    except PtychoError as error:
        said = str(error)
    assert said.isprintable()
    assert len(said) < 1000
    return None, said


def diagnosed(folder):
    answer, said = outcome(analyze, [folder])
    if answer is not None:
        check_diagnosis(answer)
    return answer, said


def refused(call, *arguments):
    """The one sentence of a call that must not succeed."""
    answer, said = outcome(call, *arguments)
    assert answer is None
    assert said
    return said


# Fuzz

NUMBERS = [0, -1, 1, 0.5, 1e-12, 1e12, 5e-324, 1e-200, 1e-160, 1e160, 1e200, 1.7e308, -1e-200, -1.7e308, 10**400,
           -(10**400), 2**63, math.nan, math.inf, -math.inf, -0.0, "NaN", "Infinity", "-Infinity"]  # fmt: skip
WORDS = ["", "text", " ", "a\nb", "\x1b[31mred", "\x00", "[red]x[/red]", "[/]", "\ud800", "\u202eback", "x" * 5000,
         "../../etc/passwd", "points requested", "k=", "{0}", "%s", "error", "\u2028", "1e3"]  # fmt: skip
SHAPES = [None, True, False, [], {}, [[]], [None] * 3, {"": {}}, {"a": {"b": []}}, [1, "2", None, {}], {"\n": 1},
          [1, 2], [1e308, 1e308], [0, 0, 0, 0], {"mean": 0, "std": 0}, {"metrics": {"a\n": [math.nan]}},
          [{"name": []}] * 3]  # fmt: skip


def places(tree):
    """Every place of a tree, as what holds it and its key there; of long lists the beginning."""
    found, rest = [], [tree]
    for node in rest:
        keys = list(node) if isinstance(node, dict) else range(min(len(node), 4))
        found += [(node, key) for key in keys]
        rest += [node[key] for key in keys if isinstance(node[key], dict | list)]
    return found


def anything(rng):
    return copy.deepcopy(rng.choice(rng.choice([NUMBERS, NUMBERS, WORDS, SHAPES])))


def mutate(tree, rng):
    """One change of a tree, in place."""
    found = places(tree)
    if not found:
        return
    figures = [(n, k) for n, k in found if isinstance(n[k], int | float) and not isinstance(n[k], bool)]
    kind = rng.randrange(8)
    if kind < 4 and figures:
        node, key = rng.choice(figures)
        node[key] = rng.choice(NUMBERS)
        return
    node, key = rng.choice(found)
    if kind == 4:
        del node[key]
    elif kind == 5:
        other, name = rng.choice(found)
        node[key] = copy.deepcopy(other[name])
    elif kind == 6 and isinstance(node, dict):
        node[rng.choice(WORDS)] = copy.deepcopy(node[key])
    else:
        node[key] = anything(rng)


def damage(content, rng):
    """Bytes gone bad."""
    data = bytearray(content)
    where = rng.randrange(len(data))
    kind = rng.randrange(4)
    if kind == 0:
        del data[where:]
    elif kind == 1:
        data[where] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[where:where] = rng.choice([b"NaN", b"-", b"9" * 5000, b"1e999", b"[" * 2000, b"\xff", b"\x00", b'"', b"}"])
    else:
        del data[where : where + rng.randrange(1, 40)]
    return bytes(data)


def broken(files, rng):
    """A folder's files, gone bad in a few ways."""
    gone = rng.choice([0, 0.3, 0.6])
    trees = {place: copy.deepcopy(tree) for place, tree in files.items() if rng.random() >= gone}
    for _ in range(rng.choice([1, 1, 2, 4, 8, 16]) if trees else 0):
        mutate(trees[rng.choice(sorted(trees))], rng)
    if len(trees) > 1 and rng.random() < 0.1:
        a, b = rng.sample(sorted(trees), 2)
        trees[a], trees[b] = trees[b], trees[a]
    made = {place: json.dumps(tree).encode() for place, tree in trees.items()}
    if made and rng.random() < 0.1:
        place = rng.choice(sorted(made))
        made[place] = damage(made[place], rng)
    return made


def folders(bases, rng, root, n):
    """``n`` broken folders, each with a whole upstream run beside it; one after the other in the same place."""
    put(root / "runs" / "beside", bases["gs2_base"])
    for i in range(n):
        name = rng.choice(sorted(bases))
        base = dict(rng.sample(sorted(bases[name].items()), 3)) if name == "reports" else bases[name]
        folder = root / "runs" / f"run{i}"
        folder.mkdir()
        yield put(folder, broken(base, rng))


def remove(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def test_broken_folders_give_a_diagnosis_or_one_sentence(bases, tmp_path, watched):
    rng, answers = random.Random(1), 0
    for folder in folders(bases, rng, tmp_path, FOLDERS):
        watched.clear()
        answer, said = diagnosed(folder)
        answers += answer is not None
        if answer is None:
            assert folder.name in said
        assert [p for p in watched if not p.startswith((f"{folder}/", str(tmp_path / "runs/beside/")))] == []
        remove(folder)
    assert FOLDERS / 2 < answers < FOLDERS


def test_pairs_of_broken_folders_give_a_comparison_or_one_sentence(bases, tmp_path):
    rng, answers = random.Random(2), 0
    single = {name: files for name, files in bases.items() if name != "reports"}
    found = [next(folders(single, rng, tmp_path / str(i), 1)) for i in range(PAIRS)]
    whole = put(tmp_path / "whole", bases["own"])
    for folder in found:
        other = rng.choice([*found, whole, whole])
        answer, said = outcome(contrast, folder, other)
        answers += answer is not None
        if answer is not None:
            check_comparison(answer)
        else:
            assert folder.name in said or other.name in said
    assert PAIRS / 2 < answers < PAIRS


def replaced(tree, value):
    """The tree with every figure replaced by ``value``."""
    if isinstance(tree, dict):
        return {key: replaced(item, value) for key, item in tree.items()}
    if isinstance(tree, list):
        return [replaced(item, value) for item in tree[:20]]
    return value if isinstance(tree, int | float) and not isinstance(tree, bool) else tree


@pytest.mark.parametrize(
    "value",
    [*NUMBERS[::2], -1, 1e-200, 1.7e308, -(10**400), None, True, [], {}, {"a": {}}, "a\nb"],
    ids=lambda v: repr(v)[:20],
)
def test_one_value_for_every_figure_is_diagnosed(bases, tmp_path, value):
    for name, files in bases.items():
        folder = put(tmp_path / name, {place: replaced(tree, value) for place, tree in files.items()})
        answer, said = diagnosed(folder)
        assert answer, said
    check_comparison(contrast(tmp_path / "dose_legacy_gs2", tmp_path / "own"))


@pytest.mark.parametrize("name", ["own", "dose_legacy_gs2", "gs2_base", "gs2_ne60"])
def test_each_file_alone_and_all_but_each_are_diagnosed(bases, tmp_path, name):
    for i, place in enumerate(bases[name]):
        alone = put(tmp_path / f"alone{i}", {place: bases[name][place]})
        rest = put(tmp_path / f"rest{i}", {p: tree for p, tree in bases[name].items() if p != place})
        for folder, there in ((alone, [place]), (rest, [p for p in bases[name] if p != place])):
            answer, said = diagnosed(folder)
            assert answer, said
            missing = " ".join(answer["runs"][0]["missing"])
            assert [p for p in FILES.values() if p not in there and f"{p} is missing" not in missing] == []
            assert [p for p in there if f"{p} is missing" in missing] == []


# Made by hand: files that are no artifact


BAD = {
    "empty": b"", "space": b"  \n", "truncated": b'{"amplitude": {"count": 3', "no JSON": b"amplitude: 3\n",
    "binary": bytes(range(256)), "UTF-16": '{"a": 1}'.encode("utf-16"), "Latin-1": b'{"a": "\xe9"}',
    "two values": b"{} {}", "single quotes": b"{'a': 1}", "trailing comma": b'{"a": 1,}', "control": b'{"a": "\n"}',
    "list": b"[]", "list of objects": b'[{"scenario": 1}]', "text": b'"run"', "number": b"3", "null": b"null",
    "bare NaN": b"NaN", "deep lists": b'{"a": ' + b"[" * 100_000, "deep objects": b'{"a":' * 100_000,
    "deep and whole": b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "giant integer": b'{"a": ' + b"9" * 5000 + b"}",
    "huge": b" " * (LARGEST + 1), "gzip": b"\x1f\x8b\x08\x00\x00\x00", "pickle": b"\x80\x04}\x94.",
}  # fmt: skip


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_a_damaged_file_is_named_in_one_sentence(tmp_path, content):
    for place in ("run_metadata.json", "train_outputs/history.json", "probe_report.json"):
        folder = put(tmp_path / place.replace("/", "."), own() | {place: content})
        assert str(folder / place) in refused(analyze, [folder])
        assert str(folder / place) in refused(contrast, folder, folder)
        assert str(folder / place) in refused(analyze, [folder / place])


@pytest.mark.parametrize("place", [*FILES.values(), *OPTIONAL.values()])
@pytest.mark.parametrize("what", ["directory", "pipe", "/dev/zero", "/dev/full", "/proc/self/mem", "outside", "parent"])
def test_what_is_no_plain_file_of_the_folder_is_not_opened(tmp_path, watched, place, what):
    folder = put(tmp_path / "run", own())
    path = folder / place
    path.unlink()
    if what == "directory":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "outside":
        path.symlink_to(put(tmp_path / "elsewhere", {"secret.json": own()[place]}) / "secret.json")
    elif what == "parent":
        path.symlink_to(folder.parent)
    else:
        path.symlink_to(what)
    watched.clear()
    assert str(path) in refused(analyze, [folder])
    assert str(path) in refused(contrast, folder, folder)
    assert [p for p in watched if "secret" in p or not p.startswith(str(folder))] == []


def test_a_folder_behind_a_link_out_is_not_read(tmp_path, watched):
    folder = put(tmp_path / "run", {"run_metadata.json": own()["run_metadata.json"]})
    outside = put(tmp_path / "elsewhere", {"history.json": own()["train_outputs/history.json"]})
    (folder / "train_outputs").symlink_to(outside)
    watched.clear()
    assert str(folder / "train_outputs/history.json") in refused(analyze, [folder])
    assert [p for p in watched if "history" in p] == []


def test_links_within_a_folder_and_to_a_folder_are_followed(tmp_path):
    folder = put(tmp_path / "run", own())
    (folder / "run_metadata.json").rename(folder / "kept.json")
    (folder / "run_metadata.json").symlink_to("kept.json")
    (tmp_path / "latest").symlink_to(folder)
    answer, said = diagnosed(tmp_path / "latest")
    assert answer, said
    assert answer["runs"][0]["missing"] == []


@pytest.mark.parametrize("target", ["nowhere", "run_metadata.json", "kept/../run_metadata.json/x"])
def test_a_link_that_leads_nowhere_or_in_a_circle_is_a_missing_file(tmp_path, target):
    files = own()
    del files["run_metadata.json"]
    folder = put(tmp_path / "run", files)
    (folder / "run_metadata.json").symlink_to(target)
    answer, said = diagnosed(folder)
    assert answer, said
    assert answer["runs"][0]["missing"] == ["run_metadata.json is missing"]


def test_pictures_that_lead_out_or_are_no_files_are_left_out(tmp_path):
    a, b = put(tmp_path / "a", own()), put(tmp_path / "b", own())
    (tmp_path / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (a / "overview.png").symlink_to(tmp_path / "secret.png")
    (a / "amplitude_diff.png").mkdir()
    os.mkfifo(a / "phase_diff.png")
    (a / "inference_outputs/phase.png").write_bytes(b"no picture")
    assert contrast(a, b)["pictures"] == [
        {"title": "phase", "a": str(a / "inference_outputs/phase.png"), "b": None},
    ]


# Made by hand: places that are no run


def test_places_without_a_run_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "empty").mkdir()
    put(
        tmp_path / "foreign",
        {"package.json": {"name": "x"}, "a.png": b"\x89PNG", "src/main.py": b"", "config.json": {}},
    )
    put(tmp_path / "list", {"data.json": [1, 2]})
    put(tmp_path / "words", {"README.md": b"run_metadata.json"})
    put(tmp_path / "deep", {"a/b/c/run_metadata.json": own()["run_metadata.json"]})
    (tmp_path / "round").mkdir()
    (tmp_path / "round" / "again").symlink_to(tmp_path / "round")
    names = ("pipe", "pipe.json", "loop", "zero", "empty", "foreign", "list", "words", "deep", "nothing", "round",
             "foreign/package.json", "foreign/a.png", "a" * 300, "x\n[red]y", "nul\0")  # fmt: skip
    for name in names:
        said = refused(analyze, [tmp_path / name])
        assert name.split("\n")[0].rstrip("\0") in said
        assert outcome(contrast, tmp_path / name, tmp_path / name) == (None, said)


def test_several_paths_of_which_one_is_bad_are_refused(tmp_path):
    good = put(tmp_path / "good", own())
    assert "nothing" in refused(analyze, [good, tmp_path / "nothing"])
    assert "nothing" in refused(contrast, good, tmp_path / "nothing")
    put(tmp_path / "many" / "a", own())
    put(tmp_path / "many" / "b", own())
    assert "holds 2 runs" in refused(contrast, good, tmp_path / "many")


# Made by hand: whole files with strange content


def test_a_byte_order_mark_and_repeated_keys_are_read(tmp_path):
    files = {place: b"\xef\xbb\xbf" + json.dumps(tree).encode() for place, tree in own().items()}
    files["error.json"] = b'{"epoch": 1, "epoch": 2, "components": ["a"], "components": ["b"]}'
    answer, said = diagnosed(put(tmp_path / "run", files))
    assert answer, said
    assert answer["runs"][0]["missing"] == []


HOSTILE = "gs2\n\x1b[31m[red]\u202e|*_`<script>\ud800"


def test_hostile_words_at_every_place_are_printable(bases, tmp_path):
    def spoilt(tree):
        if isinstance(tree, dict):
            return {key: spoilt(item) for key, item in tree.items()} | {
                HOSTILE: 1.0,
                f"{HOSTILE}_loss": [1.0, math.nan],
            }
        if isinstance(tree, list):
            return [spoilt(item) for item in tree]
        return f"{HOSTILE}{tree}" if isinstance(tree, str) else tree

    for name, files in bases.items():
        folder = put(tmp_path / name, {place: spoilt(tree) for place, tree in files.items()})
        answer, said = diagnosed(folder)
        assert answer, said
    check_comparison(contrast(tmp_path / "own", tmp_path / "gs2_base"))


@pytest.mark.parametrize("name", [b"a\nb", b"\x1b[31m[red]", b"\xff\xfe", "\u202eback".encode(), b"[/]", b" ", b"a|b",
                                  b"x" * 255, "\u0950".encode() * 85])  # fmt: skip
def test_folders_of_any_name_are_told_by_a_printable_one(bases, tmp_path, name):
    folder = put(tmp_path / os.fsdecode(name), own())
    (folder / "overview.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    answer, said = diagnosed(folder)
    assert answer, said
    check_comparison(contrast(folder, put(tmp_path / "upstream", bases["gs2_base"])))
    (folder / "run_metadata.json").write_bytes(b"{")
    assert "run_metadata.json is not JSON" in refused(analyze, [folder])
    put(folder, bases["gs2_base"])
    answer, said = diagnosed(tmp_path)  # a folder of runs, one of them of this name
    assert answer, said


@pytest.mark.parametrize("name", ["...json", "..json", ".json.json", "\n.json", "a/b".replace("/", "\\") + ".json"])
def test_the_names_of_reports_lead_nowhere(bases, tmp_path, name):
    """The harness writes each run's files into a folder of its name."""
    put(tmp_path / "reports", {name: bases["own"]["probe_report.json"]})
    answer, said = diagnosed(tmp_path / "reports")
    assert answer, said
    told = answer["runs"][0]["name"]
    assert told not in ("", ".", "..")
    assert "/" not in told


@pytest.mark.parametrize("depth", [60, 900, 980])
def test_deep_trees_at_every_place_are_diagnosed_or_refused(bases, tmp_path, depth):
    deep = b'{"a": [' * (depth // 2) + b"1" + b"]}" * (depth // 2)
    rng = random.Random(depth)

    def deepened(trees):
        return {place: json.dumps(tree).encode().replace(b'"@"', deep) for place, tree in trees.items()}

    for name, files in bases.items():
        for i in range(2):
            trees = copy.deepcopy(files)
            for tree in trees.values():
                for node, key in rng.sample(found := places(tree), min(8, len(found))):
                    if isinstance(node[key], int | float | str):
                        node[key] = "@"
            diagnosed(put(tmp_path / f"{name}{i}", deepened(trees)))
    head = own()["intensity_stats.json"]
    head["amplitude_head"]["kind"] = head["stages"][4]["name"] = "@"
    head["stages"][4]["stats"]["nan_count"] = 3
    diagnosed(put(tmp_path / "head", deepened(own() | {"intensity_stats.json": head})))


def test_large_trees_are_diagnosed_at_once_and_told_in_short(tmp_path):
    """Within the size of a file everything may be there tens of thousands of times."""
    many = 8_000
    files = own()
    files["run_metadata.json"]["config"] |= {f"x{i}": {f"y{j}": i for j in range(100)} for i in range(400)}
    files["run_metadata.json"]["config"]["long"] = "x" * many
    files["run_metadata.json"]["stages"] *= many // 2
    files["train_outputs/history_summary.json"]["nan_overview"]["metrics"] = [f"metric{i}" for i in range(many)]
    files["train_outputs/history.json"]["metrics"] |= {f"m{i}_loss": [math.nan] for i in range(many)}
    files["train_outputs/weights.json"]["unmoved"] *= many
    files["error.json"]["components"] = [f"c{i}" for i in range(many)]
    files["intensity_stats.json"]["stages"] = [
        {"name": "x" * 50, "stats": {"mean": 1.0, "nan_count": 1}, "metadata": {"source": "y" * 50}}
    ] * (many // 2)
    files["intensity_stats.json"]["training_container_stats"] = {"shape": [1] * many, "dtype": "f" * many}
    files["intensity_stats.json"]["gain_ladder"] *= many // 4
    files["probe_report.json"]["metadata"] = dict.fromkeys(("probe_mode", "probe_scale", "scenario"), "z" * many)
    files["grouping_summary.json"]["subsets"] = {f"s{i}": {"error": "e" * 500, "status": "error"} for i in range(3000)}
    folder = put(tmp_path / "run", files)
    answer, said = diagnosed(folder)
    assert answer, said
    check_comparison(contrast(folder, put(tmp_path / "whole", own())))


def test_large_reports_of_parameters_are_diagnosed_at_once(tmp_path):
    many = 15_000
    report = {
        "dose_loss_modes": {f"mode{i}": {"nll_weight": 1.0} for i in range(many)},
        "dose_experiments": {"nll_weight": 0.0},
        "scenarios": {
            f"s{i}": {
                "parameters": {"mae_weight": 1.0},
                "diff": {"." * many: {"delta": "-1", "sim_lines": "x" * many}} | {f"k{j}": {} for j in range(200)},
            }
            for i in range(30)
        },
    }
    answer, said = diagnosed(put(tmp_path / "reports", {"comparison_diff.json": report}))
    assert answer, said


def test_photons_and_sides_beyond_any_experiment_are_diagnosed(tmp_path):
    for N in (0, 0.4, -64, 1e-300, 64.5, 1e6, 1e300, True, "64", [64]):
        for photons in (5e-324, 1e308, "many"):
            files = own()
            files["run_metadata.json"]["config"]["N"] = N
            files["run_metadata.json"]["scales"] = {"nphotons": photons}
            files["intensity_stats.json"]["dataset_scale_info"] = {"N": N, "nphotons": photons}
            answer, said = diagnosed(put(tmp_path / "run", files))
            assert answer, said


@pytest.mark.parametrize("key", ["", "intensity_stats", "comparison", "training_history"])
@pytest.mark.parametrize("value", [{"metrics": []}, {"a": 1}, [1], "text", 3, True])
def test_what_stands_in_for_a_missing_file_is_a_table(tmp_path, key, value):
    folder = put(tmp_path / "run", {"run_metadata.json": {"scenario": "x", "sim_seed": 1, key: value}})
    answer, said = diagnosed(folder)
    assert answer, said
    told = [m for m in answer["runs"][0]["missing"] if "holds what it would say" in m]
    assert len(told) == (key != "" and isinstance(value, dict) and (key != "comparison"))


# Neighbours and crowds


def test_neighbours_do_no_harm(bases, tmp_path, watched):
    """Beside an upstream run lies what nobody can read; its diagnosis is the one that it has alone."""
    alone = put(tmp_path / "alone" / "run", bases["gs2_ne60"])
    crowd = put(tmp_path / "crowd" / "run", bases["gs2_ne60"])
    for name, content in BAD.items():
        if name != "huge":
            put(tmp_path / "crowd" / name, {"run_metadata.json": content})
    for place in ("run_metadata.json", "inference_outputs/stats.json"):
        other = put(tmp_path / "crowd" / place.replace("/", "."), bases["gs2_base"])
        (other / place).unlink()
        os.mkfifo(other / place)
    loop = tmp_path / "crowd" / "loop"
    loop.symlink_to(loop)
    outside = put(tmp_path / "outside", bases["gs2_base"])
    (linked := tmp_path / "crowd" / "linked").mkdir()
    for place in bases["gs2_base"]:
        (linked / place).parent.mkdir(exist_ok=True)
        (linked / place).symlink_to(outside / place)
    watched.clear()
    found, said = diagnosed(crowd)
    assert found, said
    assert found == diagnosed(alone)[0]
    assert [p for p in watched if "outside" in p] == []


def test_a_crowd_of_runs_is_read_once_each(bases, tmp_path, watched):
    """Every one of them looks at its neighbours, and still the work grows with their number only."""
    files = {place: bases["gs2_base"][place] for place in ("run_metadata.json", "inference_outputs/stats.json")}
    for i in range(30):
        put(tmp_path / f"run{i:03}", files)
    watched.clear()
    answer, said = diagnosed(tmp_path)
    assert answer, said
    assert len(answer["runs"]) == 30
    assert len(watched) < 30 * 10


def test_thousands_of_foreign_entries_are_passed_over(tmp_path):
    for i in range(1500):
        (tmp_path / f"a{i:05}.png").touch()
        (tmp_path / f"b{i:05}").mkdir()
    put(tmp_path / "run", own())
    answer, said = diagnosed(tmp_path / "run")
    assert answer, said
    answer, said = diagnosed(tmp_path)
    assert answer, said
    assert [run["name"] for run in answer["runs"]] == ["run"]


def test_more_runs_than_are_looked_at_are_refused_not_dropped(tmp_path):
    for i in range(MOST + 1):
        put(tmp_path / f"run{i:05}", {"error.json": {"epoch": 1}})
    assert str(MOST + 1) in refused(analyze, [tmp_path])


# The command


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "harness", *map(str, arguments)],
        cwd=ROOT, capture_output=True, timeout=120, check=False, env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("what", ["nothing", "pipe", "several\nlines [red]"])
def test_the_command_says_one_line_and_exits_with_2(tmp_path, what):
    folder = tmp_path / what
    if what != "nothing":
        folder.mkdir()
    if what not in ("nothing", "pipe"):
        put(folder, own() | {"comparison_metrics.json": b"{"})
    if what == "pipe":
        os.mkfifo(folder / "run_metadata.json")
    status, out, err = command("compare", folder, folder) if what == "pipe" else command("analyze", folder)
    assert (status, out) == (2, "")
    assert err.endswith("\n")
    assert len(err.splitlines()) == 1
    assert what.split("\n")[0] in err
    assert "Traceback" not in err


def test_the_command_shows_hostile_words_as_they_are(tmp_path):
    files = own()
    files["error.json"]["components"] = ["[red]loss[/red]\n\x1b[31m\ud800"]
    folder = put(tmp_path / "[bold]run", files)
    status, out, err = command("analyze", folder, "--explain", "--out", tmp_path / "out")
    assert (status, err) == (1, "")
    assert "[red]loss[/red]" in out
    assert "\x1b" not in out
    assert (tmp_path / "out" / "diagnosis.json").is_file()


def test_a_trap_is_a_trap(tmp_path, watched):
    """The watch of the tests above sees what is opened."""
    put(tmp_path, {"probe_report.json": own()["probe_report.json"]})
    analyze([tmp_path])
    assert str(tmp_path / "probe_report.json") in watched
    with pytest.raises(DataError):
        analyze([tmp_path / "nothing"])
