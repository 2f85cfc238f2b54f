"""The command ``watch``: verify whatever an edit touches, again and again, what is cheap first."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cli.console import print_json_line, show_line, show_rule
from harness.cli.options import JsonOption, ProfileOption, ScenariosArgument, WorkersOption
from harness.cli.process.watched import PAUSE_S, WatchedFiles, edits_between, shown
from harness.core import text
from harness.core.errors import HarnessError
from harness.host.project import open_project

if TYPE_CHECKING:
    from harness.cli.process.watched import FileStates

_START = "import sys; del sys.path[0]; from harness.cli import main; main()"  # the working folder stands in no way
_END_S = 10.0  # that a verification may take to end when it is asked to
_EDITED = -1  # instead of a status: an edit came first


def watch(
    scenarios: ScenariosArgument = None,
    profile: ProfileOption = "",
    workers: WorkersOption = None,
    json: JsonOption = False,
) -> None:
    """Verify again after each edit, what training decides last; ends at Ctrl-C."""
    project = open_project()
    files = WatchedFiles(project.root, project.state)
    options = [*(scenarios or []), *(["--profile", profile] if profile else [])]
    options += [] if workers is None else ["--workers", str(workers)]
    changed: list[str] = []
    while True:
        before = files.state()
        for tier in _tiers():
            started = time.monotonic()
            status = _verify([*options, *tier], files, before, quiet=json)
            if json:
                about = {"edited": changed, "training": not tier, "status": None if status == _EDITED else status}
                print_json_line({**about, "seconds": round(time.monotonic() - started, 3)})
            if status != 0:
                break  # what is dearer says no more, and comes when this is right
        after = files.state()
        written = edits_between(before, after)
        if (restless := files.note_run(written)) and not json:
            show_line(f"{text.joined(list(shown(restless)))} changed while it ran, twice: not watched any more")
        if not (changed := [name for name in written if name not in files.restless]):
            if not json:
                show_line(f"watching {text.count(len(before), 'file')}: edit one, or end with Ctrl-C")
            # Against what was looked at just now: an edit made in between counts.
            changed = files.next_edit({name: was for name, was in after.items() if name not in files.restless})
        if not json:
            show_rule(f"edited: {text.joined(list(shown(changed)))}")


def _tiers() -> list[list[str]]:
    """The options of one verification after the other: without what training decides first, where there is any."""
    try:
        trained = any(stage.tier == "statistical" for stage in open_project().pipeline.stages)
    except HarnessError:
        trained = False  # the verification says what is wrong
    return [["--no-training"], []] if trained else [[]]


def _verify(options: Sequence[str], files: WatchedFiles, before: FileStates, quiet: bool) -> int:
    """Run one verification in a process of its own, which an edit ends; gives its status, or _EDITED."""
    command = [sys.executable, "-c", _START, "verify", *options]
    output = subprocess.DEVNULL if quiet else None
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, start_new_session=True)
    try:
        while child.poll() is None:
            time.sleep(PAUSE_S)
            if edits_between(before, files.state()):
                return _EDITED
        return child.returncode
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a verification as SIGTERM does, so that it clears up after itself; and all that it started in any case."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_END_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
