"""How a command ends: whatever it raised becomes one sentence on standard error, and an exit status."""

from __future__ import annotations

import errno
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.cli.console import complain, remark
from harness.cli.process.streams import TolerantStream
from harness.core.adapters.faults import sentence_of, traceback_of
from harness.core.errors import HarnessError
from harness.core.files import write_file

USAGE, FAULT, STOPPED, UNREAD, TERMINATED = 2, 3, 130, 141, 143


class TerminatedError(BaseException):
    """The process was asked to end."""


def terminate(number: int, frame: object) -> None:
    """End as after an error, so that temporary folders are removed and no process is left: a handler of SIGTERM."""
    raise TerminatedError


def ending_of(command: Callable[[], Any]) -> int:
    """Run ``command`` and give the exit status: what it returned, or what becomes of what it raised."""
    try:
        status = command()
        if status == STOPPED:
            _say_interrupted()
        return status if isinstance(status, int) else 0
    except KeyboardInterrupt:
        _say_interrupted()
        return STOPPED
    except TerminatedError:
        _say_interrupted()
        return TERMINATED
    except HarnessError as error:
        complain(str(error))
        _show_if_asked(error.__cause__)
        return USAGE
    except OSError as error:  # a disk, a permission, a link: the machine's, and so the user's to mend
        place = f"{error.filename}: " if isinstance(error.filename, str | Path) else ""
        complain(f"{place}{error.strerror or error}: the system refused this, so see that it can be read and written")
        _show_if_asked(error)
        return USAGE
    except MemoryError as error:
        complain(f"there is not enough memory ({sentence_of(error)}): try fewer workers, or smaller stages")
        return USAGE
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command line itself
            if message := error.format_message():
                complain(message)
            return USAGE
        complain(f"{sentence_of(error)}: a fault of the harness, and no verdict; please report it with {_kept(error)}")
        _show_if_asked(error)
        return FAULT
    except BaseException as error:  # such as SystemExit: no command of the harness ends so
        complain(f"something ended the process ({sentence_of(error)}), so that there is no verdict: look there first")
        _show_if_asked(error)
        return USAGE


def final_status(status: int, out: TolerantStream) -> int:
    """The exit status, given what became of standard output: 0 only where all of it was written."""
    out.flush()
    if out.failure is None:
        return status
    if out.failure.errno == errno.EPIPE:  # whoever read it had enough
        return status or UNREAD
    complain(
        f"standard output could not be written ({out.failure.strerror}), so what was printed is not whole: make room, "
        "or send it elsewhere"
    )
    return status or USAGE


def _kept(error: BaseException) -> str:
    """Write the traceback of a fault into the project's state, or else a temporary folder; and say where."""
    from harness.core.project import find_project

    content = traceback_of(error).encode("utf-8", "backslashreplace")
    try:
        path = find_project().state / "traceback.txt"
        write_file(path, content)
        return str(path)
    except (HarnessError, OSError):
        pass
    try:
        with tempfile.NamedTemporaryFile(prefix="harness-traceback-", suffix=".txt", delete=False) as file:
            file.write(content)
        return file.name
    except OSError:
        remark(content.decode())
        return "the traceback above"


def _show_if_asked(error: BaseException | None) -> None:
    """Print a whole traceback where the command line asked for it."""
    if error is not None and "--traceback" in sys.argv[1:]:
        remark(traceback_of(error))


def _say_interrupted() -> None:
    remark("interrupted: what was finished is kept, and nothing is left half-written")
