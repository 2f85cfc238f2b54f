"""The ``harness`` command: verify a pipeline against its goldens, and decide what becomes golden.

Exit status: 0 everything is as accepted, 1 something is not, 2 usage or input error.
"""

from __future__ import annotations

import os
import signal
import sys

import typer

from harness.cli import approval_commands, study_commands, verification_commands
from harness.cli.console import complain, error_console
from harness.core.errors import HarnessError

_INTERRUPTED = 130  # the exit status after Ctrl-C

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
for command in (  # in the order in which ``harness --help`` lists them
    study_commands.analyze,
    study_commands.compare,
    study_commands.ab,
    study_commands.matrix,
    verification_commands.list_command,
    verification_commands.run,
    verification_commands.verify,
    approval_commands.calibrate,
    approval_commands.diff,
    approval_commands.pending,
    approval_commands.review,
    approval_commands.accept,
    approval_commands.reject,
    approval_commands.recover,
    approval_commands.prune,
    approval_commands.merge,
    approval_commands.log,
    verification_commands.report,
    verification_commands.doctor,
    verification_commands.schema,
):
    app.command(command.__name__.removesuffix("_command"))(command)


def main() -> None:
    """Run the command; user errors become one sentence and exit status 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, _terminated)
    try:
        status = app(standalone_mode=False)  # returns what typer.Exit carried; 130 after Ctrl-C
        if status == _INTERRUPTED:
            _say_interrupted()
        sys.exit(status if isinstance(status, int) else 0)
    except HarnessError as error:
        complain(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(_INTERRUPTED)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command line itself
            if message := error.format_message():
                complain(message)
            sys.exit(2)
        raise


def _terminated(number: int, frame: object) -> None:
    """Leave as after an error, so that temporary folders are removed and no process is left."""
    raise SystemExit(128 + number)


def _say_interrupted() -> None:
    error_console.print("interrupted: finished stages are cached, nothing else was written")
