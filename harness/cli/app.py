"""The ``harness`` command: verify a pipeline against its goldens, and decide what becomes golden.

Exit status: 0 everything is as accepted, 1 something is not, 2 usage or input error, 3 a fault of the harness itself.
"""

from __future__ import annotations

import os
import signal
import sys

import typer

from harness.cli import approval_commands, study_commands, verification_commands
from harness.cli.commands import migration
from harness.cli.process.endings import ending_of, final_status, terminate
from harness.cli.process.streams import standard_streams
from harness.run.source.places import libraries_first

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
    migration.import_goldens,
    approval_commands.recover,
    approval_commands.prune,
    approval_commands.merge,
    approval_commands.log,
    verification_commands.report,
    verification_commands.doctor,
    verification_commands.schema,
):
    app.command(command.__name__.removesuffix("_command").replace("_", "-"))(command)


def main() -> None:
    """Run the command; whatever ends it becomes one sentence and an exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, terminate)
    with standard_streams() as (out, _), libraries_first():
        status = ending_of(lambda: app(standalone_mode=False))  # returns what typer.Exit carried
        status = final_status(status, out)
    sys.exit(status)
