"""The documentation tells the truth: every command runs, every key and link exists."""

from __future__ import annotations

import configparser
import dataclasses
import os
import re
import runpy
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from ptycho.config.pipeline import PipelineConfig

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands(page: Path) -> list[str]:
    """The page's own commands, in order."""
    lines = (line.strip() for block in blocks(page, "sh") for line in block.splitlines())
    return [line for line in lines if line.startswith(("ptycho ", "harness "))]


OWN_TEST = ("tutorial-harness",)  # tests/harness/test_tutorial.py makes its repository first


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p) and p.stem not in OWN_TEST], ids=lambda p: p.stem)
def test_every_command_of_a_page_runs_in_order(page, tmp_path):
    environment = os.environ | {"COLUMNS": "120"}
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("goldens", "schemas", "pyproject.toml"):
        (repository / name).symlink_to(ROOT / name)
    (tmp_path / "shared").symlink_to(ROOT.parent / "shared")  # the data are where they are beside the real one
    for command in commands(page):
        line, _, remark = f"{sys.executable} -m {command}".partition("  # exits with ")
        done = subprocess.run(
            line, shell=True, cwd=repository, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == int(remark or 0), f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr


def test_python_of_the_readme_runs(tmp_path):
    (tmp_path / "goldens").symlink_to(ROOT / "goldens")
    (code,) = blocks(ROOT / "README.md", "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True 0.9")


def test_every_tox_environment_that_is_named_exists():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    sections = {section.removeprefix("testenv:") for section in tox.sections() if section.startswith("testenv:")}
    known = {name for section in sections for name in section.strip("{}").split(",")}
    for page in PAGES:
        named = re.findall(r"tox(?: run)? -e ([\w.-]+)", page.read_text(encoding="utf-8"))
        assert set(named) <= known, page
    table = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    assert known <= set(re.findall(r"`([\w.-]+)`", table))


def test_the_table_of_quality_is_what_the_goldens_say():
    page = runpy.run_path(str(ROOT / "benchmarks/quality.py"))["page"]
    assert (ROOT / "docs/quality.md").read_text(encoding="utf-8") == page()


def test_every_link_to_a_file_leads_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def leaves(cls: type, prefix: str = "") -> list[str]:
    names = []
    for name, hint in typing.get_type_hints(cls).items():
        nested = next((a for a in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(a)), None)
        names += leaves(nested, f"{prefix}{name}.") if nested else [prefix + name]
    return names


def test_the_reference_names_every_key_of_the_configuration_and_no_other():
    text = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
    first_columns = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    documented = {key for column in first_columns for key in re.findall(r"`([\w.]+)`", column)}
    assert documented == set(leaves(PipelineConfig))
