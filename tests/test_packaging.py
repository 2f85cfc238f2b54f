"""The two distributions: what each wheel holds, and that it works from there alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow  # the wheels take seconds


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> dict[str, Path]:
    """Both wheels, unpacked."""
    result = {}
    for name, source in (("harness", ROOT), ("reference", ROOT / "reference")):
        out = tmp_path_factory.mktemp(name)
        line = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
        subprocess.run(line, cwd=source, check=True, capture_output=True, timeout=300)
        (wheel,) = out.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(out / "site")
        result[name] = out / "site"
    return result


def version_in(path: Path, pattern: str) -> str:
    """The version that a file states, by the one line of it that matches."""
    (version,) = re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    return str(version)


def test_both_distributions_and_the_citation_state_one_version():
    own = [version_in(ROOT / folder / "pyproject.toml", r'^version = "(.+)"$') for folder in (".", "reference")]
    assert {*own, version_in(ROOT / "CITATION.cff", r"^version: (.+)$")} == {own[0]}


def packages(site: Path) -> set[str]:
    return {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}


def test_each_distribution_holds_its_own_package_and_nothing_else(wheels):
    assert packages(wheels["harness"]) == {"harness", "harness_pytest.py"}  # and what pytest loads it by
    assert packages(wheels["reference"]) == {"ptycho"}


def test_every_source_file_is_in_its_wheel(wheels):
    for site, package in ((wheels["harness"], "harness"), (wheels["reference"], "ptycho")):
        files = [p for p in (ROOT / package).rglob("*") if p.suffix in (".py", ".j2", ".css") or p.name == "py.typed"]
        sources = {p.relative_to(ROOT).as_posix() for p in files}
        held = {p.relative_to(site).as_posix() for p in site.rglob("*")}
        assert sources <= held
        assert (site / package / "py.typed").is_file()


def test_every_scenario_is_packaged_and_no_golden_is(wheels):
    packaged = sorted((wheels["reference"] / "ptycho/_scenarios").rglob("*.*"))
    assert [p.parent.name for p in packaged] == sorted(p.parent.name for p in ROOT.glob("goldens/*/scenario.toml"))
    assert {p.name for p in packaged} == {"scenario.toml"}


def run(site: Path, module: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command from an unpacked wheel, far from the repository."""
    environment = os.environ | {"PYTHONPATH": str(site)}
    line = [sys.executable, "-m", module, *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


def test_the_harness_works_from_its_wheel(wheels, tmp_path):
    done = run(wheels["harness"], "harness", "list", cwd=tmp_path)
    assert done.returncode == 2
    assert "no pyproject.toml with a [tool.harness] table" in done.stderr


def test_the_pipeline_finds_its_scenarios_in_its_wheel(wheels, tmp_path):
    done = run(wheels["reference"], "ptycho", "list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gs2_ideal" in done.stdout
