"""A command that is forked from a prepared process is the one that a user starts: same status, same words."""

from __future__ import annotations

import re

import pytest

LINES = [
    ("harness list", {}),
    ("harness list --json | head -c 100", {}),
    ("harness nonsense", {}),
    ("harness diff nothing", {"CI": "true"}),
    ("harness list >&-", {}),
    ("harness list >/dev/full", {}),
    ("ulimit -n 200; harness list > out.txt; cat out.txt", {}),
    ("cd goldens && harness pending", {}),
    ("harness --help", {"COLUMNS": "60"}),
    ("harness list", {"PYTHONIOENCODING": "ascii"}),
    ("pytest --collect-only -q", {}),
    ("pytest -q -k nothing", {"COLUMNS": "60"}),
    ("pytest -q --no-such-option", {}),
]


@pytest.mark.parametrize(("line", "variables"), LINES)
def test_it_ends_and_says_the_same(line, variables, accepted, tmp_path):
    repository = accepted.copy(tmp_path / "heat")
    prepared, real = (repository.shell(line, **variables, **more) for more in ({}, {"UNPREPARED": "yes"}))
    assert prepared.returncode == real.returncode
    words = [re.sub(r"in \d+\.\d+s", "in a while", done.stdout + done.stderr) for done in (prepared, real)]
    assert words[0] == words[1]
    assert words[0] or "goldens" in line


def test_a_command_that_is_killed_looks_killed(accepted, tmp_path):
    repository = accepted.copy(tmp_path / "heat")
    repository.edit("test_heat.py", "import numpy as np\n", "import os\n\nos.kill(os.getpid(), 9)\n")
    assert repository.shell("pytest -q").returncode == repository.shell("pytest -q", UNPREPARED="yes").returncode != 0
