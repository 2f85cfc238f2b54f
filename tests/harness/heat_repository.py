"""The tutorial's repository, for whoever tests the harness from the outside: in a shell, or from within a process."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import prepared
import pytest
import walkthrough

from harness.cli.app import main
from harness.core.project import Project, find_project
from harness.core.protocol import Pipeline, Stage
from harness.core.verdicts import ArtifactReport, ScenarioReport, Verdict
from harness.run.runner import Runner
from harness.verify.examination import Examination
from harness.verify.suite import Suite, open_cache, verify_suite

ROOT = Path(__file__).parents[2]
FORGOTTEN = (
    *("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONIOENCODING", "PYTHONUTF8", "PYTEST_ADDOPTS"),
    # A worker of xdist has these, and other plugins are silent where they see them.
    *("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"),
)


def users_environment() -> dict[str, str]:
    """The variables of a user who has installed the harness, without those that this run of the tests was given."""
    installed = any(point.name == "harness" for point in entry_points(group="pytest11"))
    return {name: value for name, value in os.environ.items() if name not in FORGOTTEN} | {
        "PYTHONPATH": str(ROOT),
        "PYTEST_ADDOPTS": "-p no:cacheprovider" + ("" if installed else " -p harness_pytest"),
    }


@dataclass(frozen=True)
class Repository:
    """A repository and the shell in which a user would work in it."""

    root: Path
    environment: dict[str, str]

    def shell(self, line: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one line; ``more`` are environment variables."""
        return subprocess.run(
            line, shell=True, cwd=self.root, env=self.environment | more, capture_output=True, text=True, timeout=300
        )

    def harness(self, line: str, status: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        """Run ``harness LINE``, which must exit with ``status``."""
        return self.expect(f"harness {line}", status, **more)

    def expect(self, line: str, status: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a line, which must exit with ``status`` and without a traceback."""
        done = self.shell(line, **more)
        assert done.returncode == status, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert not re.search("^Traceback", done.stdout + done.stderr, re.MULTILINE)
        return done

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace what stands once in a file."""
        walkthrough.Edit(path, old, new).do(self.root)

    def commit(self, message: str = "work") -> None:
        """Commit everything."""
        self.expect(f"git add -A && git commit -q --allow-empty -m '{message}'")

    def copy(self, root: Path) -> Repository:
        """The same repository elsewhere: by a program, as its cache has hundreds of files and hundreds of tests ask."""
        assert not root.exists()
        root.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-RpL", str(self.root), str(root)], check=True)
        return Repository(root.resolve(), self.environment)


def new_repository(root: Path, ready: Path | None = None) -> Repository:
    """An empty folder, and an environment with the commands, somebody's name, and no CI.

    ``ready``: the folder of processes from which its commands are forked (see ``prepared.py``), unless the variable
    ``UNPREPARED`` is set.
    """
    bin_, home = root / "bin", root / "home"
    for folder in (bin_, home, root / "repository"):
        folder.mkdir(parents=True)
    for name in ("harness", "pytest"):
        start = f'if [ -z "$UNPREPARED" ]; then exec "$P" -I -S "{prepared.__file__}" "{ready}/{name}" {name} "$@"; fi'
        lines = ("#!/bin/sh", f'P="{sys.executable}"', start if ready else "", f'exec "$P" -m {name} "$@"', "")
        (bin_ / name).write_text("\n".join(lines))
        (bin_ / name).chmod(0o755)
    (home / "gitconfig").write_text("[user]\nname = Ada Example\nemail = ada@example.org\n[gc]\nauto = 0\n")
    environment = users_environment() | {
        "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "COLUMNS": "160",
    }
    return Repository((root / "repository").resolve(), environment)


def play(repository: Repository, until: str = "") -> None:
    """Follow the tutorial, up to the heading ``until``."""
    text = walkthrough.TUTORIAL.read_text(encoding="utf-8")
    if until:
        assert f"\n## {until}\n" in text
        text = text.partition(f"\n## {until}\n")[0]
    follow(repository, text)


def follow(repository: Repository, text: str) -> None:
    """Follow a page: commands must exit as it says, and print what it shows."""
    for step in list(walkthrough.steps(text)):  # whole, as what a step is said to print comes after it
        if not isinstance(step, walkthrough.Commands):
            step.do(repository.root)
            continue
        printed = ""
        for line, status in step.lines:
            if not line.startswith("python -m pip install"):
                done = repository.expect(line, status)
                printed += walkthrough.flat(done.stdout + done.stderr) + "\n"
        for shown in step.shown:
            for fragment in walkthrough.fragments(shown):
                assert fragment in printed, f"{step.lines}: {fragment!r} is not in\n{printed}"


@dataclass
class Heat:
    """A copy of the accepted repository, worked on from within this process; ``ran`` counts the stages that ran."""

    repository: Repository
    monkeypatch: pytest.MonkeyPatch
    ran: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.repository.root

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace what stands once in a file."""
        self.repository.edit(path, old, new)

    def project(self) -> Project:
        """The project as its files are now."""
        self.forget()
        guard = importlib.import_module("guard")
        if isinstance(guard.pipeline, Pipeline):
            stages = [dataclasses.replace(stage, run=self._counted(stage)) for stage in guard.pipeline.stages]
            guard.pipeline = dataclasses.replace(guard.pipeline, stages=tuple(stages))
        return find_project(self.root)

    def _counted(self, stage: Stage) -> Callable[..., Any]:
        run = stage.run
        assert callable(run)

        @functools.wraps(run)  # so that its source is what counts for the cache
        def counted(*arguments: Any, **outputs: Any) -> Any:
            self.ran.append(stage.name)
            return run(*arguments, **outputs)

        setattr(sys.modules[run.__module__], run.__name__, counted)  # its name must lead to it
        return counted

    def forget(self) -> None:
        """Forget what was imported of the repository."""
        for name in [name for name in sys.modules if name.partition(".")[0] in ("guard", "heat")]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def suite(self, *names: str, cache: bool = True, **options: Any) -> Suite:
        """A verification."""
        project = self.project()
        with open_cache(project, cache) as opened:
            return verify_suite(project, opened, names=names, **options)

    def smooth(self, **options: Any) -> ScenarioReport:
        """A verification of one scenario."""
        (report,) = self.suite("smooth", **options).report.scenarios
        return report

    def examination(self, name: str = "smooth", **options: Any) -> Examination:
        """An examination with the project's own cache."""
        project = self.project()
        with open_cache(project) as cache:
            return Examination(project, Runner(project.pipeline, cache), name, project.profile, **options)

    def cli(self, capsys: pytest.CaptureFixture[str], line: str, status: int = 0) -> tuple[str, str]:
        """``harness LINE`` in this process: what it printed on standard output and error."""
        self.project()
        self.monkeypatch.setattr(sys, "argv", ["harness", *line.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        log = self.root / ".harness/stages.log"  # its stages ran in a process of their own
        lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
        self.ran += [line.split()[-1] for line in lines if line.startswith("== ") and line.count(" ") == 3]
        assert ended.value.code == status, f"{line}: {ended.value.code}\n{out}\n{err}"
        return out, err

    def json(self, capsys: pytest.CaptureFixture[str], line: str, status: int = 0) -> Any:
        """What ``harness LINE --json`` prints, which must be JSON and nothing else."""
        return json.loads(self.cli(capsys, f"{line} --json", status)[0])

    def files(self, *folders: str) -> dict[str, bytes]:
        """The content of every file in some folders."""
        paths = [p for folder in folders for p in (self.root / folder).rglob("*") if p.is_file()]
        return {str(p.relative_to(self.root)): p.read_bytes() for p in sorted(paths)}


def find(report: ScenarioReport, artifact: str, track: str = "cpu") -> ArtifactReport:
    """The report of one artifact."""
    return next(a for a in report.artifacts if (a.artifact, a.track) == (artifact, track))


def verdict(report: ScenarioReport, artifact: str, path: str, track: str = "cpu") -> Verdict:
    """The verdict on one value."""
    return next(v for v in find(report, artifact, track).verdicts if v.path == path)


def failing(report: ScenarioReport) -> set[str]:
    """``track/artifact`` of everything that fails."""
    return {f"{a.track}/{a.artifact}" for a in report.artifacts if a.failed}
