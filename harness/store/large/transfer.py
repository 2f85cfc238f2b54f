"""Large goldens go to the remote and come from it by their digest; what is there is whole or absent, or refused.

The remote need not be trusted: what comes from it counts where its SHA-256 is the one in the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from harness.core import text
from harness.core.artifacts import LARGEST_ARRAYS
from harness.core.errors import GoldenError, HarnessError, ProjectError
from harness.core.files import sha256
from harness.core.project import Project
from harness.remote.stores import Store
from harness.store.goldens import Goldens
from harness.store.large.objects import Objects, large_files
from harness.store.manifest import Entry, is_digest
from harness.store.repository.versions import all_manifests

OBJECTS = "objects"  # below the address of the remote
LargeFile = tuple[str, str, int]
"""The name, the digest and the bytes of a file."""


@dataclass(frozen=True)
class Transfer:
    """What was moved, by name, and how many bytes that are; ``there`` counts what was there already."""

    moved: tuple[str, ...]
    size: int
    there: int


def remote_store(project: Project) -> Store:
    """The remote of large goldens; raises ProjectError where the project names none."""
    if not project.remote:
        raise ProjectError(
            f"{project.root / 'pyproject.toml'}: [tool.harness] names no remote, where large goldens are kept: "
            'write one such as remote = "s3://bucket/folder"'
        )
    return Store(project.remote, project.remote_seconds)


def object_name(digest: str) -> str:
    """By which name the remote keeps a file."""
    if not is_digest(digest):
        raise GoldenError(f"{digest[:80]!r} is not a SHA-256 digest")
    return f"{OBJECTS}/{digest[:2]}/{digest}"


def push_large(project: Project, again: bool = False, moved: Callable[[str], None] | None = None) -> Transfer:
    """Put every large file of the manifest into the remote that it lacks.

    With ``again`` all that are here are put there, those of earlier commits among them.
    Raises RemoteError where the remote cannot be used, and GoldenError, after all others, for what is nowhere or is
    damaged here; ``moved`` hears of each file.
    """
    store, objects = remote_store(project), Objects.of(project)

    def push(name: str, digest: str, size: int) -> bool:
        there = store.size(object_name(digest))
        if there == size and not (again and objects.has(digest, size)):
            return False
        content = objects.content(digest)
        if content is None:
            what = "is in the remote with another size, and not here" if there is not None else "is nowhere"
            raise GoldenError(f"{name} {what}: run `harness push` on the machine where it was accepted")
        store.write(object_name(digest), content)
        return True

    wanted = dict.fromkeys(large_files(Goldens.of(project).manifest()))
    if again:
        wanted |= dict.fromkeys(f for f in _of_all_commits(project) if objects.has(*f[1:]) and _is_sound(objects, f[1]))
    return _each(wanted, push, moved)


def pull_large(project: Project, every: bool = False, moved: Callable[[str], None] | None = None) -> Transfer:
    """Get every large file of the manifest that is not here, or is damaged; with ``every`` those of all commits too.

    Raises RemoteError where the remote cannot be used, and GoldenError, after all others, for what it lacks, and for
    what it holds and is not what was accepted: that is never kept.
    """
    store, objects = remote_store(project), Objects.of(project)

    def pull(name: str, digest: str, size: int) -> bool:
        if objects.has(digest, size) and _is_sound(objects, digest):
            return False
        content = store.read(object_name(digest), min(size, LARGEST_ARRAYS))
        where = f"{store.url}/{object_name(digest)}"
        if content is None:
            raise GoldenError(f"{name} is not in the remote ({where}): run `harness push` where it was accepted")
        if sha256(content) != digest:
            raise GoldenError(
                f"{name} is refused, as what {where} holds is not what was accepted (its SHA-256 differs): "
                "run `harness push --again` where it was accepted, and see who may write there"
            )
        objects.keep(digest, content)
        return True

    wanted = dict.fromkeys(large_files(Goldens.of(project).manifest()))
    if every:
        wanted |= dict.fromkeys(_of_all_commits(project))
    return _each(wanted, pull, moved)


def _of_all_commits(project: Project) -> Iterator[LargeFile]:
    return (f for manifest in all_manifests(project) for f in large_files(manifest))


def _each(
    files: Iterable[LargeFile], move: Callable[[str, str, int], bool], told: Callable[[str], None] | None
) -> Transfer:
    """Move each file once, and raise the first problem after all that can be moved are."""
    moved: list[str] = []
    problems: list[GoldenError] = []
    size, there, known = 0, 0, set[str]()
    for name, digest, bytes_ in files:
        if digest in known:
            continue
        known.add(digest)
        try:
            if not move(name, digest, bytes_):
                there += 1
                continue
        except GoldenError as error:
            problems.append(error)
            continue
        moved.append(name)
        size += bytes_
        if told:
            told(f"{name} ({text.size(bytes_)})")
    if problems:
        more = f" (and {len(problems) - 1} more files)" if len(problems) > 1 else ""
        raise GoldenError(f"{problems[0]}{more}")
    return Transfer(tuple(moved), size, there)


def _is_sound(objects: Objects, digest: str) -> bool:
    try:
        return objects.content(digest) is not None
    except HarnessError:
        return False


def missing_large(project: Project, manifest: dict[str, Entry]) -> list[str]:
    """The names of the large files that this machine lacks."""
    objects = Objects.of(project)
    return [name for name, digest, size in large_files(manifest) if not objects.has(digest, size)]
