"""Questions whether a file is there, and how large or old it is: no event tells of them, so ``os.stat`` does.

Only what own code asks itself is told, with ``os.path`` or ``pathlib`` or without: what the standard library asks
to do something else, as to make a folder, is its own, and so is what third parties ask.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from harness.host.senses import audit
from harness.host.senses.origins import Caller, Origin

_HAND_ON = ("genericpath.", "posixpath.", "pathlib.exists", "pathlib.is_", "pathlib.stat", "pathlib._local.")
_FOR_MORE = ("pathlib._local.mkdir", "pathlib._local.resolve", "pathlib._local.touch", "pathlib._local.rglob")


def by_own_code(asks: Caller) -> bool:
    """Whether own code wants to know, and nothing between."""
    if asks.innocent or asks.by_third or asks.origin is not Origin.OWN:
        return False
    return all(name.startswith(_HAND_ON) and not name.startswith(_FOR_MORE) for name in asks.through)


def listen_to_questions(asked: audit.Listener) -> None:
    """Call ``asked`` with the path of every ``os.stat`` and ``os.access``."""
    for name in ("stat", "access"):
        by_python = getattr(os, name)
        telling = _telling(by_python, asked)
        setattr(os, name, telling)
        for known in (os.supports_dir_fd, os.supports_fd, os.supports_effective_ids, os.supports_follow_symlinks):
            if by_python in known:
                known.add(telling)


def _telling(function: Any, asked: audit.Listener) -> Any:
    @functools.wraps(function)
    def telling(path: Any, *arguments: Any, **keywords: Any) -> Any:
        audit.call("os.stat", asked, (path,))
        return function(path, *arguments, **keywords)

    return telling
