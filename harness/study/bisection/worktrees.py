"""Commits checked out beside the user's tree, for a while: neither that tree nor its index is touched."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.core import git
from harness.core.errors import HarnessError


@contextmanager
def place_for_worktrees(root: Path) -> Iterator[Path]:
    """A temporary folder; at its end every worktree in it is gone, whoever made it and was ended meanwhile."""
    with tempfile.TemporaryDirectory(prefix="harness-bisect-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        try:
            yield folder
        finally:
            listed = git.git_output(root, "worktree", "list", "--porcelain").decode(errors="surrogateescape")
            paths = (line.removeprefix("worktree ") for line in listed.splitlines() if line.startswith("worktree "))
            for path in [path for path in paths if Path(path).is_relative_to(folder)]:
                _remove(root, Path(path))


@contextmanager
def worktree(root: Path, folder: Path, commit: str) -> Iterator[Path]:
    """``commit`` checked out in ``folder``, removed at the end. None of the user's hooks runs."""
    try:
        git.git_output(root, "worktree", "add", "--quiet", "--no-checkout", "--detach", str(folder), commit)
        git.git_output(folder, "reset", "--quiet", "--hard")  # which runs no hook, unlike a checkout
        yield folder
    finally:
        _remove(root, folder)


def lay_standards(tree: Path, commit: str, standards: Sequence[str], own: Sequence[str]) -> None:
    """Put the folders ``standards`` of ``commit`` where a worktree has its ``own``; paths from the worktree's top."""
    for here in own:
        shutil.rmtree(tree / here, ignore_errors=True)
    for there, here in zip(standards, own, strict=True):
        if not git.git_output(tree, "ls-tree", "-d", "--full-tree", commit, "--", there):
            continue  # a project of tests alone has no schemas
        git.git_output(tree, "--literal-pathspecs", "restore", f"--source={commit}", "--worktree", "--", there)
        if there != here:
            (tree / here).parent.mkdir(parents=True, exist_ok=True)
            (tree / there).rename(tree / here)


def _remove(root: Path, folder: Path) -> None:
    with suppress(HarnessError):  # it was never made
        git.git_output(root, "worktree", "remove", "--force", "--force", str(folder))
    shutil.rmtree(folder, ignore_errors=True)
