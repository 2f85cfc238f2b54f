"""Which files are written, which are there already, and that nobody's file is lost."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import ProjectError
from harness.core.files import write_file
from harness.setup.files.adapter import adapter_text
from harness.setup.files.plain import ATTRIBUTES, IGNORED, TEST, with_lines, with_table, workflow_text
from harness.setup.files.scenario import scenario_text
from harness.setup.libraries import own_distribution
from harness.setup.survey.proposal import Proposal


@dataclass(frozen=True)
class Wanted:
    """What is asked for: names of the adapter's module and of the first scenario, and whether CI gets a job."""

    adapter: str = "guard"
    scenario: str = "main"
    ci: bool = True
    force: bool = False


@dataclass(frozen=True)
class Planned:
    """A file that is to be written: ``state`` says whether it is new, extended, replaced, kept or unchanged."""

    path: Path
    content: str
    state: str


def plan_files(root: Path, proposal: Proposal, wanted: Wanted, libraries: tuple[str, ...]) -> list[Planned]:
    """Every file, and what becomes of it; nothing is written yet.

    Raises ProjectError where another adapter is in its place: nothing else would fit to that.
    """
    if not wanted.adapter.isidentifier() or not wanted.scenario.isprintable() or "/" in wanted.scenario:
        raise ProjectError(f"--adapter {wanted.adapter}, --scenario {wanted.scenario}: names are single words")
    adapter = root / f"{wanted.adapter}.py"
    if (root / wanted.adapter).exists():
        raise ProjectError(f"{root / wanted.adapter} is there, which has the adapter's name: choose another, --adapter")
    tests = root / "tests" if (root / "tests").is_dir() else root
    python = ".".join(platform.python_version_tuple()[:2])
    drafts = {
        adapter: adapter_text(proposal),
        root / "goldens" / wanted.scenario / "scenario.toml": scenario_text(proposal),
        tests / "test_goldens.py": TEST,
    }
    if wanted.ci:
        drafts[root / ".github" / "workflows" / "goldens.yml"] = workflow_text(
            root, libraries, python, own_distribution()
        )
    planned = [_extended(root / "pyproject.toml", with_table(root / "pyproject.toml", f"{wanted.adapter}:pipeline"))]
    for path, content in drafts.items():
        state = _state(path, content, wanted.force)
        if state == "kept" and path == adapter:
            raise ProjectError(f"{path} is there already: name another with --adapter, or replace it with --force")
        planned.append(Planned(path, content, state))
    for name, lines in {".gitignore": IGNORED, ".gitattributes": ATTRIBUTES}.items():
        path = root / name
        planned.append(_extended(path, with_lines(path.read_text(encoding="utf-8") if path.is_file() else "", lines)))
    return planned


def write_planned(planned: list[Planned]) -> None:
    """Write what is new, extended or replaced."""
    for file in planned:
        if file.state not in ("kept", "unchanged"):
            file.path.parent.mkdir(parents=True, exist_ok=True)
            write_file(file.path, file.content.encode())


def _state(path: Path, content: str, force: bool) -> str:
    if not path.exists():
        return "new"
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == content:
        return "unchanged"
    return "replaced" if force else "kept"


def _extended(path: Path, content: str) -> Planned:
    if not path.exists():
        return Planned(path, content, "new")
    return Planned(path, content, "unchanged" if path.read_text(encoding="utf-8") == content else "extended")
