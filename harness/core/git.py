"""Questions that approvals ask git: who works here, at which commit, what changed since, and what another held.

Git is asked about the repository that a folder lies in, whatever a hook or a shell has set, and about its commits as
they were made: no replaced objects, no grafts.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from harness.core.errors import ApprovalError

_OURS = re.compile(r"GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|EXEC_PATH)")  # of the environment
_FIXED = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
_SETTINGS = (
    "advice.graftFileDeprecated=false",
    "core.commitGraph=false",
    "core.fsmonitor=false",
    "core.warnAmbiguousRefs=true",
    "log.showRoot=true",
)
_OPTIONS = [option for setting in _SETTINGS for option in ("-c", setting)]
_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
LINK, SUBMODULE = "120000", "160000"


def git_output(root: Path, *arguments: str, stdin: bytes = b"", allowed: tuple[int, ...] = (0,)) -> bytes:
    """The output of ``git`` in ``root``; raises ApprovalError for any exit status that is not ``allowed``."""
    return _git(root, *arguments, stdin=stdin, allowed=allowed).stdout


def _git(
    root: Path, *arguments: str, stdin: bytes = b"", allowed: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[bytes]:
    try:
        done = subprocess.run(_command(root, *arguments), input=stdin, capture_output=True, env=_environment())
    except OSError as error:
        raise _not_run(error) from error
    if done.returncode not in allowed:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        why = lines[-1] if lines else f"exit status {done.returncode}"
        asked = next(argument for argument in arguments if not argument.startswith("-"))
        raise ApprovalError(f"git {asked} failed in {root} ({why}): approvals need a git repository")
    return done


def _command(root: Path, *arguments: str) -> list[str]:
    return ["git", *_OPTIONS, "-C", str(root), *arguments]


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or _OURS.fullmatch(k)} | _FIXED


def _not_run(error: OSError) -> ApprovalError:
    return ApprovalError(f"git cannot be run ({error.strerror or error}): approvals need it, so install it")


def top(root: Path) -> Path:
    """The repository's folder; raises ApprovalError outside one."""
    return Path(git_output(root, "rev-parse", "--show-toplevel").decode().rstrip("\n"))


def commit_of(root: Path, name: str) -> str:
    """The full hash of the commit called ``name``; raises ApprovalError where there is none, or more than one."""
    top(root)
    asked = _git(root, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}", allowed=(0, 1, 128))
    answer = asked.stdout.decode(errors="replace").strip()
    if asked.returncode or not _HASH.fullmatch(answer):
        hint = "commit first" if name == "HEAD" else "fetch it (a shallow clone has only a few commits)"
        raise ApprovalError(f"{name!r} is not a commit of {root}: {hint}")
    if b"ambiguous" in asked.stderr:
        raise ApprovalError(
            f"{name!r} is the name of more than one thing in {root}, such as a tag and a branch: give the full name, "
            "refs/..., or the commit's hash"
        )
    return answer


def is_known(root: Path, name: str) -> bool:
    """Whether there is a commit called ``name``."""
    return bool(git_output(root, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}", allowed=(0, 1, 128)))


def head(root: Path) -> str:
    """The commit that is checked out; empty outside a repository, and before its first commit."""
    try:
        return commit_of(root, "HEAD")
    except ApprovalError:
        return ""


def common_ancestors(root: Path, one: str, other: str) -> list[str]:
    """The newest commits that both of two commits come from; empty where they have none in common."""
    return git_output(root, "merge-base", "--all", one, other, allowed=(0, 1)).decode().split()


def is_shallow(root: Path) -> bool:
    """Whether the clone lacks the older part of its history."""
    return git_output(root, "rev-parse", "--is-shallow-repository").strip() == b"true"


def references(root: Path) -> list[str]:
    """HEAD, and the name of every branch, tag, stash and other reference."""
    names = git_output(root, "for-each-ref", "--format=%(refname)").decode(errors="surrogateescape").split("\n")
    return ["HEAD", *filter(None, names)]


def blobs_in(root: Path, path: Path, starts: Iterable[str]) -> dict[str, list[str]]:
    """Every blob that a file, or each file of a folder, had in the commits before ``starts``, these included.

    By the place below ``path``, which is ``.`` for itself; the newest first, each once.
    """
    known = [start for start in starts if is_known(root, start)]
    if not known:
        return {}
    place = place_in_repository(root, path)
    asked = ("log", "--raw", "-m", "-z", "--no-renames", "--no-abbrev", "--full-history", "--format=", *known, "--")
    fields = git_output(root, "--literal-pathspecs", *asked, place).decode(errors="surrogateescape").split("\0")
    found: dict[str, dict[str, None]] = {}
    abouts = (field.lstrip("\n").split() for field in fields[::2])
    for about, changed in zip(abouts, fields[1::2], strict=False):
        _, mode, _, blob, _ = about
        if mode != SUBMODULE and blob.strip("0"):
            found.setdefault(PurePosixPath(changed).relative_to(place).as_posix(), {})[blob] = None
    return {below: [*blobs] for below, blobs in found.items()}


ReadBlob = Callable[[str], bytes | None]
"""The content of the blob of a name; None where the repository lacks it."""


@contextmanager
def reading_blobs(root: Path) -> Iterator[ReadBlob]:
    """What reads any number of blobs from one process, one after the other."""
    command = _command(root, "cat-file", "--batch")
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
        )
    except OSError as error:
        raise _not_run(error) from error
    with process:
        asked, answered = process.stdin, process.stdout
        assert asked is not None  # it is a pipe, and so is the other
        assert answered is not None

        def read(name: str) -> bytes | None:
            asked.write(f"{name}\n".encode())
            asked.flush()
            about = answered.readline().split()
            if len(about) != 3:
                return None
            content = answered.read(int(about[2]))
            answered.read(1)
            return content

        yield read


def unmerged(root: Path) -> set[Path]:
    """Every path that a merge has left for a person to decide."""
    base, listed = top(root), git_output(root, "ls-files", "-z", "--unmerged", "--full-name", ".")
    return {base / row.partition("\t")[2] for row in listed.decode(errors="surrogateescape").split("\0") if row}


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


def overlooked(root: Path) -> list[Path]:
    """Every file whose changes git was told to overlook (``--assume-unchanged`` or ``--skip-worktree``)."""
    base = top(root)
    listed = git_output(base, "ls-files", "-v", "-z")
    rows = [row for row in listed.decode(errors="surrogateescape").split("\0") if row]
    paths = [base / row[2:] for row in rows if row[0] == "S" or row[0].islower()]
    return [path for path in paths if path.exists()]  # a sparse checkout skips what it does not write


def ignored(root: Path, paths: Iterable[Path]) -> list[Path]:
    """Those of ``paths`` that git would leave out of a commit."""
    stdin = "\0".join(map(str, paths)).encode(errors="surrogateescape")
    listed = git_output(root, "check-ignore", "-z", "--stdin", stdin=stdin, allowed=(0, 1)) if stdin else b""
    return [Path(path) for path in listed.decode(errors="surrogateescape").split("\0") if path]


def attributes(root: Path, path: Path, names: Iterable[str]) -> dict[str, str]:
    """What ``.gitattributes`` say of a path: ``set``, ``unset``, ``unspecified``, or a value."""
    fields = git_output(root, "check-attr", "-z", *names, "--", place_in_repository(root, path)).decode().split("\0")
    return dict(zip(fields[1::3], fields[2::3], strict=True))


def setting(root: Path, key: str) -> str:
    """A setting of git's; empty where it is not set."""
    return git_output(root, "config", key, allowed=(0, 1)).decode().strip()


def place_in_repository(root: Path, path: Path) -> str:
    """Where a path is within the repository; raises ApprovalError outside it. The path's own last part may be a link.

    Only the project's root is resolved: where a folder below it is a link, its place is that of the link.
    """
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    place = Path(os.path.normpath(root.resolve() / inside))
    if not place.is_relative_to(base := top(root)):
        raise ApprovalError(f"{path} lies outside the repository {base}, whose commits cannot hold it: move it there")
    return place.relative_to(base).as_posix()


def mode_at(root: Path, commit: str, path: Path) -> str:
    """What stood at a path at ``commit``: LINK, SUBMODULE, another of git's modes, or nothing."""
    return _entry_at(root, commit, path).partition(" ")[0]


def folder_at(root: Path, commit: str, folder: Path) -> dict[str, bytes]:
    """Every file in ``folder`` at ``commit``, by its path within the folder."""
    place = place_in_repository(root, folder)
    listed = git_output(root, "ls-tree", "-r", "-z", "--full-tree", commit, "--", f"{place}/").decode(
        errors="surrogateescape"
    )
    rows = [line.partition("\t")[::2] for line in listed.split("\0") if line]
    blobs = {path: about.split()[2] for about, path in rows if about.split()[1] == "blob"}
    contents = _blobs(root, list(blobs.values()))
    return {PurePosixPath(p).relative_to(place).as_posix(): c for p, c in zip(blobs, contents, strict=True)}


def file_at(root: Path, commit: str, path: Path) -> bytes | None:
    """The content of one file at ``commit``; None where it was not there."""
    entry = _entry_at(root, commit, path)
    return git_output(root, "cat-file", "blob", entry.split()[2]) if entry else None


def files_called(root: Path, commit: str, name: str) -> list[str]:
    """The place within the repository of every file of this name at ``commit``."""
    listed = git_output(root, "ls-tree", "-r", "-z", "--full-tree", "--name-only", commit)
    places = listed.decode(errors="surrogateescape").split("\0")
    return [place for place in places if PurePosixPath(place).name == name]


def _entry_at(root: Path, commit: str, path: Path) -> str:
    place = place_in_repository(root, path)
    return git_output(root, "ls-tree", "-z", "--full-tree", commit, "--", place).decode(errors="surrogateescape")


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
