"""A place beyond this machine that keeps whole files by name, through whatever fsspec knows: S3, GCS, a folder.

A file there is whole or absent whenever its writer is killed: object stores put a file in one step, a folder gets it by
renaming, and anywhere else it is written beside its place and moved. Who reads checks the digest all the same. No
call takes longer than its limit, and whatever goes wrong is a RemoteError: one sentence with place, cause and remedy.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from harness.core.errors import HarnessError
from harness.core.files import write_file
from harness.core.settings.addresses import HERE, protocol_of
from harness.core.text import line
from harness.remote.deadlines import in_time

_Answer = TypeVar("_Answer")
_AT_ONCE = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss")  # whose files appear in one step
_SLOWEST = 250_000.0  # bytes a second: what is slower counts as hanging
_WRITING = "writing"  # where files lie until they are moved
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_S3 = {"connect_timeout": 5, "retries": {"max_attempts": 2}}


class RemoteError(HarnessError):
    """A place that cannot be reached, written or read, or that holds something else than it should."""


class Listed(NamedTuple):
    """A file that is there: its bytes, and when it was written (None where the place does not say)."""

    size: int
    when: datetime | None


class Store:
    """The files below ``url``; each call gets ``seconds``, and more for what is large."""

    def __init__(self, url: str, seconds: float) -> None:
        self.url, self.seconds = url.rstrip("/"), seconds
        self._known = False

    @cached_property
    def _files(self) -> Any:
        try:
            import fsspec
        except ImportError as error:
            raise self._error("needs a package that is not installed: pip install fsspec") from error
        options: dict[str, Any] = {"use_listings_cache": False}
        if protocol_of(self.url) in ("s3", "s3a"):
            options["config_kwargs"] = {**_S3, "read_timeout": self.seconds}
        return fsspec.filesystem(protocol_of(self.url), **options)

    @cached_property
    def _root(self) -> str:
        root: str = self._files._strip_protocol(self.url)
        return root.rstrip("/")

    def size(self, name: str) -> int | None:
        """The bytes of a file; None where there is none. Raises RemoteError where there is not even the place."""
        size = self._told(lambda: self._size(f"{self._root}/{name}"))
        if size is None:
            self.check()
        return size

    def check(self) -> None:
        """Raise RemoteError unless the bucket or folder itself is there."""
        if self._known:
            return
        if not self._told(self._is_there):
            raise self._error("is not there: create the bucket or folder, or correct the address in [tool.harness]")
        self._known = True

    def _is_there(self) -> bool:
        """Whether there is the bucket or folder; of what is denied, the library's ``exists`` says that it is not."""
        container = self._container
        if protocol_of(self.url) in HERE and self._files.isfile(container):
            raise self._error("is a file: correct the address in [tool.harness], which is of a folder")
        try:
            return bool(self._files.exists(container) or self._files.info(container))
        except FileNotFoundError:
            return False

    @property
    def _container(self) -> str:
        if protocol_of(self.url) in HERE:
            return self._root
        return self._root.split("/")[0] or "/"

    def read(self, name: str, largest: int) -> bytes | None:
        """A file's content; None where there is none. What has more than ``largest`` bytes is refused unread."""
        size = self.size(name)
        if size is None:
            return None
        if size > largest:
            raise RemoteError(f"{self.url}/{name} has {size} bytes, more than the {largest} that are read: remove it")
        return self._told(lambda: self._content(f"{self._root}/{name}", size), size)

    def write(self, name: str, content: bytes) -> None:
        """Put a file there, over what may be there: whole, or not at all."""
        target, protocol = f"{self._root}/{name}", protocol_of(self.url)
        if protocol in HERE:
            self.check()  # a folder that is not there may be a disk that is not mounted
            self._told(lambda: write_file(Path(target), content), len(content))
        elif protocol in _AT_ONCE:
            self._told(lambda: self._files.pipe_file(target, content), len(content))
        else:
            self._told(lambda: self._moved(content, target), len(content))

    def remove(self, name: str) -> None:
        """Remove a file, where it is there."""

        def gone() -> None:
            with contextlib.suppress(FileNotFoundError):
                self._files.rm_file(f"{self._root}/{name}")

        self._told(gone)

    def listed(self, folder: str) -> dict[str, Listed]:
        """Every file below ``folder`` by its name."""
        self.check()
        base = f"{self._root}/{folder}"
        found: Mapping[str, Any] = self._told(lambda: self._found(base), int(60 * _SLOWEST))
        return {
            f"{folder}/{path.removeprefix(base).lstrip('/')}": Listed(int(about.get("size") or 0), _when(about))
            for path, about in found.items()
            if not path.rpartition("/")[2].startswith(".")  # as a writer that was killed leaves it
        }

    def _found(self, base: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._files.find(base, detail=True)
            return found
        except FileNotFoundError:
            return {}

    def _size(self, path: str) -> int | None:
        try:
            about = self._files.info(path)
        except FileNotFoundError:
            return None
        return None if about["type"] == "directory" else int(about["size"])

    def _content(self, path: str, size: int) -> bytes | None:
        try:
            # No more, whatever it has become meanwhile; some libraries have other arguments before these.
            content: bytes = self._files.cat_file(path, start=0, end=size) if size else b""
            return content
        except FileNotFoundError:  # it was removed meanwhile
            return None

    def _moved(self, content: bytes, target: str) -> None:
        beside = f"{self._root}/{_WRITING}/{uuid.uuid4().hex}"
        self._files.makedirs(f"{self._root}/{_WRITING}", exist_ok=True)
        self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(beside, content)
        self._files.mv(beside, target)

    def _told(self, call: Callable[[], _Answer], size: int = 0) -> _Answer:
        """What a call gives, within its time; whatever else it raises is told as a RemoteError."""
        limit = self.seconds + size / _SLOWEST
        try:
            return in_time(limit, call)
        except RemoteError:
            raise
        except TimeoutError as error:
            raise self._error(f"did not answer within {limit:.0f} s: try again, or set remote_seconds") from error
        except ImportError as error:
            package = _PACKAGES.get(protocol_of(self.url), "")
            remedy = f"pip install {package}" if package else line(error)
            raise self._error(f"needs a package that is not installed: {remedy}") from error
        except Exception as error:  # each library behind fsspec has errors of its own
            raise self._error(_cause(error)) from error

    def _error(self, what: str) -> RemoteError:
        return RemoteError(f"{self.url} {what}")


def _cause(error: Exception) -> str:
    """What went wrong and what to do, by what libraries call it."""
    names = {kind.__name__ for kind in type(error).__mro__}
    told = line(error) or type(error).__name__
    if names & {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "NoAuthTokenError"}:
        return f"needs credentials, and none were found ({told}): give them in the environment, such as AWS_PROFILE"
    if isinstance(error, PermissionError):
        return f"refuses these credentials ({told}): ask for the right to read and, to push, to write there"
    if isinstance(error, FileNotFoundError):
        return f"is not there ({told}): create the bucket or folder, or correct the address in [tool.harness]"
    if isinstance(error, ValueError) and "rotocol not known" in str(error):
        return "is of a kind that fsspec does not know: write s3://, gs://, file:// or another that it lists"
    return f"cannot be used ({told}): see that the network and the address are right"


def _when(about: Mapping[str, Any]) -> datetime | None:
    """When a file was written, by whatever name its place has for that."""
    value = about.get("LastModified") or about.get("mtime") or about.get("updated") or about.get("last_modified")
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, timezone.utc)
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value if isinstance(value, datetime) and value.tzinfo else None
