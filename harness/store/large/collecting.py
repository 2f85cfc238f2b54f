"""What no commit needs any more of what is kept by digest is removed: here, and on request in the remote.

Nothing is removed here that is not in the remote, as long as some commit's manifest names it. In the remote, what no
commit of any branch here names may be another clone's, who did not publish it yet: so it is spared for some days.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from harness.core import git
from harness.core.errors import GoldenError, HarnessError
from harness.core.files import sha256
from harness.core.project import Project
from harness.remote.sealed import SHELF
from harness.remote.stores import Listed, Store
from harness.store.goldens import Goldens
from harness.store.large.objects import Objects, large_files
from harness.store.large.transfer import OBJECTS, object_name, remote_store
from harness.store.manifest import Entry, is_digest
from harness.store.repository.versions import all_manifests

_SPARED_S = 3600.0  # an acceptance may be about to name what it has just put here


@dataclass(frozen=True)
class Collected:
    """What was removed, or would be: digests and names, and how many bytes that are; ``kept`` counts the rest.

    ``damaged``: those of the kept that the remote has with another content, though of the same size.
    """

    removed: tuple[str, ...]
    size: int
    kept: int
    damaged: tuple[str, ...] = ()


def collect_here(project: Project, dry: bool = False) -> Collected:
    """Remove what the manifest does not name and the remote has to the byte, or no commit ever named.

    Raises RemoteError where the remote cannot be asked.
    """
    objects, now = Objects.of(project), {digest for _, digest, _ in large_files(Goldens.of(project).manifest())}
    named = _named_by_commits(project)
    store = remote_store(project) if project.remote and named & set(objects.digests()) - now else None
    removed, damaged, size, kept = [], [], 0, 0
    for digest in list(objects.digests()):
        path = objects.path(digest)
        about = path.lstat()
        there = store is not None and digest in named - now and store.size(object_name(digest)) == about.st_size
        if there and store is not None and sha256(store.read(object_name(digest), about.st_size) or b"") != digest:
            there = False  # this is the last good one
            damaged.append(digest)
        forgotten = digest not in named and about.st_mtime < time.time() - _SPARED_S
        if digest in now or not (there or forgotten):
            kept += 1
            continue
        removed.append(digest)
        size += about.st_size
        if not dry:
            with contextlib.suppress(OSError):
                path.unlink()
    return Collected(tuple(removed), size, kept, tuple(damaged))


def collect_remote(project: Project, days: float, dry: bool = False) -> Collected:
    """Remove from the remote what no commit of any branch of this clone names, and is older than ``days``.

    Raises GoldenError in a shallow clone, which does not know what its other commits name.
    """
    store = remote_store(project)
    if git.is_shallow(project.root):
        raise GoldenError("this clone has only a part of its history, which names goldens too: git fetch --unshallow")
    named = _named_by_commits(project)
    listed = store.listed(OBJECTS)
    ours = {name: about for name, about in listed.items() if is_digest(name.rpartition("/")[2])}
    useless = {name: about for name, about in ours.items() if name.rpartition("/")[2] not in named}
    return _removed(store, useless, days, dry, len(listed))


def collect_cache(project: Project, days: float, dry: bool = False) -> Collected:
    """Remove from the shared cache what was written there more than ``days`` ago: it costs the time to compute it."""
    store = Store(project.cache, project.remote_seconds)
    listed = store.listed(SHELF)
    return _removed(store, listed, days, dry, len(listed))


def _removed(store: Store, useless: Mapping[str, Listed], days: float, dry: bool, total: int) -> Collected:
    """Remove those that are old enough; of which nobody knows how old they are, stay."""
    before = datetime.now(timezone.utc) - timedelta(days=days)
    old = {name: about for name, about in useless.items() if about.when is not None and about.when < before}
    if not dry:
        for name in old:
            store.remove(name)
    return Collected(tuple(old), sum(about.size for about in old.values()), total - len(old))


def _named_by_commits(project: Project) -> set[str]:
    """Every digest that the manifest of the working tree names, or one of a commit of any branch, tag or stash."""
    return {digest for manifest in _manifests(project) for _, digest, _ in large_files(manifest)}


def _manifests(project: Project) -> Iterator[dict[str, Entry]]:
    try:
        git.top(project.root)
    except HarnessError:
        yield Goldens.of(project).manifest()  # outside a repository there is no other
        return
    yield from all_manifests(project, tuple(git.references(project.root)))
