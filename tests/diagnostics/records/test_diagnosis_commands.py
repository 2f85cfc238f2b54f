"""The commands `harness analyze` and `harness compare` over strange folders."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from answer_checks import ROOT
from example_runs import own, put


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "harness", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("what", ["nothing", "pipe", "several\nlines [red]"])
@pytest.mark.slow
def test_the_command_says_one_line_and_exits_with_2(tmp_path, what):
    folder = tmp_path / what
    if what != "nothing":
        folder.mkdir()
    if what not in ("nothing", "pipe"):
        put(folder, own() | {"comparison_metrics.json": b"{"})
    if what == "pipe":
        os.mkfifo(folder / "run_metadata.json")
    status, out, err = command("compare", folder, folder) if what == "pipe" else command("analyze", folder)
    assert (status, out) == (2, "")
    assert err.endswith("\n")
    assert len(err.splitlines()) == 1
    assert what.split("\n")[0] in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_the_command_shows_hostile_words_as_they_are(tmp_path):
    files = own()
    files["error.json"]["components"] = ["[red]loss[/red]\n\x1b[31m\ud800"]
    folder = put(tmp_path / "[bold]run", files)
    status, out, err = command("analyze", folder, "--explain", "--out", tmp_path / "out")
    assert (status, err) == (1, "")
    assert "[red]loss[/red]" in out
    assert "\x1b" not in out
    assert (tmp_path / "out" / "diagnosis.json").is_file()
