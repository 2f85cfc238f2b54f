"""Questions that approvals ask git: who works here, at which commit, what changed since, and what another held."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from harness.core.errors import ApprovalError


def git_output(root: Path, *arguments: str, stdin: bytes = b"", allowed: tuple[int, ...] = (0,)) -> bytes:
    """The output of ``git`` in ``root``; raises ApprovalError for any exit status that is not ``allowed``."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *arguments], input=stdin, capture_output=True
        )
    except OSError as error:
        raise ApprovalError(
            f"git cannot be run ({error.strerror or error}): approvals need it, so install it"
        ) from error
    if done.returncode not in allowed:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines else f"exit status {done.returncode}"
        raise ApprovalError(f"git {arguments[0]} failed in {root} ({why}): approvals need a git repository")
    return done.stdout


def top(root: Path) -> Path:
    """The repository's folder; raises ApprovalError outside one."""
    return Path(git_output(root, "rev-parse", "--show-toplevel").decode().rstrip("\n"))


def commit_of(root: Path, name: str) -> str:
    """The full hash of the commit called ``name``; raises ApprovalError where there is none."""
    answer = git_output(
        root, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}", allowed=(0, 1)
    )
    if not answer:
        hint = "commit first" if name == "HEAD" else "fetch it (a shallow clone has only a few commits)"
        raise ApprovalError(f"{name!r} is not a commit of {root}: {hint}")
    return answer.decode().strip()


def head(root: Path) -> str:
    """The commit that is checked out; empty outside a repository, and before its first commit."""
    try:
        return commit_of(root, "HEAD")
    except ApprovalError:
        return ""


def person(root: Path) -> str:
    """``Name <email>`` of whoever is configured; raises ApprovalError where nobody is."""
    asked = {
        key: git_output(root, "config", key, allowed=(0, 1)).decode().strip() for key in ("user.name", "user.email")
    }
    for key, value in asked.items():
        if not value:
            raise ApprovalError(f"git knows no {key} to put in the approval: run git config --global {key} ...")
    return f"{asked['user.name']} <{asked['user.email']}>"


def dirty(root: Path) -> dict[Path, str]:
    """Every path that differs from HEAD or is neither tracked nor ignored, with git's two status letters."""
    base = top(root)
    listed = git_output(root, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    return {base / entry[3:]: entry[:2] for entry in listed.decode(errors="surrogateescape").split("\0") if entry}


def ignored(root: Path, paths: Iterable[Path]) -> list[Path]:
    """Those of ``paths`` that git would leave out of a commit."""
    stdin = "\0".join(map(str, paths)).encode(errors="surrogateescape")
    listed = git_output(root, "check-ignore", "-z", "--stdin", stdin=stdin, allowed=(0, 1)) if stdin else b""
    return [Path(path) for path in listed.decode(errors="surrogateescape").split("\0") if path]


def folder_at(root: Path, commit: str, folder: Path) -> dict[str, bytes]:
    """Every file in ``folder`` at ``commit``, by its path within the folder."""
    place = folder.resolve().relative_to(top(root)).as_posix()
    listed = git_output(root, "ls-tree", "-r", "-z", "--full-tree", commit, "--", f"{place}/").decode(
        errors="surrogateescape"
    )
    rows = [line.partition("\t")[::2] for line in listed.split("\0") if line]
    blobs = {path: about.split()[2] for about, path in rows if about.split()[1] == "blob"}
    contents = _blobs(root, list(blobs.values()))
    return {PurePosixPath(p).relative_to(place).as_posix(): c for p, c in zip(blobs, contents, strict=True)}


def file_at(root: Path, commit: str, path: Path) -> bytes | None:
    """The content of one file at ``commit``; None where it was not there."""
    place = (path.parent.resolve() / path.name).relative_to(top(root)).as_posix()
    listed = git_output(root, "ls-tree", "-z", "--full-tree", commit, "--", place).decode(errors="surrogateescape")
    return git_output(root, "cat-file", "blob", listed.split()[2]) if listed else None


def _blobs(root: Path, names: list[str]) -> list[bytes]:
    """The contents of many objects from one process, which prints ``name type size``, the bytes and a line end each."""
    output = (
        git_output(root, "cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode()) if names else b""
    )
    contents, start = [], 0
    for _ in names:
        end = output.index(b"\n", start)
        size = int(output[start:end].split()[2])
        contents.append(output[end + 1 : end + 1 + size])
        start = end + 2 + size
    return contents
