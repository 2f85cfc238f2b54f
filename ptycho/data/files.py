"""Where the files of measured data lie; what is in them is read by ``ptycho.data.formats``."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ptycho.errors import DataError

_PAIR = ("_dp.", "_para.")  # how the two files of a pair end, before their suffix


def find_data_file(path: str) -> Path:
    """The file at ``path``: here, in ``$PTYCHO_TEST_DATA``, or in a ``shared/data`` beside or above this folder.

    Raises DataError for one that is nowhere, and for what is no plain file: a link, a folder, a pipe, a device.
    """
    above = [folder / "shared" / "data" for folder in Path.cwd().parents]
    candidates = [folder / path for folder in (Path(), Path(os.environ.get("PTYCHO_TEST_DATA", "")), *above)]
    for candidate in candidates:
        if candidate.is_file() and not candidate.is_symlink():
            return candidate
    for candidate in candidates:
        if os.path.lexists(candidate):
            require_plain(candidate)
    raise DataError(
        f"data file {path!r} does not exist here, nor in $PTYCHO_TEST_DATA, nor in ../shared/data beside the repository"
    )


def require_plain(path: Path) -> None:
    """Raise DataError for what is no plain file, and would be read without an end, or as another file."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise DataError(f"data file {str(path)!r} cannot be found ({error.strerror}): check its name") from error
    if stat.S_ISREG(mode):
        return
    if stat.S_ISLNK(mode):
        real = os.path.realpath(path)
        raise DataError(f"{path} is a symbolic link, which is not followed: name the file itself, {real}")
    kinds = (
        (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a device"), (stat.S_ISCHR, "a device"),
    )  # fmt: skip
    kind = next((word for test, word in kinds if test(mode)), "something else")
    raise DataError(f"{path} is {kind}, and no file: name a file of measured data")


def partner(path: Path) -> Path | None:
    """The other file of a pair ``*_dp.hdf5`` and ``*_para.hdf5``, which lies beside the first; None without one."""
    for mine, other in (_PAIR, _PAIR[::-1]):
        before, found, suffix = path.name.rpartition(mine)
        if found:
            beside = path.with_name(f"{before}{other}{suffix}")
            return beside if beside.is_file() and not beside.is_symlink() else None
    return None


def input_files(config: Mapping[str, Any]) -> list[Path]:
    """The files that a configuration, as plain data, reads; raises DataError for one that is not found."""
    measured, simulated = config.get("measured"), config.get("simulate")
    named = [measured["path"]] if measured else []
    named += [measured[key] for key in ("probe", "mask") if measured and measured.get(key)]
    named += [simulated["probe"]["path"]] if simulated and simulated["probe"]["path"] else []
    found = [find_data_file(path) for path in named]
    return found + [other for path in found if (other := partner(path)) is not None]
