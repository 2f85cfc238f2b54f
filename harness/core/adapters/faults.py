"""What somebody else's code raised, as one sentence with its place, and as a traceback for whoever mends it."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from functools import cache
from pathlib import Path
from types import TracebackType

from harness.core import text

_HARNESS = Path(__file__).resolve().parents[2]
_THEIRS = ("site-packages", "dist-packages")  # folders of libraries


def sentence_of(error: BaseException) -> str:
    """An exception as one clean sentence of bounded length: ``KeyError: 'x' (guard.py, line 12)``.

    The place is the innermost line of the guarded repository itself; a library's, or the harness's, is taken only
    where there is no such line. A syntax error's place is where the error is.
    """
    name, words = text.clipped(type(error).__name__), _message(error)
    place = _syntax_place(error) or _place(error.__traceback__)
    where = f" ({place})" if place else ""
    return f"{name}: {words}{where}" if words else f"{name}{where}"


def traceback_of(error: BaseException) -> str:
    """The whole traceback of an exception, of bounded length; its words are as they were raised."""
    try:
        return text.bounded("".join(traceback.format_exception(error)))
    except Exception:  # an exception may be unable to show itself
        return text.bounded("".join(traceback.format_tb(error.__traceback__))) + sentence_of(error)


def own_line(where: TracebackType | None) -> tuple[str, int] | None:
    """File and line of the innermost frame that is neither a library's nor the harness's; None where there is none."""
    own = [(f.filename, f.lineno or 0) for f in traceback.extract_tb(where) if _is_own(f.filename)]
    return own[-1] if own else None


def _is_own(filename: str) -> bool:
    """Whether a source file belongs to the guarded repository: no library's, not Python's, and not the harness's."""
    if filename.startswith("<"):
        return False
    path = Path(filename).resolve()
    if any(part in _THEIRS for part in path.parts) or path.is_relative_to(_HARNESS):
        return False
    return not any(path.is_relative_to(folder) for folder in _library_folders())


@cache
def _library_folders() -> tuple[Path, ...]:
    return tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def _message(error: BaseException) -> str:
    """What the exception says, without the place that a syntax error repeats; code that fails at that says nothing."""
    try:
        words = error.msg if isinstance(error, SyntaxError) and isinstance(error.msg, str) else str(error)
        return text.clipped(words, text.LONGEST_MESSAGE)
    except (Exception, SystemExit):
        return "its message cannot be shown"


def _syntax_place(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and isinstance(error.filename, str) and not error.filename.startswith("<"):
        return _named(error.filename, error.lineno or 0)
    return ""


def _place(where: TracebackType | None) -> str:
    frames = traceback.extract_tb(where)
    found = own_line(where) or ((frames[-1].filename, frames[-1].lineno or 0) if frames else None)
    return _named(*found) if found else ""


def _named(filename: str, line: int) -> str:
    """A file as it is imported, below the folder that Python found it in, and a line."""
    path = Path(filename)
    folders = [Path(entry or ".").resolve() for entry in sys.path]
    above = [folder for folder in folders if path.resolve().is_relative_to(folder)]
    short = path.resolve().relative_to(max(above, key=lambda f: len(f.parts))) if above else Path(path.name)
    return f"{text.clipped(short.as_posix())}, line {line}"
