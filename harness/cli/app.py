"""The ``harness`` command: verify a pipeline against its goldens, and decide what becomes golden.

Exit status: 0 everything is as accepted, 1 something is not, 2 usage or input error, 3 a fault of the harness itself.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from harness import __version__
from harness.cli.commands import (
    approval,
    bisect,
    history,
    migration,
    remote,
    review,
    setup,
    study,
    verification,
    watch,
)
from harness.cli.commands.measuring import proving
from harness.cli.console import show_line
from harness.cli.process.endings import ending_of, final_status, terminate
from harness.cli.process.streams import standard_streams
from harness.run.source.places import libraries_first

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
for command in (  # in the order in which ``harness --help`` lists them
    setup.init,
    study.analyze,
    study.compare,
    study.ab,
    study.matrix,
    proving.prove,
    study.power,
    verification.list_command,
    verification.run,
    verification.verify,
    watch.watch,
    approval.calibrate,
    approval.diff,
    approval.pending,
    review.review,
    approval.accept,
    approval.reject,
    migration.import_goldens,
    migration.import_command,
    approval.recover,
    approval.prune,
    approval.merge,
    approval.log,
    remote.push,
    remote.pull,
    remote.gc,
    history.history,
    bisect.bisect,
    verification.report,
    verification.doctor,
    verification.schema,
):
    app.command(command.__name__.removesuffix("_command").replace("_", "-"))(command)


def _say_version(asked: bool) -> None:
    if asked:
        show_line(f"harness {__version__}")
        raise typer.Exit


_Version = Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which it is.")]


@app.callback(help=__doc__)
def before_any_command(version: _Version = False) -> None:
    """What may stand before a command; asking for the version ends it."""


def main() -> None:
    """Run the command; whatever ends it becomes one sentence and an exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    signal.signal(signal.SIGTERM, terminate)
    with standard_streams() as (out, _), libraries_first():
        status = ending_of(lambda: app(standalone_mode=False))  # returns what typer.Exit carried
        status = final_status(status, out)
    sys.exit(status)
