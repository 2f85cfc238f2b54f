"""Files that are whole or absent, and readers that trust nothing.

What is written goes to a temporary file beside the target, is flushed to the disk, and is then renamed.
What is read must be a plain file of bounded size, which no link leads to from elsewhere: a pipe would hang its
reader, and a device never ends. JSON must be strict: it has no NaN and no duplicate key, and its depth is bounded.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import stat
import tempfile
from pathlib import Path

from harness.core.errors import GoldenError, HarnessError
from harness.core.protocol import Json
from harness.core.text import escaped, line

LARGEST_JSON = 16 * 2**20
LARGEST_FILE = 2**30
_LONGEST_INTEGER = 400  # digits; more than a float can have
_DEEPEST = 64


def write_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``: after a crash at any moment the old content is there, or the new."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
            sync_folder(path.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise HarnessError(
            f"cannot write {path} ({error.strerror or error}): it is as it was; make room, or choose another place"
        ) from error


def read_plain(path: Path, inside: Path | None, largest: int = LARGEST_FILE) -> bytes:
    """A plain file's content; raises GoldenError for anything else, or more, and for a link out of ``inside``.

    Without ``inside`` a link may lead anywhere: the user named the file.
    """
    try:
        if inside is not None and leads_out(path, inside):
            raise GoldenError(f"{path} is a link that leads out of {inside}: only plain files are read there")
        _check_readable(path, path.stat(), largest)
        with open(path, "rb", opener=_open_at_once) as file:
            about = os.fstat(file.fileno())
            _check_readable(path, about, largest)  # again: it may have been replaced since
            return file.read(about.st_size + 1)
    except OSError as error:
        raise GoldenError(f"cannot read {path}: {error}") from error


def _check_readable(path: Path, about: os.stat_result, largest: int) -> None:
    if problem := _not_plain(about.st_mode):
        raise GoldenError(f"{path} is {problem}, not a plain file: remove it, or restore it from git")
    if about.st_size > largest:
        raise GoldenError(f"{path} is larger than {largest} bytes")


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a link on the way takes ``path`` out of ``folder``, which may itself be a link."""
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def is_there(path: Path) -> bool:
    """Whether anything has this name, a link that leads nowhere too; raises GoldenError where that cannot be told."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        if error.errno == errno.ELOOP:  # a folder of it is a link to itself
            return False
        raise GoldenError(f"cannot read {path}: {error.strerror or error}") from error
    return True


def check_writable(path: Path) -> None:
    """Raise HarnessError where a link, pipe, device or folder stands in the place of a file that is opened to write.

    A link's target would be cut, and a pipe would wait for a reader. The folder is made if it is not there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        problem = _not_plain(path.lstat().st_mode) if is_there(path) else ""
        if not problem:
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o644))
    except OSError as error:
        raise HarnessError(
            f"cannot write {path} ({error.strerror or error}): make its folder one that can be written, "
            "or name another as `state` in [tool.harness]"
        ) from error
    if problem:
        raise HarnessError(f"{path} is {problem}, not a plain file: remove it")


def append_line(path: Path, line: str) -> None:
    """Add a line to a log; raises HarnessError where it cannot be written."""
    check_writable(path)
    try:
        with open(path, "a", encoding="utf-8", opener=_open_at_once) as file:
            file.write(line + "\n")
    except OSError as error:
        raise HarnessError(f"cannot write {path} ({error.strerror or error})") from error


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for whoever may be at the other end."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def _not_plain(mode: int) -> str:
    """What is at a path, in words; empty where it is a plain file."""
    kinds = {"a folder": stat.S_ISDIR, "a link": stat.S_ISLNK, "a pipe": stat.S_ISFIFO, "a socket": stat.S_ISSOCK}
    other = "" if stat.S_ISREG(mode) else "a device"
    return next((name for name, is_one in kinds.items() if is_one(mode)), other)


def sync_folder(folder: Path) -> None:
    """Make a rename within ``folder`` survive a power cut, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def dump_json(value: Json) -> bytes:
    """``value`` as strict JSON, sorted and indented: the same value always gives the same bytes.

    Raises HarnessError for what JSON cannot hold.
    """
    try:
        return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n").encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise HarnessError(f"a value cannot be written as strict JSON: {line(error)}") from error


def json_to_print(value: Json, sort: bool = True, ascii_only: bool = False) -> bytes:
    """``value`` as strict JSON to be printed: what a terminal or a log would obey is escaped within its texts."""
    document = json.dumps(value, indent=1, sort_keys=sort, allow_nan=False, ensure_ascii=False)
    return f"{escaped(document, ascii_only)}\n".encode()


def parse_json(content: bytes, name: str) -> Json:
    """The value of strict JSON; raises GoldenError for NaN, a duplicate key, too much of it, or what is not JSON."""

    def unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            twice = next(k for i, (k, _) in enumerate(pairs) if k in {p[0] for p in pairs[:i]})
            raise ValueError(f"key {twice[:40]!r} is there twice")
        return mapping

    def constant(text: str) -> Json:
        raise ValueError(f"{text} is not JSON")

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(f"{text[:40]} does not fit a float")
        return value

    def integer(text: str) -> int:
        if len(text) > _LONGEST_INTEGER:  # Python before 3.11 takes quadratic time over them
            raise ValueError(f"{text[:40]}... has {len(text)} digits")
        return int(text)

    if len(content) > LARGEST_JSON:
        raise GoldenError(f"{name} is larger than {LARGEST_JSON} bytes: it is not an artifact")
    try:
        text = content.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=unique, parse_constant=constant, parse_float=number, parse_int=integer
        )
        if re.search(r"\\u[dD][89a-fA-F]", text):  # half of a pair alone is no text: it could not be written again
            json.dumps(value, ensure_ascii=False).encode()
        if _depth(value) > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")
        return value
    except (ValueError, RecursionError) as error:
        raise GoldenError(f"{name} is not strict JSON: {error}") from error


def _depth(value: Json) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [c for v in level if isinstance(v, dict | list) for c in (v.values() if isinstance(v, dict) else v)]
    return deepest


def sha256(content: bytes) -> str:
    """The SHA-256 digest of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def json_digest(value: Json) -> str:
    """The SHA-256 digest of a JSON value, in hexadecimal."""
    return sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode())
