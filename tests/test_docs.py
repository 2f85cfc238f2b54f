"""The documentation tells the truth: every command runs, every key and link exists."""

from __future__ import annotations

import configparser
import dataclasses
import importlib
import json
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


# tests/harness/test_tutorial.py, or one in a folder beside it, makes their repository first
OWN_TEST = (
    "bisect",
    "tutorial-harness",
    "refresh-goldens",
    "check-any-test",
    "import-goldens",
    "review",
    "guard-a-pipeline",
)


# One process for a page: to import what trains takes longer than most commands, and test_cli.py starts each by itself.
RUN_ALL = """
import json, shlex, sys
statuses = []
for line in sys.argv[1:]:
    program, *words = shlex.split(line)
    if program == "ptycho":
        from ptycho.cli import main
    else:
        from harness.cli import main
    sys.argv[:] = [program, *words]
    print(f"$ {line}", file=sys.stderr, flush=True)
    try:
        main()
    except SystemExit as end:
        statuses.append(end.code or 0)
    sys.stdout.flush()
print()
print(json.dumps(statuses))
"""


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p) and p.stem not in OWN_TEST], ids=lambda p: p.stem)
@pytest.mark.slow
def test_every_command_of_a_page_runs_in_order(page, tmp_path):
    environment = os.environ | {"COLUMNS": "120"}
    repository = tmp_path / "repository"
    repository.mkdir()
    for name in ("goldens", "schemas", "pyproject.toml"):
        (repository / name).symlink_to(ROOT / name)
    (tmp_path / "shared").symlink_to(ROOT.parent / "shared")  # the data are where they are beside the real one
    lines = [command.partition("  # exits with ") for command in commands(page)]
    assert not any(set(line) & set("|&;<>$`*?#") for line, _, _ in lines), "only a shell would understand it"
    command = [sys.executable, "-c", RUN_ALL, *(line for line, _, _ in lines)]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    statuses = json.loads(done.stdout.splitlines()[-1])
    assert statuses == [int(remark or 0) for _, _, remark in lines], done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
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


# Citations: a file may name a document of this repository, and a section of it; both must be there.

CITED = re.compile(r"(?<![\w/.])docs/[\w./-]+\.md\b")
OUTSIDE = re.compile(r"(?<![\w/])(?:PHYSICS|DESIGN|STYLE)\.md\b")  # what the project was planned with
SECTION = re.compile(r'(?<![\w/.])(docs/[\w./-]+\.md)`?,\s+(?:#\s*)?"([^"]+)"')
LINKED = re.compile(r'\]\(([^)#:]+\.md)\),\s+"([^"]+)"')


def tracked_texts() -> list[Path]:
    """Every text that git tracks; arrays and pictures are none."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in names.split("\0") if name]
    return [p for p in paths if p.suffix not in (".npz", ".png") and p.is_file()]


def headings(page: Path) -> set[str]:
    """The titles of a page's sections, without its code."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))


def title(cited: str) -> str:
    """A section's title in one line: comments and docstrings may have broken it."""
    return " ".join(re.sub(r"\n\s*#", "\n", cited).split())


def broken_citations(text: str, folder: Path = ROOT) -> list[str]:
    """What ``text``, in a file of ``folder``, cites and does not exist."""
    problems = [f"{name} is outside the repository" for name in OUTSIDE.findall(text)]
    problems += [f"{name} does not exist" for name in CITED.findall(text) if not (ROOT / name).is_file()]
    sections = [(ROOT / name, section) for name, section in SECTION.findall(text)]
    sections += [((folder / name).resolve(), section) for name, section in LINKED.findall(text)]
    for page, section in sections:
        if page.is_file() and title(section) not in headings(page):
            problems.append(f'{page.name} has no section "{title(section)}"')
    return problems


def test_every_document_and_section_that_a_file_cites_exists():
    texts = {path: path.read_text(encoding="utf-8") for path in tracked_texts()}
    assert sum(bool(CITED.search(text)) for text in texts.values()) > 5
    broken = {p.relative_to(ROOT).as_posix(): broken_citations(t, p.parent) for p, t in texts.items()}
    assert {name: problems for name, problems in broken.items() if problems} == {}


PHYSICS = "docs/explanation/" + "physics.md"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("PHYS" + 'ICS.md, "Forward model"', "is outside the repository"),
        ("see docs/explanation/" + "chemistry.md.", "chemistry.md does not exist"),
        (f'({PHYSICS}, "Backward model")', 'physics.md has no section "Backward model"'),
        (f'# {PHYSICS}, "Backward\n    # model"', 'physics.md has no section "Backward model"'),
        (f'[it]({PHYSICS}), "Backward model"', 'physics.md has no section "Backward model"'),
    ],
)
def test_a_citation_of_what_is_not_there_is_named(text, problem):
    (named,) = broken_citations(text)
    assert named.endswith(problem)


@pytest.mark.parametrize(
    "text",
    [
        f'({PHYSICS}, "Forward model")',
        f'# `{PHYSICS}`, "Why the seeds\' amplitude\n# bias happened", 3',
        f'[it]({PHYSICS}), "The\n  oracle"',
        'read("docs/quality.md", "utf-8")',
        "https://example.org/docs/other.md",
    ],
)
def test_a_citation_of_what_is_there_is_none(text):
    assert broken_citations(text) == []


def anchor(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_link_to_a_section_leads_to_one():
    for page in PAGES:
        for target, section in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            there = page.parent / target if target else page
            assert section in {anchor(heading) for heading in headings(there)}, f"{page.name}: {target}#{section}"


@pytest.mark.parametrize("package", ["harness", "ptycho"])
def test_every_public_name_stands_in_the_reference(package):
    text = (ROOT / "docs/reference/api" / f"{package}.rst").read_text(encoding="utf-8")
    described = set(re.findall(r"^\.\. auto\w+:: (?:\w+\.)*(\w+)$", text, re.M))
    assert set(importlib.import_module(package).__all__) <= described
