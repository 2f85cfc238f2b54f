"""tox.ini, the workflow and the documentation name the same environments, and the pins are what is told."""

from __future__ import annotations

import configparser
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PINS = runpy.run_path(str(ROOT / "tests/pins.py"))


@pytest.fixture(scope="module")
def tox():
    result = configparser.ConfigParser(interpolation=None)
    result.read(ROOT / "tox.ini")
    return result


@pytest.fixture(scope="module")
def environments(tox):
    """Those of the label, without the one that collects them."""
    *names, last = re.fullmatch(r"matrix = (.+)", tox["tox"]["labels"].strip())[1].split(", ")
    assert last == "matrix-report"
    return names


def test_the_workflow_runs_the_environments_of_the_label(environments):
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert re.search(r"name: \[(.+)\]", workflow)[1].split(", ") == environments
    runs = re.findall(r"- run: (.+)", workflow)
    assert [r for r in runs if not r.startswith("rm ")] == [
        "bash .ci/run", "bash .ci/run docs dist", "bash .ci/run ${{ matrix.name }}", "bash .ci/run matrix-report",
    ]  # fmt: skip


def test_the_page_expects_every_environment_and_one_may_fail(tox, environments):
    (command,) = tox["testenv:matrix-report"]["commands"].strip().splitlines()
    assert [*re.findall(r"--expect ([\w.-]+)", command), *re.findall(r"--may-fail ([\w.-]+)", command)] == environments
    assert tox["testenv:matrix-report"]["depends"].split(", ") == environments
    assert tox["testenv:newest"]["ignore_outcome"] == "true"


def test_drift_and_faults_are_of_every_environment_that_is_pinned(environments):
    assert [*runpy.run_path(str(ROOT / "benchmarks/environments.py"))["PINNED"], "newest"] == environments


def test_every_environment_pins_what_computes(tox, environments):
    deps = PINS["pinned"](tox)["deps"]
    page = (ROOT / "docs/explanation/matrix.md").read_text(encoding="utf-8")
    for name in environments:
        if name == "newest":
            continue
        result = PINS["pins"](name, deps)
        backend = "jax" if name == "jax" else "torch" if name == "torch" else "tensorflow"
        assert {"keras", "numpy", "scipy", "scikit-image", "h5py", backend} <= set(result), name
        text = re.search(rf"^\| `{re.escape(name)}` \|(.+)\|$", page, re.M)[1]
        assert all(result[k] in text for k in ("keras", "numpy", "scipy", backend)), (name, text)


def test_factors_choose_the_pins():
    deps = "tf2.16, torch: numpy==1\nkeras3.3: keras==2\n{[testenv]deps}\njax: jax==3\nloose\ntorch: ml<0.6\n"
    assert PINS["pins"]("tf2.16-keras3.3", deps) == {"numpy": "1", "keras": "2"}
    assert PINS["pins"]("jax", deps) == {"jax": "3"}
    assert PINS["pins"]("torch", deps) == {"numpy": "1"}


def installed(monkeypatch, **versions):
    """An environment with these distributions beside what two environments share; change them as you like."""
    versions |= {"numpy": "1.26.4", "scipy": "1.15.3", "scikit-image": "0.26.0"}
    monkeypatch.setitem(PINS["main"].__globals__, "version", versions.__getitem__)
    return versions


def test_an_installation_that_is_not_as_pinned_is_told(capsys, monkeypatch):
    versions = installed(monkeypatch, tensorflow="2.16.2", keras="3.3.3", h5py="3.16.0")
    assert PINS["main"]("tf2.16-keras3.3") == 0
    versions["keras"] = "3.15.1"
    assert PINS["main"]("tf2.16-keras3.3") == 1
    assert "tf2.16-keras3.3 pins keras==3.3.3, and 3.15.1 is installed" in capsys.readouterr().out
    assert PINS["main"]("unknown") == 1


def test_a_local_build_of_the_pinned_version_is_as_pinned(monkeypatch):
    versions = installed(monkeypatch, torch="2.13.0+cpu", keras="3.15.1", h5py="3.14.0")
    assert PINS["main"]("torch") == 0
    versions["torch"] = "2.13.1+cpu"
    assert PINS["main"]("torch") == 1
