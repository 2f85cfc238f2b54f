"""Whole files with strange content: hostile words, deep and large trees, figures beyond any experiment."""

from __future__ import annotations

import copy
import json
import math
import os
import random

import pytest
from answer_checks import check_comparison, diagnosed, refused
from example_runs import own, put
from run_damage import places

from ptycho.diagnostics import analyze, contrast


def test_a_byte_order_mark_and_repeated_keys_are_read(tmp_path):
    files = {place: b"\xef\xbb\xbf" + json.dumps(tree).encode() for place, tree in own().items()}
    files["error.json"] = b'{"epoch": 1, "epoch": 2, "components": ["a"], "components": ["b"]}'
    answer, message = diagnosed(put(tmp_path / "run", files))
    assert answer, message
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
        answer, message = diagnosed(folder)
        assert answer, message
    check_comparison(contrast(tmp_path / "own", tmp_path / "gs2_base"))


@pytest.mark.parametrize(
    "name",
    [
        b"a\nb",
        b"\x1b[31m[red]",
        b"\xff\xfe",
        "\u202eback".encode(),
        b"[/]",
        b" ",
        b"a|b",
        b"x" * 255,
        "\u0950".encode() * 85,
    ],
)
def test_folders_of_any_name_are_shown_by_a_printable_one(bases, tmp_path, name):
    folder = put(tmp_path / os.fsdecode(name), own())
    (folder / "overview.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    answer, message = diagnosed(folder)
    assert answer, message
    check_comparison(contrast(folder, put(tmp_path / "upstream", bases["gs2_base"])))
    (folder / "run_metadata.json").write_bytes(b"{")
    assert "run_metadata.json is not JSON" in refused(analyze, [folder])
    put(folder, bases["gs2_base"])
    answer, message = diagnosed(tmp_path)  # a folder of runs, one of them of this name
    assert answer, message


@pytest.mark.parametrize("name", ["...json", "..json", ".json.json", "\n.json", "a/b".replace("/", "\\") + ".json"])
def test_the_names_of_reports_lead_nowhere(bases, tmp_path, name):
    """The harness writes each run's files into a folder of its name."""
    put(tmp_path / "reports", {name: bases["own"]["probe_report.json"]})
    answer, message = diagnosed(tmp_path / "reports")
    assert answer, message
    shown_name = answer["runs"][0]["name"]
    assert shown_name not in ("", ".", "..")
    assert "/" not in shown_name


@pytest.mark.parametrize("depth", [60, 900, 980])
@pytest.mark.slow
def test_deep_trees_at_every_place_are_diagnosed_or_refused(bases, tmp_path, depth):
    deep = b'{"a": [' * (depth // 2) + b"1" + b"]}" * (depth // 2)
    rng = random.Random(depth)

    def deepened(trees):
        return {place: json.dumps(tree).encode().replace(b'"@"', deep) for place, tree in trees.items()}

    for name, files in bases.items():
        for i in range(2):
            trees = copy.deepcopy(files)
            for tree in trees.values():
                for node, key in rng.sample(everywhere := places(tree), min(8, len(everywhere))):
                    if isinstance(node[key], int | float | str):
                        node[key] = "@"
            diagnosed(put(tmp_path / f"{name}{i}", deepened(trees)))
    head = own()["intensity_stats.json"]
    head["amplitude_head"]["kind"] = head["stages"][4]["name"] = "@"
    head["stages"][4]["stats"]["nan_count"] = 3
    diagnosed(put(tmp_path / "head", deepened(own() | {"intensity_stats.json": head})))


def test_large_trees_are_diagnosed_at_once_and_in_short(tmp_path):
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
    answer, message = diagnosed(folder)
    assert answer, message
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
    answer, message = diagnosed(put(tmp_path / "reports", {"comparison_diff.json": report}))
    assert answer, message


def test_photons_and_sides_beyond_any_experiment_are_diagnosed(tmp_path):
    for N in (0, 0.4, -64, 1e-300, 64.5, 1e6, 1e300, True, "64", [64]):
        for photons in (5e-324, 1e308, "many"):
            files = own()
            files["run_metadata.json"]["config"]["N"] = N
            files["run_metadata.json"]["scales"] = {"nphotons": photons}
            files["intensity_stats.json"]["dataset_scale_info"] = {"N": N, "nphotons": photons}
            answer, message = diagnosed(put(tmp_path / "run", files))
            assert answer, message


@pytest.mark.parametrize("key", ["", "intensity_stats", "comparison", "training_history"])
@pytest.mark.parametrize("value", [{"metrics": []}, {"a": 1}, [1], "text", 3, True])
def test_what_stands_in_for_a_missing_file_is_a_table(tmp_path, key, value):
    folder = put(tmp_path / "run", {"run_metadata.json": {"scenario": "x", "sim_seed": 1, key: value}})
    answer, message = diagnosed(folder)
    assert answer, message
    replaced_files = [m for m in answer["runs"][0]["missing"] if "holds what it would say" in m]
    assert len(replaced_files) == (key != "" and isinstance(value, dict) and (key != "comparison"))
