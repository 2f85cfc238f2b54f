"""Which own source was loaded, byte for byte.

Python takes a ``.pyc`` for a module's source when their times and sizes agree, and reads a file when a module is
first needed, not when somebody took its digest. Here own modules are compiled from the bytes that were read
then, and the digest of these bytes is kept. A library's are, where its bytecode may be older than an edit.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

from harness.host.senses import audit
from harness.host.senses.made import Made
from harness.host.senses.origins import Origin, origin, origin_of_place

_loaded: dict[str, str] = {}
_versions: dict[str, list[str]] = {}
_made = Made()
_followers: list[Callable[[str, str], None]] = []
_recording = False
_home = ""


def record_imports() -> None:
    """From now on, compile own modules from their source alone and keep the digests; the first call counts."""
    global _recording, _home
    if _recording:
        return
    _recording = True
    _home = os.path.join(os.getcwd(), "")
    audit.listen("compile", _on_compile)
    audit.listen("exec", _on_exec)
    audit.listen("import", _on_import)
    audit.listen("open", _on_open)
    _read_no_bytecode()


def follow(follower: Callable[[str, str], None]) -> None:
    """Call ``follower`` with the path and the digest of every own file that is loaded from now on."""
    _followers.append(follower)


def loaded() -> dict[str, str]:
    """By resolved path, the SHA-256 digest of what was loaded of every own file.

    Of a file that was loaded in several versions it is a digest of theirs, which no version has. What this process
    itself generated among the temporary files is left out: the code that generated it stands for it.
    """
    return dict(_loaded)


def _read_no_bytecode() -> None:
    kinds = importlib.machinery.SourceFileLoader.__mro__
    loader: Any = next(kind for kind in kinds if kind.__name__ == "SourceLoader")  # below every loader of source
    by_python = loader.get_code

    def get_code(self: Any, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if origin(path) is not Origin.OWN and not _edited_since_compiled(path):
            return by_python(self, fullname)
        return self.source_to_code(self.get_data(path), path)

    loader.get_code = get_code


def _edited_since_compiled(path: str) -> bool:
    """Whether a source was changed in the second in which its bytecode was written, which Python does not notice.

    It compares whole seconds and sizes. The time of the last change of a file's status cannot be set, but an
    installer that links files moves it, so that both have to agree.
    """
    try:
        with audit.unheard():  # these questions are the harness's
            source, bytecode = os.stat(path), os.stat(importlib.util.cache_from_source(path))
    except (OSError, NotImplementedError):  # there is no bytecode
        return False
    same_second = int(bytecode.st_mtime) <= int(source.st_mtime)
    return same_second and source.st_ctime_ns >= bytecode.st_mtime_ns


def _on_compile(arguments: tuple[Any, ...]) -> None:
    """Own source is compiled: by an import, ``runpy``, or a call of ``compile`` that names its file."""
    source, filename = arguments[:2]
    if isinstance(filename, str) and not filename.startswith("<") and origin(filename) is Origin.OWN:
        _keep(filename, source)


def _on_exec(arguments: tuple[Any, ...]) -> None:
    """Code is run; of what was compiled from a syntax tree no other event tells."""
    filename = getattr(arguments[0], "co_filename", "<")
    if not filename.startswith("<") and origin(filename) is Origin.OWN and os.path.realpath(filename) not in _versions:
        _keep(filename)


def _on_import(arguments: tuple[Any, ...]) -> None:
    """A module is imported; only of an extension is the file named, before it is loaded."""
    filename = arguments[1]
    if isinstance(filename, str) and origin(filename) is Origin.OWN:
        _keep(filename)


def _on_open(arguments: tuple[Any, ...]) -> None:
    """Bytecode without source, and archives that modules are imported from, are read as files."""
    path, _, flags = arguments
    if not isinstance(path, str) or not isinstance(flags, int):
        return
    if flags & os.O_ACCMODE != os.O_RDONLY:
        _made.opened(os.path.realpath(path), flags)
    elif (_is_bytecode(path) or _importing_archive()) and origin(path) is Origin.OWN:
        _keep(path)


def _is_bytecode(path: str) -> bool:
    """Whether it is bytecode, and not what Python keeps of all modules in a folder of the user's choice."""
    return path.endswith(".pyc") and not (sys.pycache_prefix and path.startswith(sys.pycache_prefix))


def _importing_archive() -> bool:
    frame = sys._getframe(1)
    while frame.f_back is not None and origin_of_place(frame.f_code.co_filename) is Origin.HARNESS:
        frame = frame.f_back
    return frame.f_code.co_filename == "<frozen zipimport>"


def _keep(filename: str, source: object = None) -> None:
    path = os.path.realpath(filename)
    if path in _made.files and path.startswith(_temporary()) and not path.startswith(_home):
        return
    digest = _digest(path, source)
    take(path, digest)
    for follower in _followers:
        follower(path, digest)


def take(path: str, digest: str) -> None:
    """Record that a file was loaded, here or in a process that was forked from this one."""
    versions = _versions.setdefault(path, [])
    if digest not in versions:
        versions.append(digest)
        _loaded[path] = digest if len(versions) == 1 else hashlib.sha256("".join(versions).encode()).hexdigest()


def _digest(path: str, source: object) -> str:
    """The digest of source that is compiled: of its file's bytes, where these say the same in another encoding."""
    compiled = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    try:
        content = Path(path).read_bytes()
    except OSError:
        content = b""
    if not isinstance(compiled, bytes | bytearray | memoryview):  # a syntax tree
        return hashlib.sha256(content).hexdigest()
    same = compiled != content and compiled == _in_utf8(content)
    return hashlib.sha256(content if same else compiled).hexdigest()


def _in_utf8(content: bytes) -> bytes | None:
    """Source as Python compiles the text of it: without its own encoding and line ends."""
    import tokenize

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return io.TextIOWrapper(io.BytesIO(content), encoding).read().encode()
    except (SyntaxError, UnicodeError, LookupError):
        return None


def _temporary() -> str:
    return os.path.join(os.path.realpath(tempfile.gettempdir()), "")
