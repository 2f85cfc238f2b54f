"""``harness --version`` tells the version of the code that runs, whatever else is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from heat_repository import ROOT

from harness.cli.version import UNKNOWN, own_version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

STATED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"].get("version")


def installed(folder: Path, version: str) -> Path:
    """A folder in which a distribution of this name is installed."""
    about = folder / f"ptycho_harness-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "entry_points.txt").write_text("[console_scripts]\nharness = harness.cli:main\n")
    (folder / "zother-9.dist-info").mkdir()
    (folder / "zother-9.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: zother\nVersion: 9\n")
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ptycho-harness\nVersion: {version}\n")
    return folder / "harness"


@pytest.mark.skipif(STATED is None, reason="its version is written elsewhere")
def test_a_source_tree_states_its_own():
    assert own_version() == STATED


def test_what_is_installed_beside_the_package_counts(tmp_path):
    assert own_version(installed(tmp_path, "7.1")) == "7.1"


def test_another_projects_folder_says_nothing(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\nversion = "3"\n')
    assert own_version(tmp_path / "harness") == UNKNOWN
    (tmp_path / "pyproject.toml").write_text("no toml [")
    assert own_version(tmp_path / "harness") == UNKNOWN
    assert own_version(installed(tmp_path, "2.0")) == "2.0"


@pytest.mark.slow
@pytest.mark.parametrize("line", ["--version", "--version verify"])
def test_the_command_says_it_anywhere(line, tmp_path):
    """Outside of any repository, and before a command that would need one."""
    command = [sys.executable, "-m", "harness", *line.split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"harness {own_version()}\n"
    assert done.stderr == ""
