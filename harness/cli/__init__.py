"""The command line: ``harness`` on any repository with an adapter."""

import gc
import sys

_FAULT = 3  # the exit status, as `harness.cli.process.endings` has it


def main() -> None:
    """Run the ``harness`` command; an installation that lacks something is no verdict, either."""
    gc.disable()  # what is imported stays, so that there is nothing to collect
    try:
        from harness.cli.app import main as run
    except Exception as error:
        print(f"error: the harness cannot be imported ({error!r}): install it again", file=sys.stderr)
        sys.exit(_FAULT)
    gc.freeze()  # nor to look through, later and at the end
    gc.enable()
    run()


__all__ = ["main"]
