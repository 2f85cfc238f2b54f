"""Questions whether a file is there, and how large or old it is: no event tells of them, so ``os.stat`` does.

Only what own code asks itself is told, with ``os.path`` or ``pathlib`` or without: what the standard library asks
to do something else, as to make a folder, is its own, and so is what third parties ask.
"""

from __future__ import annotations

import functools
import os
import pathlib
import re
from typing import Any

from harness.host.senses import audit
from harness.host.senses.origins import Caller, Origin

# The functions that hand an answer on, wherever this version of Python has them.
_HAND_ON = re.compile(r"(genericpath|posixpath)\.\w+|pathlib(\._\w+)?\.(exists|is_\w+|stat|lstat|samefile)")


def is_own_question(asks: Caller) -> bool:
    """Whether own code wants to know, and nothing between."""
    if asks.innocent or asks.by_third or asks.origin is not Origin.OWN:
        return False
    return all(_HAND_ON.fullmatch(name) for name in asks.through)


def listen_to_questions(asked: audit.Listener) -> None:
    """Call ``asked`` with the path of every ``os.stat`` and ``os.access``."""
    for name in ("stat", "access"):
        by_python = getattr(os, name)
        telling = _telling(by_python, asked)
        setattr(os, name, telling)
        for known in (os.supports_dir_fd, os.supports_fd, os.supports_effective_ids, os.supports_follow_symlinks):
            if by_python in known:
                known.add(telling)
    accessor = getattr(pathlib, "_NormalAccessor", None)  # it holds a reference, until Python 3.10
    if accessor is not None:
        accessor.stat = staticmethod(os.stat)


def _telling(function: Any, asked: audit.Listener) -> Any:
    @functools.wraps(function)
    def telling(path: Any, *arguments: Any, **keywords: Any) -> Any:
        audit.call("os.stat", asked, (path,))
        return function(path, *arguments, **keywords)

    telling.__module__ = "os"  # where it is found again, as by pickle
    return telling
