"""``harness --version`` tells the version of the code that runs, whatever else is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import harness


@pytest.mark.slow
@pytest.mark.parametrize("line", ["--version", "--version verify"])
def test_the_command_says_it_anywhere(line, tmp_path):
    """Outside of any repository, and before a command that would need one."""
    command = [sys.executable, "-m", "harness", *line.split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"harness {harness.__version__}\n"
    assert done.stderr == ""
