"""Which way the arrows point: the harness knows no pipeline, the pipeline knows no harness, one adapter knows both."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import harness

ROOT = Path(harness.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
FIELD = ("ptycho", "diffraction", "tensorflow", "keras", "probe", "gridsize")


def imported(module: Path) -> set[str]:
    """Dotted names that a module imports, at its top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def named(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_the_core_knows_no_pipeline(module):
    assert not [name for name in imported(module) if name.partition(".")[0] in ("ptycho", "keras", "tensorflow")]
    assert not [name for name in imported(module) if name.startswith("guard")]


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_the_core_does_not_speak_of_one_field(module):
    text = module.read_text(encoding="utf-8").lower()
    assert not [word for word in FIELD if word in text and not (word == "tensorflow" and "tf_cpp" in text)]


@pytest.mark.parametrize("name", ["harness", "harness.plugin", "harness.cli", "guard.pipeline"])
def test_importing_is_light(name):
    """No backend, no scientific stack: pytest loads the plugin in every repository where it is installed."""
    tell = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", f"import {name}\n{tell}"], capture_output=True, text=True, check=True)
    heavy = {"tensorflow", "keras", "scipy", "skimage", "matplotlib", "jsonschema", "jinja2", "h5py"}
    assert not set(done.stdout.split()) & heavy
    assert ("ptycho" in done.stdout.split()) is (name == "guard.pipeline")


def test_files_stay_small_enough_to_hold_in_the_head():
    lengths = {named(m): len(m.read_text(encoding="utf-8").splitlines()) for m in MODULES}
    assert sorted(lengths.values())[len(lengths) // 2] <= 160
    assert not {name: n for name, n in lengths.items() if n > 420}
