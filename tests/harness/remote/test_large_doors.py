"""Large goldens behind the commands and pytest, from an acceptance to another clone, with a real S3-like server."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from heat_repository import Repository

LINE = ("heat.py", "np.log(heights), 1)[0]", "np.log(heights), 1, w=heights)[0]")
IDS = ["smooth/cpu/comparison", "smooth/cpu/reference", "smooth/replay/comparison", "smooth/replay/reference"]


@pytest.fixture
def large(heat, s3, capsys):
    """The repository after a change whose goldens are too large for git was accepted and committed."""
    settings = f'[tool.harness]\nremote = "{s3}"\nlarge_bytes = 1\nremote_seconds = 10\n'
    heat.edit("pyproject.toml", "[tool.harness]\n", settings)
    heat.edit(*LINE)
    heat.repository.commit("weights")
    heat.cli(capsys, "verify smooth", 1)
    out, _ = heat.cli(capsys, f"accept {' '.join(IDS)} --disposition intended --reason weights")
    assert "too large for git and is kept on this machine alone: run `harness push`" in out
    heat.repository.commit("accepted")
    return heat


def variables():
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def test_from_an_acceptance_to_another_clone(large, s3, capsys, tmp_path):
    tracked = subprocess.run(["git", "ls-files"], cwd=large.root, capture_output=True, text=True, check=True).stdout
    assert not any(f"goldens/{identity}.json" in tracked for identity in IDS)
    assert "goldens/smooth/cpu/" in tracked
    large.cli(capsys, "verify smooth")
    pushed = large.json(capsys, "push")
    assert pushed["there"] == 0
    assert len(pushed["moved"]) >= 2  # two are the same bytes
    assert large.json(capsys, "push") == {"moved": [], "size": 0, "there": len(pushed["moved"])}
    told = next(c for c in large.json(capsys, "doctor") if c["name"] == "large goldens")
    assert told["held"], told
    assert s3 in told["found"]

    subprocess.run(["git", "clone", "-q", str(large.root), str(tmp_path / "clone")], check=True)
    clone = Repository((tmp_path / "clone").resolve(), large.repository.environment | variables())
    done = clone.harness("verify", 2)
    assert done.stderr.count("error: ") == 1
    assert f"{len(pushed['moved'])} large files of goldens are not on this machine" in done.stderr
    assert "run `harness pull`" in done.stderr
    assert "run `harness pull`" in clone.expect("pytest -q", 1).stdout
    clone.harness("pull")
    clone.harness("verify smooth")
    assert json.loads(clone.harness("gc --remote --days 0 --json").stdout)["remote"]["removed"] == []
