"""Files and folders that code made itself: to read them again is no input."""

from __future__ import annotations

import os

_WHOLE = os.O_TRUNC | os.O_EXCL


class Made:
    """What was made since this object was. Paths are absolute and without links."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.folders: set[str] = set()
        self.foreign: dict[str, str] = {}  # what others made and was moved here or added to, and where it lay before

    def opened(self, path: str, flags: int) -> bool:
        """Take note of an opened file; whether it is read although others wrote what is in it.

        What is added to the end of a file does not depend on what is there, and does not make the file one's own.
        """
        access = flags & os.O_ACCMODE
        if access != os.O_RDONLY:
            if path in self.files:
                return False
            if flags & os.O_CREAT and (flags & _WHOLE or not os.path.lexists(path)):
                if not (flags & os.O_EXCL and os.path.lexists(path)):  # which fails
                    self.files.add(path)
                    self.foreign.pop(path, None)
                return False
            if flags & os.O_TRUNC:
                self.files.add(path)
                return False
            if not self.covers(path):
                self.foreign[path] = path
        return access != os.O_WRONLY and not self.covers(path)

    def made_folder(self, path: str) -> None:
        """Take note of a folder that is about to be made."""
        if not os.path.lexists(path):
            self.folders.add(path)

    def moved(self, source: str, target: str) -> bool:
        """Take note of a file or folder that gets another name; whether others made it."""
        if not self.covers(source):
            self.foreign[target] = self.foreign.get(source, source)
            return os.path.lexists(source)
        for known in (self.files, self.folders):
            for path in [p for p in known if p == source or p.startswith(f"{source}/")]:
                known.add(f"{target}{path[len(source) :]}")
        if os.path.isdir(source):
            self.folders.add(target)
        else:
            self.files.add(target)
        self.foreign.pop(target, None)
        return False

    def covers(self, path: str) -> bool:
        """Whether a file or folder was made, by itself or with a folder that it lies in."""
        if path in self.foreign:
            return False
        if path in self.files or path in self.folders:
            return True
        return bool(self.folders) and self._inside(path)

    def _inside(self, path: str) -> bool:
        while len(path) > 1:
            path = os.path.dirname(path)
            if path in self.foreign:
                return False
            if path in self.folders:
                return True
        return False
