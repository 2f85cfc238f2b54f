"""Every content that a file of the store ever had in this clone's commits: listed once, read from one process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType

from harness.core import git
from harness.core.project import Project, read_table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

UNDER_WAY = ("MERGE_HEAD", "REBASE_HEAD", "CHERRY_PICK_HEAD")
STARTS = ("HEAD", *UNDER_WAY)
"""The commits before which the store's past is looked for, as far as there are any."""


class Past:
    """The blobs of the store's files in the commits before ``starts``, and these; git is asked as little as can be.

    To be entered: leaving it ends the process that reads.
    """

    def __init__(self, project: Project, starts: tuple[str, ...] = STARTS) -> None:
        self.project, self.starts = project, starts
        self._open = ExitStack()
        self._listed: dict[Path, dict[str, list[str]]] = {}

    def __enter__(self) -> Past:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def _read(self) -> git.ReadBlob:
        return self._open.enter_context(git.reading_blobs(self.project.root))

    def blobs(self, path: Path) -> list[str]:
        """The names of every blob that a path had, the newest first."""
        goldens = self.project.goldens
        folder = goldens if path.is_relative_to(goldens) else path
        if folder not in self._listed:
            self._listed[folder] = git.blobs_in(self.project.root, folder, self.starts)
        return self._listed[folder].get(path.relative_to(folder).as_posix(), [])

    def content(self, blob: str) -> bytes | None:
        """The content of a blob; None where this clone lacks it."""
        return self._read(blob)

    def contents(self, path: Path) -> Iterator[tuple[str, bytes]]:
        """Every content that a path had with the name of its blob, the newest first; one at a time is held."""
        for blob in self.blobs(path):
            if (content := self.content(blob)) is not None:
                yield blob, content


def project_at(project: Project, commit: str) -> Project:
    """The project as ``pyproject.toml`` had it at ``commit``; as it is now where there was no table.

    Raises HarnessError or ValueError where nobody can read that.
    """
    content = git.file_at(project.root, commit, project.root / "pyproject.toml")
    table = tomllib.loads((content or b"").decode()).get("tool", {}).get("harness")
    return read_table(project.root, table) if table else project
