"""The two distributions: what each wheel holds, and that it works from there alone."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import harness

ROOT = Path(__file__).parent.parent
TOOL = runpy.run_path(str(ROOT / "tools/distributions.py"))
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


def stated(path: str, pattern: str) -> str:
    """What a file states, by the first line of it that matches."""
    return str(re.findall(pattern, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)[0])


def test_both_distributions_have_the_version_of_the_harness(wheels):
    versions = {name: next(site.glob("*.dist-info/METADATA")).parent.name for name, site in wheels.items()}
    assert versions == {
        "harness": f"ptycho_harness-{harness.__version__}.dist-info",
        "reference": f"ptycho_reference-{harness.__version__}.dist-info",
    }
    assert TOOL["version"]() == harness.__version__


def test_the_citation_names_the_newest_release_of_the_changelog():
    newest = stated("CHANGELOG.md", r"^## (\d\S*) \(\d{4}-\d\d-\d\d\)$")
    assert stated("CITATION.cff", r"^version: (\S+)") == newest
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [h for h in headings if not re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", h)] in ([], ["Unreleased"])


@pytest.fixture(scope="module")
def sdists(tmp_path_factory) -> dict[str, Path]:
    """Both source distributions."""
    out = tmp_path_factory.mktemp("sdists")
    for source in TOOL["SOURCES"].values():
        line = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(out)]
        subprocess.run(line, cwd=source, check=True, capture_output=True, timeout=300)
    return {path.name.partition("-")[0]: path for path in out.iterdir()}


def test_a_source_distribution_holds_what_its_wheel_is_made_of_and_nothing_else(sdists, wheels, tmp_path):
    for name, key in (("ptycho_harness", "harness"), ("ptycho_reference", "reference")):
        assert TOOL["problems"](sdists[name]) == []
        with tarfile.open(sdists[name]) as archive:
            archive.extractall(tmp_path, filter="data")
        (unpacked,) = tmp_path.glob(f"{name}-*")
        line = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
        subprocess.run(line, cwd=unpacked, check=True, capture_output=True, timeout=300)
        (wheel,) = tmp_path.glob(f"{name}-*.whl")
        assert TOOL["problems"](wheel) == []
        with zipfile.ZipFile(wheel) as archive:
            again = {item.filename for item in archive.infolist() if not item.is_dir()}
        assert again == {p.relative_to(wheels[key]).as_posix() for p in wheels[key].rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("tests/test_x.py", b"", "holds tests/test_x.py"),
        ("harness/test_x.py", b"", "holds harness/test_x.py"),
        ("goldens/MANIFEST.json", b"", "holds goldens/MANIFEST.json"),
        ("harness/x.py", str(ROOT).encode(), "names a folder of this machine"),
    ],
)
def test_what_must_not_be_inside_is_seen(tmp_path, path, content, told):
    wheel = tmp_path / f"ptycho_harness-{harness.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("harness/fine.py", "")
        archive.writestr(path, content)
    (problem,) = TOOL["problems"](wheel)
    assert told in problem


def test_a_tag_of_another_version_or_without_changes_is_refused():
    check, tag, entries = TOOL["check_release"], f"v{harness.__version__}", "# Changelog\n\n## Unreleased\n\n- New.\n"
    check("", entries)
    check(tag, entries.replace("Unreleased", f"{harness.__version__} (2026-11-28)"))
    with pytest.raises(TOOL["UnfitError"], match=f"has no release {harness.__version__}"):
        check(tag, entries)
    with pytest.raises(TOOL["UnfitError"], match=r"the tag v0\.0\.1 is not v"):
        check("v0.0.1", entries)


def test_the_licence_of_the_reference_is_that_of_the_repository():
    assert (ROOT / "reference/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_a_release_is_built_by_actions_that_nobody_can_move():
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)", text)
    assert len(used) > 5
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []
    assert "password" not in text


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
