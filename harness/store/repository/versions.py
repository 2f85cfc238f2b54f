"""What approvals accepted, as this clone still has it: in the working tree, or in the commits of its branches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.core import git
from harness.core.errors import GoldenError
from harness.core.files import sha256
from harness.core.project import Project
from harness.store.chain import Claim, vouches
from harness.store.goldens import Goldens
from harness.store.large.objects import Objects
from harness.store.manifest import APPROVALS, MANIFEST, Entry, parse_manifest
from harness.store.repository.past import STARTS, Past

_FETCH = "fetch the branch it was accepted on"
_PULL = "run `harness pull --all`"


def manifest_now(project: Project) -> dict[str, Entry]:
    """The manifest of the working tree; empty where a merge left the marks of a conflict in it."""
    try:
        return Goldens.of(project).manifest()
    except GoldenError:
        return {}


def entries_of(project: Project, claims: Iterable[tuple[str, Claim]]) -> dict[tuple[str, str], Entry]:
    """The manifest's entry of each claim on an id that removes nothing, by the id and the approval's.

    Raises GoldenError for one that is nowhere.
    """
    wanted = list(claims)
    with Past(project) as past:
        found = found_entries(past, wanted)
    for identity, claim in wanted:
        if claim.change.after is not None and (identity, claim.approval.id) not in found:
            raise GoldenError(
                f"no commit here has {identity} as {APPROVALS}/{claim.approval.id}.json accepted it: {_FETCH}"
            )
    return found


def found_entries(past: Past, claims: Iterable[tuple[str, Claim]]) -> dict[tuple[str, str], Entry]:
    """What ``entries_of`` gives, without those that are nowhere in this clone."""
    missing = {(i, claim.approval.id): claim for i, claim in claims if claim.change.after is not None}
    found: dict[tuple[str, str], Entry] = {}
    for manifest in _manifests(past):
        for identity, approval in list(missing):
            entry = manifest.get(identity)
            if entry and vouches(missing[identity, approval], entry):
                found[identity, approval] = entry
                del missing[identity, approval]
        if not missing:
            break
    return found


def contents_of(project: Project, identity: str, entry: Entry) -> dict[str, bytes]:
    """The contents of an entry's files by suffix; raises GoldenError for one that is nowhere."""
    with Past(project) as past:
        return past_contents(past, identity, entry)


def past_contents(past: Past, identity: str, entry: Entry) -> dict[str, bytes]:
    """What ``contents_of`` gives, for whoever asks of many."""
    paths = Goldens.of(past.project).files(identity, entry.kind)
    return {
        suffix: _content(past, paths[suffix], digest, suffix in entry.remote) for suffix, digest in entry.files.items()
    }


class Versions:
    """The contents that the files of one golden had, wherever this clone still holds them: found once, read when asked.

    ``entries`` are those that somebody will ask for.
    """

    def __init__(self, past: Past, identity: str, entries: Iterable[Entry]) -> None:
        self.past, self.identity = past, identity
        self._paths = Goldens.of(past.project).files(identity)
        wanted: dict[str, set[str]] = {}
        for entry in entries:
            for suffix, digest in entry.files.items():
                wanted.setdefault(suffix, set()).add(digest)
        self._blobs = {suffix: self._holding(self._paths[suffix], digests) for suffix, digests in wanted.items()}

    def _holding(self, path: Path, digests: set[str]) -> dict[str, str]:
        """By digest the blob with a file's content, empty where the working tree has it; the rest is nowhere."""
        found: dict[str, str] = {}
        if path.is_file() and (digest := sha256(path.read_bytes())) in digests:
            found[digest] = ""
        if digests - set(found):
            for blob, content in self.past.contents(path):
                if (digest := sha256(content)) in digests:
                    found.setdefault(digest, blob)
                if not digests - set(found):
                    break
        return found

    def files(self, entry: Entry) -> dict[str, bytes]:
        """The contents of an entry's files by suffix; raises GoldenError for one that is nowhere."""
        contents: dict[str, bytes] = {}
        for suffix, digest in entry.files.items():
            path, blob = self._paths[suffix], self._blobs[suffix].get(digest)
            content = None
            if blob is not None:
                content = self.past.content(blob) if blob else path.read_bytes()
            elif suffix in entry.remote:
                content = Objects.of(self.past.project).content(digest)
            if content is None or sha256(content) != digest:
                shallow = git.is_shallow(self.past.project.root)
                remedy = "run `git fetch --unshallow`" if shallow else _FETCH
                remedy = _PULL if suffix in entry.remote else remedy
                raise GoldenError(f"no commit here has {self.identity}{suffix} as it was accepted: {remedy}")
            contents[suffix] = content
        return contents


def _content(past: Past, path: Path, digest: str, large: bool) -> bytes:
    if path.is_file() and sha256(content := path.read_bytes()) == digest:
        return content
    for _, earlier in past.contents(path):
        if sha256(earlier) == digest:
            return earlier
    if large:
        if (kept := Objects.of(past.project).content(digest)) is not None:
            return kept
        raise GoldenError(f"{path} is not on this machine as it was accepted: {_PULL}")
    raise GoldenError(f"no commit here has {path} as it was accepted: {_FETCH}")


def all_manifests(project: Project, starts: tuple[str, ...] = STARTS) -> Iterator[dict[str, Entry]]:
    """The manifest of the working tree, and of each commit before ``starts``; those that can be read."""
    with Past(project, starts) as past:
        yield from _manifests(past)


def _manifests(past: Past) -> Iterator[dict[str, Entry]]:
    """The manifest of the working tree, and of each commit of the branches that changed it, the newest first."""
    yield manifest_now(past.project)
    for _, content in past.contents(past.project.goldens / MANIFEST):
        try:
            yield parse_manifest(content, MANIFEST)
        except GoldenError:
            continue  # the marks of a conflict were committed, or it was removed
