"""What a command tells the workers of a cluster: where it works, in which circumstances, and how it is.

It lies in a folder of the cache. So a worker that reads it sees the cache, and one that does not is told apart. Its
digest comes with every job, as whoever can write to the cache need not be who gives the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.core.files import sha256
from harness.core.protocol import Json
from harness.run.circumstances import decisive

COMMAND_FILE = "command.json"
_PATIENCE_S = 5.0  # that a shared folder may take to show a new file on another machine


class UnlikeError(Exception):
    """A worker cannot work for the command; each argument is one sentence without its subject."""


@dataclass(frozen=True)
class Command:
    """``root``: the project; ``environment``: the variables that decide numbers; ``flags``: the interpreter's.

    ``declared``: the variables that the pipeline declares; ``likeness``: what a worker must be like (see ``likeness``).
    """

    root: str
    environment: Mapping[str, str]
    declared: tuple[str, ...]
    flags: tuple[str, ...]
    likeness: Mapping[str, Mapping[str, Json]]

    @classmethod
    def here(cls, root: Path, declared: tuple[str, ...], likeness: Mapping[str, Mapping[str, Json]]) -> Command:
        """That of this process."""
        flags = tuple(subprocess._args_from_interpreter_flags())  # type: ignore[attr-defined]
        return cls(str(root), decisive(os.environ, declared), declared, flags, likeness)

    def write(self, meeting: Path) -> str:
        """Leave it in a new folder, and give its digest."""
        content = json.dumps(asdict(self)).encode()
        meeting.mkdir(parents=True)
        (meeting / COMMAND_FILE).write_bytes(content)
        return sha256(content)

    @classmethod
    def read(cls, meeting: Path, digest: str) -> Command:
        """The one that was written; raises UnlikeError where it is not there, or another."""
        until = time.monotonic() + _PATIENCE_S
        while not (meeting / COMMAND_FILE).is_file():
            if time.monotonic() > until:
                raise UnlikeError(
                    f"does not see the cache in {meeting.parents[1]}: it has to be one folder that all machines share"
                )
            time.sleep(0.05)
        content = (meeting / COMMAND_FILE).read_bytes()
        if sha256(content) != digest:
            raise UnlikeError(f"reads another {meeting / COMMAND_FILE} than was written")
        given = json.loads(content)
        return cls(
            given["root"],
            given["environment"],
            tuple(given["declared"]),
            tuple(given["flags"]),
            given["likeness"],
        )

    def variables(self, own: Mapping[str, str]) -> dict[str, str]:
        """A worker's environment for this command: what decides numbers is the command's, places are the worker's."""
        deciding = decisive(own, self.declared)
        return {**{name: value for name, value in own.items() if name not in deciding}, **self.environment}


def note_start(meeting: Path, name: str, who: str) -> list[str]:
    """Note that ``who`` begins the job ``name``; gives all who began it and did not end it, ``who`` at the end."""
    path = meeting / name
    try:
        with path.open("a+", encoding="utf-8") as file:
            file.write(f"{who}\n")
            file.flush()
            file.seek(0)
            return file.read().splitlines()
    except OSError as error:
        raise UnlikeError(
            f"cannot write to the cache in {meeting.parents[1]} ({error.strerror or error}): make it writable there"
        ) from error


def starts(meeting: Path, name: str) -> list[str]:
    """Who began the job and did not end it."""
    try:
        return (meeting / name).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
