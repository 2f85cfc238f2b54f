"""The cache of this machine as the first level of one that many share.

What this machine lacks is looked for there, and counts only where one of the signers sealed it for this very key.
A poisoned, unsigned or damaged result is named and costs the time to compute it. A place that cannot be
reached is named once and not asked again by this process: whatever happens there, the work goes on here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.files import LARGEST_JSON, read_plain, sha256
from harness.core.project import Project
from harness.remote.sealed import SHELF, Sealer, SealError, opened
from harness.remote.stores import RemoteError, Store
from harness.run.cache import Cache, Item
from harness.run.items import INDEX_FILE, Files, parse_index

KEY_VARIABLE = "HARNESS_CACHE_KEY"
SWITCH_VARIABLE, OFF = "HARNESS_CACHE", "local"
_REQUESTS = {  # a variable of a CI service, and how it begins in the run of a pull request
    "GITHUB_EVENT_NAME": "pull_request",
    "CI_MERGE_REQUEST_IID": "",
    "BUILD_REASON": "PullRequest",
}


def writing_key(environment: Mapping[str, str] = os.environ) -> tuple[Path | None, str]:
    """The key that results are signed with, None where this process only reads, and why that is so."""
    for name, begin in _REQUESTS.items():
        if (value := environment.get(name)) and value.startswith(begin):
            return None, f"only read, as this is a pull request ({name})"
    if not (key := environment.get(KEY_VARIABLE)):
        return None, f"only read, as {KEY_VARIABLE} names no key to sign with"
    return Path(key).expanduser(), f"read and written, signed with {key} ({KEY_VARIABLE})"


def project_cache(project: Project, folder: Path | None = None) -> Cache:
    """A project's cache, shared where ``[tool.harness]`` says so; another ``folder`` is a cache of its own."""
    own = project.state / "cache"
    if project.cache and (folder is None or folder == own) and os.environ.get(SWITCH_VARIABLE) != OFF:
        return SharedCache(project, own)
    return Cache(folder or own, project.cache_bytes)


class SharedCache(Cache):
    """A cache whose items may come from, and go to, a place that is shared."""

    def __init__(self, project: Project, folder: Path) -> None:
        super().__init__(folder, project.cache_bytes)
        assert project.cache_signers is not None
        self._shelf = Store(project.cache, project.remote_seconds)
        self._signers = project.cache_signers
        self._without: set[str] = set()  # keys that are not there, or must not be used
        self._gone, self._silent = False, False
        self._sealer: Sealer | None = None

    def get(self, key: str) -> Item | None:
        """The item, from this machine or else from the shared place; None where neither has one that counts."""
        item = super().get(key)
        if item is None and key not in self._without and not self._gone:
            self._without.add(key)  # while it is looked for, and after it was in vain
            if self._fetched(key):
                self._without.discard(key)
                item = super().get(key)
        return item

    def forget(self, key: str) -> None:
        """Remove an item that does not count here, and do not ask for it again."""
        self._without.add(key)
        super().forget(key)

    def share(self, key: str) -> None:
        """Sign an item and put it into the shared place, unless there is one or this process only reads."""
        if self._gone or self._silent:
            return
        try:
            if self._sealer is None:
                path, _ = writing_key()
                if path is None:
                    self._silent = True
                    return
                self._sealer = Sealer(path, self._read_signers())
                _ = self._sealer.who
            if (files := self._files_of(key)) and self._shelf.size(_name(key)) is None:
                self._shelf.write(_name(key), self._sealer.sealed(key, files))
        except RemoteError as error:
            self._give_up(error)
        except (HarnessError, OSError) as error:
            self._silent = True
            self.warnings.append(f"nothing is put into the shared cache: {error}")

    def _fetched(self, key: str) -> bool:
        """Whether the shared place has a result that counts, which is then in the folder here."""
        try:
            signers = self._read_signers()
            content = self._shelf.read(_name(key), self.limit_bytes)
        except HarnessError as error:
            self._give_up(error)
            return False
        if content is None:
            return False
        try:
            files = opened(content, key, signers)
            if not _is_whole(files):
                raise SealError("it holds other files than a result has")
        except SealError as error:
            self.warnings.append(
                f"{self._shelf.url}/{_name(key)} is not used: {error}; it is computed here, and who may write there "
                "should remove it"
            )
            return False
        except HarnessError as error:  # there is no ssh-keygen
            self._give_up(error)
            return False
        return self._taken(key, files)

    def _taken(self, key: str, files: Files) -> bool:
        """Whether files that were signed are now an item here; the disk may be full, or the item too large."""
        try:
            self._write(self._place(key), files)
        except (HarnessError, OSError) as error:
            self.warnings.append(f"the result {key[:12]} of the shared cache is not kept in {self.folder}: {error}")
            return False
        self._keep_within(key, files)
        return True

    def _files_of(self, key: str) -> Files:
        """The files of an item here; nothing where it is not whole."""
        place = self._place(key)
        try:
            index = parse_index(content := read_plain(place / INDEX_FILE, self.folder, LARGEST_JSON))
            files = {name: read_plain(place / name, self.folder) for name in index.files}
        except HarnessError:
            return {}
        files[INDEX_FILE] = content
        return files if _is_whole(files) else {}

    def _read_signers(self) -> bytes:
        return read_plain(self._signers, None, LARGEST_JSON)

    def _give_up(self, error: HarnessError) -> None:
        self._gone = True
        self.warnings.append(f"the shared cache is not used, and what it has is computed here: {error}")


def _is_whole(files: Files) -> bool:
    """Whether these are the files of one item, each as its index says."""
    try:
        index = parse_index(files.get(INDEX_FILE, b""))
    except HarnessError:
        return False
    rest = {name: (len(content), sha256(content)) for name, content in files.items() if name != INDEX_FILE}
    return rest == index.files


def _name(key: str) -> str:
    return f"{SHELF}/{key[:2]}/{key}"
