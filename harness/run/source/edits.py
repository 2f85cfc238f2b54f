"""Files of an installed distribution that were edited in place: its version stays as it was, and its record tells.

An installer writes down the size and the SHA-256 of each file. What is neither newer than that record nor of another
size is taken to be as it was installed; the rest is read.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
from importlib.metadata import Distribution

_LATER_S = 2.0  # that a file may be newer than the record, which an installer writes last
# What no import reads: what other compilers do, what types are, tests, programs, and what Python makes itself.
_UNREAD = re.compile(r"\.(?:h|hh|hpp|inc|pyi|pyc|proto|md|rst)$|/tests?/|^\.\.|\.(?:dist|egg)-info/")


def edited(found: Distribution) -> str:
    """A digest of the files that are not as they were installed; empty where all are, or where nothing tells."""
    text = found.read_text("RECORD")
    if not text:
        return ""
    root = str(found.locate_file(""))
    changed = []
    newest = _written(found, text, root)
    for name, digest, size in _rows(text):
        path = os.path.join(root, name)
        try:
            about = os.stat(path)
        except OSError:
            changed.append(f"{name} gone")
            continue
        if (str(about.st_size) != size or about.st_mtime > newest) and (now := _sha256(path)) != digest:
            changed.append(f"{name} {now}")
    return hashlib.sha256("\n".join(changed).encode()).hexdigest() if changed else ""


def _rows(text: str) -> list[tuple[str, str, str]]:
    """Path, SHA-256 and size of each file that an import may read."""
    lines = [line for line in text.splitlines() if ",sha256=" in line and not _UNREAD.search(line.partition(",")[0])]
    rows = (line.rsplit(",", 2) if '"' not in line else next(csv.reader([line])) for line in lines)
    return [(row[0], row[1].removeprefix("sha256="), row[2]) for row in rows if len(row) == 3]


def _written(found: Distribution, text: str, root: str) -> float:
    """When the record was written; never where it cannot be found, so that every file is read."""
    name = re.search(r"^\"?([^,\n]+\.dist-info/)RECORD", text, re.M)
    try:
        return os.stat(os.path.join(root, name[1], "RECORD")).st_mtime + _LATER_S if name else 0.0
    except OSError:
        return 0.0


def _sha256(path: str) -> str:
    """The digest of a file, as a record has it."""
    try:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else None
            digest = found.digest() if found else hashlib.sha256(file.read()).digest()
    except OSError:
        return "unreadable"
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
