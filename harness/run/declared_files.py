"""The files that a stage declares: their content decides its result, and a folder stands for all that lies in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import ProjectError
from harness.core.files import json_digest

_CHUNK = 2**20  # bytes


def file_digests(paths: Sequence[Path], stage: str) -> list[str]:
    """A digest for each path; raises ProjectError for what is neither a file nor a folder, or cannot be read."""
    return [_digest_of(path, stage) for path in paths]


def _digest_of(path: Path, stage: str) -> str:
    try:
        if path.is_dir():
            return json_digest([[str(inner.relative_to(path)), _told(inner)] for inner in sorted(path.rglob("*"))])
        if path.exists() and not path.is_file():
            raise ProjectError(f"stage {stage} reads {path}, which is neither a file nor a folder: declare one")
        return _content_digest(path)
    except OSError as error:
        raise ProjectError(f"stage {stage} reads {path}, which cannot be read: {error.strerror or error}") from error


def _told(path: Path) -> str:
    """What lies in a folder: a plain file's content, and of everything else that it is there."""
    return _content_digest(path) if path.is_file() else "folder" if path.is_dir() else "neither"


def _content_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
