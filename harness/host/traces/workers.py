"""Processes that ``multiprocessing`` starts as new interpreters: they are followed as forked ones are.

Their command line is given a beginning that watches, and writes to the same record.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import harness
from harness.host.traces import channel

_HOME = str(Path(harness.__file__).resolve().parents[1])
_MAINS = ("from multiprocessing.spawn import spawn_main", "from multiprocessing.forkserver import main")
_BEGIN = (
    "import sys; path = sys.path[:]; sys.path.insert(0, {home!r}); "
    "from harness.host.traces.workers import follow_worker; sys.path[:] = path; follow_worker({told!r}); "
)


def followed(arguments: tuple[Any, ...], root: str) -> tuple[Any, ...] | None:
    """The arguments of ``fork_exec`` with which a worker can be followed; None where none is started."""
    words = [os.fsdecode(word) for word in arguments[0]]
    at = words.index("-c") + 1 if "-c" in words[:-1] else 0
    if not at or not words[at].startswith(_MAINS):
        return None
    number = channel.descriptor()
    words[at] = _BEGIN.format(home=_HOME, told=json.dumps([number, root])) + words[at]
    kept = tuple(sorted({*arguments[3], number}))
    return ([os.fsencode(word) for word in words], *arguments[1:3], kept, *arguments[4:])


def follow_worker(told: str) -> None:
    """Watch this process, whose record is another one's."""
    from harness.host import own_modules
    from harness.host.witness import Witness

    number, root = json.loads(told)
    channel.use(number)
    own_modules.record_imports()
    witness = Witness(Path(root), kernel=False)
    witness.install()
    witness.serve()
