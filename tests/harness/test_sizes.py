"""Large goldens are told of before they are accepted, and by doctor after: what they hold, and what would do."""

from __future__ import annotations

import json

import numpy as np
import pytest
from checked_repository import new_repository, write
from plant_repository import Plant

from harness.core.artifacts import dump_artifact
from harness.core.project import find_project
from harness.core.protocol import Artifact
from harness.store.candidates import add_candidate
from harness.study import sizes

NOISE = np.random.default_rng(0).standard_normal(200_000)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    plant = Plant(tmp_path / "plant")
    monkeypatch.syspath_prepend(str(plant.root))
    return find_project(plant.root)


def told(project, identity, artifact):
    add_candidate(project, identity, artifact, "plant/made-1", {"why": "new"})
    return [golden.sentence for golden in sizes.large_candidates(project, [identity, "tolerances.toml"])]


def test_a_large_candidate_says_what_it_holds_and_what_observe_could_keep(project):
    artifact = Artifact({"n": 1}, {"volume": NOISE, "edge": NOISE[:10]})
    (sentence,) = told(project, "small/cpu/made", artifact)
    size = sum(map(len, dump_artifact(artifact, "plant/made-1").values()))
    assert sentence.startswith(f"small/cpu/made is {size / 1e6:.1f} MB, which git keeps for good: ")
    assert "% of its data is volume (float64 [200000])" in sentence
    assert "edge" not in sentence
    assert sentence.endswith("let observe keep a slice of volume, or a statistic such as its mean and quantiles")


def test_what_would_do_depends_on_who_decides_it(project):
    artifact = Artifact({}, {"volume": NOISE})
    assert "let the test check a slice of volume" in told(project, "tests.test_a/check/test_a", artifact)[0]
    assert "all that its stage gives to the next" in told(project, "small/replay/made", artifact)[0]
    assert "fewer rules with interval" in told(project, "small/cpu/ensemble", artifact)[0]
    values = Artifact({"x": [i / 7 for i in range(60_000)]})
    assert "100 % is values; let observe keep a part of it" in told(project, "small/cpu/made", values)[0]


def test_a_small_one_is_no_matter_and_the_limit_is_a_megabyte(project):
    assert sizes.LARGE == 1_000_000
    assert told(project, "small/cpu/made", Artifact({}, {"volume": NOISE[:100_000]})) == []


def test_accept_and_doctor_tell(ready, tmp_path):
    repository = new_repository(tmp_path, ready)
    repository.expect("git init -q -b main")
    source = (
        "import numpy as np\n\n\ndef test_big(check):\n    check(np.random.default_rng(0).random(200_000), rtol=1e-6)\n"
    )
    write(repository, {".gitignore": "__pycache__/\n", "tests/test_big.py": source})
    repository.expect("pytest -q", 1)
    identity = "tests.test_big/check/test_big"
    out = " ".join(repository.harness(f"accept {identity} --reason First").stdout.split())
    assert f"note: {identity} is 1." in out
    assert "let the test check a slice of value" in out
    repository.commit()
    (check,) = [c for c in json.loads(repository.harness("doctor --json").stdout) if c["name"] == "size"]
    assert not check["held"]
    assert not check["needed"]
    assert "a slice of value" in check["remedy"]
