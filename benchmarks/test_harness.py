"""Time what every verification does beside computing: find a value's rule, read a stage's item, write the report."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from harness.core.files import json_digest
from harness.core.protocol import Artifact
from harness.core.trees import split_tree
from harness.judge.tolerances import load_rules
from harness.report.folder import write_report
from harness.run.cache import Cache


@pytest.mark.benchmark(group="rules")
def test_find_2000_rules_read_afresh(benchmark, tmp_path):
    path = tmp_path / "tolerances.toml"
    stages = [f'"{track}stage{i}/**" = {{ rtol = 1e-6 }}\n' for track in ("", "replay/") for i in range(15)]
    parts = [f'"stage{i}/*/x" = {{ exact = true }}\n"stage{i}/y*/z" = {{ ulp = 3 }}\n' for i in range(15)]
    path.write_text("version = 1\n[rules]\n" + "".join(stages + parts), encoding="utf-8")
    addresses = [f"{track}stage{i}/part{j}/x{j}" for track in ("", "replay/") for i in range(20) for j in range(50)]
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = len(addresses), "rules"
    result = benchmark(lambda: list(map(load_rules(path, tmp_path).find, addresses)))
    assert result.count(None) == 500


@pytest.mark.benchmark(group="cache")
def test_read_20_items(benchmark, tmp_path):
    cache, noise = Cache(tmp_path / "cache", 2**30), np.random.default_rng(0).standard_normal(2000)
    keys = [json_digest(n) for n in range(20)]
    for n, key in enumerate(keys):
        cache.put(key, split_tree({"field": noise}), Artifact({"n": n}, {"field": noise}), {"stage": "simulate"})
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = len(keys), "items"
    assert benchmark(lambda: [cache.get(key).artifact().values["n"] for key in keys]) == list(range(20))


@pytest.mark.benchmark(group="report")
def test_write_a_report_that_fails_with_pictures(benchmark, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "tests/harness")
    example = importlib.import_module("report_example")
    built = example.heavy()
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 1, "reports"
    result = benchmark(write_report, built.report, example.VIEWS, built.find, tmp_path)
    assert result["report.html"].stat().st_size < 8e6
