"""Questions whether a file is there, and how large or old it is: no event tells of them, so ``os.stat`` does.

Only what own code asks itself is told, with ``os.path`` or ``pathlib`` or without: what the standard library asks
to do something else, as to make a folder, is its own, and so is what third parties ask.
"""

from __future__ import annotations

import functools
import os
import pathlib
import re
import sys
from types import ModuleType
from typing import Any

from harness.host.senses import audit
from harness.host.senses.origins import Caller, Origin

_NAMES = ("stat", "lstat", "fstat", "access", "readlink")
_CHOOSES = ("gettext.", "mimetypes.", "zoneinfo.", "netrc.", "configparser.", "importlib.metadata.", "shutil.which")

# Functions that hand an answer on, wherever this version of Python has them; and those that ask to do something else.
_HAND_ON = re.compile(r"(genericpath|posixpath|glob|fnmatch|filecmp|pathlib(\._\w+)?)\.\w+")
_TO_DO_SOMETHING = re.compile(
    r"posixpath\.(realpath|_joinrealpath|expanduser|abspath)"
    r"|pathlib(\._\w+)?\.(resolve|absolute|expanduser|mkdir|touch|unlink|rmdir|rename|replace|open|(read|write)_\w+)"
)
_ONLY_WHETHER = re.compile(r"(exists|lexists|is\w+|getsize|samefile|glob\w*|rglob|i?_?select\w*|_i?glob\w*|cmp\w*)")


def is_own_question(asks: Caller) -> bool:
    """Whether own code wants to know, and nothing between."""
    if asks.innocent or asks.by_third or asks.origin is not Origin.OWN:
        return False
    return all(_HAND_ON.fullmatch(name) and not _TO_DO_SOMETHING.fullmatch(name) for name in asks.through)


def is_about_time(asks: Caller) -> bool:
    """Whether the answer to an own question tells more than whether a file is there, and how large it is."""
    return not any(_ONLY_WHETHER.fullmatch(name.rpartition(".")[2]) for name in asks.through)


def is_for_itself(asks: Caller) -> bool:
    """Whether Python looks for a file of its own choice."""
    return any(name.startswith(_CHOOSES) for name in asks.through)


def listen_to_questions(asked: audit.Listener) -> None:
    """Call ``asked`` with the path, or the number, of every ``os.stat`` and its like."""
    for name in _NAMES:
        by_python = getattr(os, name)
        telling = _telling(by_python, asked)
        setattr(os, name, telling)
        for known in (os.supports_dir_fd, os.supports_fd, os.supports_effective_ids, os.supports_follow_symlinks):
            if by_python in known:
                known.add(telling)
    accessor = getattr(pathlib, "_NormalAccessor", None)  # it holds a reference, until Python 3.10
    if accessor is not None:
        accessor.stat, accessor.lstat = staticmethod(os.stat), staticmethod(os.lstat)
    sys.modules["posix"] = _posix()


def _posix() -> ModuleType:
    """The module beneath ``os`` for who imports it by its name: with the same functions as ``os`` has."""
    import posix

    module = ModuleType(posix.__name__, posix.__doc__)
    vars(module).update(vars(posix))
    vars(module).update({name: getattr(os, name) for name in vars(posix) if hasattr(os, name) and name in _NAMES})
    return module


def _telling(function: Any, asked: audit.Listener) -> Any:
    @functools.wraps(function)
    def telling(path: Any, *arguments: Any, **keywords: Any) -> Any:
        if type(path) is not int or path > 2:
            audit.call("os.stat", asked, (path,))
        return function(path, *arguments, **keywords)

    telling.__module__ = "os"  # where it is found again, as by pickle
    return telling
