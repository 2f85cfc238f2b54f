"""Whose code is it: the standard library's, a third party's, the harness's, or the repository's own.

Own is what is left: a file that lies neither in the standard library, nor in a folder of installed packages,
nor in the harness. So the repository is own, and whatever ``PYTHONPATH`` or an editable install adds.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from enum import Enum
from types import FrameType
from typing import NamedTuple

from harness.run.source.places import INSTALLED_FOLDER


class Origin(Enum):
    """Whose a file is. ``GENERATED``: code without a file, as ``exec`` of a text; it belongs to who runs it."""

    STANDARD = "standard library"
    THIRD = "third party"
    HARNESS = "harness"
    OWN = "own"
    GENERATED = "generated"


def _folders(*paths: str | None) -> tuple[str, ...]:
    found = {folder for path in paths if path for folder in (os.path.abspath(path), os.path.realpath(path))}
    return tuple(sorted(f"{folder.rstrip(os.sep)}{os.sep}" for folder in found if folder != os.sep))


_PATHS = sysconfig.get_paths()
_ZIPPED = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
_STANDARD = _folders(
    _PATHS["stdlib"],
    _PATHS["platstdlib"],
    os.path.dirname(os.__file__),
    *(os.path.join(prefix, sys.platlibdir, _ZIPPED) for prefix in (sys.base_prefix, sys.base_exec_prefix)),
)
_INSTALLED = _folders(
    _PATHS["purelib"],
    _PATHS["platlib"],
    *site.getsitepackages(),
    site.getusersitepackages(),
    *site.getsitepackages([sys.base_prefix, sys.base_exec_prefix]),
)
_HARNESS = _folders(os.path.dirname(sys.modules["harness"].__file__ or ""))

_known: dict[str, Origin] = {}


def origin(filename: str) -> Origin:
    """Whose code a file is; ``filename`` as code objects have it, such as ``<frozen os>`` or ``<string>``."""
    found = _known.get(filename)
    if found is None:
        if len(_known) > 100_000:  # a process that runs for days and generates code
            _known.clear()
        found = _known[filename] = _origin(filename)
    return found


def _origin(filename: str) -> Origin:
    if filename.startswith("<"):
        return Origin.STANDARD if filename.startswith("<frozen ") else Origin.GENERATED
    if not os.path.lexists(_outside_archive(filename)):
        return Origin.GENERATED
    return origin_of_place(real_path(filename))


def origin_of_place(path: str) -> Origin:
    """Whose the place of a file is; ``path`` is absolute and without links."""
    if path.startswith(_HARNESS):
        return Origin.HARNESS
    if path.startswith(_INSTALLED) or INSTALLED_FOLDER.search(path):
        return Origin.THIRD
    return Origin.STANDARD if path.startswith(_STANDARD) else Origin.OWN


def real_path(filename: str) -> str:
    """``filename`` without links. An installer that links every file to its own store keeps them where they are."""
    path = os.path.realpath(filename)
    if "/archive-v" in path:  # uv's link mode "symlink"
        linked = os.path.join(os.path.realpath(os.path.dirname(filename)), os.path.basename(filename))
        return linked if origin_of_place(linked) is Origin.THIRD else path
    return path


def _outside_archive(filename: str) -> str:
    """The file that ``filename`` lies in: itself, or the archive of ``archive.zip/package/module.py``."""
    path = filename
    while path and not os.path.lexists(path):
        path, tail = os.path.split(path)
        if not tail or os.path.isdir(path):
            return filename
    return path if path == filename or os.path.isfile(path) else filename


class Caller(NamedTuple):
    """Who asks: the innermost frame of own code or of the harness, else of third parties.

    ``importing``: a third-party module is being imported between that frame and the question. ``through``: the
    functions of the standard library between the innermost other frame and the question, innermost first.
    ``by_third``: the innermost third-party module, which acts for the caller. ``loading``: it does so as a loader
    that imports a module.
    """

    origin: Origin
    importing: bool = False
    through: tuple[str, ...] = ()
    by_third: str = ""
    loading: bool = False

    @property
    def innocent(self) -> bool:
        """Whether it asks for itself: the harness, or a third-party module that is being imported."""
        return self.origin is Origin.HARNESS or self.importing


_HERE = os.path.dirname(__file__)
_WATCHERS = (
    os.path.join(_HERE, ""),
    os.path.join(os.path.dirname(_HERE), "traces", ""),
    os.path.join(os.path.dirname(_HERE), "witness.py"),
)
_IMPORTING = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")


def _is_imported(outer: FrameType | None) -> bool:
    """Whether a module is run by an import, and not as a program by ``runpy``."""
    return outer is not None and outer.f_code.co_filename in _IMPORTING


def caller() -> Caller:
    """The caller of the function that is watched, from the stack."""
    frame: FrameType | None = sys._getframe(1)
    through: list[str] = []
    importing = loading = False
    by_third = ""
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(_WATCHERS):  # around what is watched, too: ``os.environ``'s own methods
            frame = frame.f_back
            continue
        whose = origin(code.co_filename)
        if whose is Origin.OWN or whose is Origin.HARNESS:
            return Caller(whose, importing, tuple(through), by_third, loading)
        if whose is Origin.THIRD:
            by_third = by_third or str(frame.f_globals.get("__name__", "?"))
            importing = importing or (code.co_name == "<module>" and _is_imported(frame.f_back))
        elif whose is Origin.STANDARD and not by_third:
            through.append(f"{frame.f_globals.get('__name__', '')}.{code.co_name}")
        elif whose is Origin.STANDARD:
            loading = loading or code.co_filename in _IMPORTING
        frame = frame.f_back
    # A thread has no frame of who started it: what no third party asks for counts as own.
    return Caller(Origin.THIRD if by_third else Origin.OWN, importing, tuple(through), by_third, loading)
