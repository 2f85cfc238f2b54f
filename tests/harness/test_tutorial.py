"""The tutorial tells the truth: its files work, its commands exit as it says, and print what it shows."""

from __future__ import annotations

import pytest
import walkthrough
from heat_repository import ROOT, new_repository, play

from harness.core.project import tomllib


@pytest.mark.slow
def test_every_file_command_and_output_of_the_tutorial(tmp_path):
    play(new_repository(tmp_path))


def test_the_distribution_that_it_installs_is_this_one():
    commands = [s for s in walkthrough.steps(walkthrough.TUTORIAL.read_text()) if isinstance(s, walkthrough.Commands)]
    (line,) = [line for step in commands for line, _ in step.lines if line.startswith("python -m pip")]
    name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    assert line == f"python -m pip install ../{name}"


@pytest.mark.parametrize("block", ["```python\nx\n```\n", "```text\nx\n```\n"])
def test_a_block_that_nothing_would_check_is_an_error(block):
    with pytest.raises(ValueError, match="without a title"):
        list(walkthrough.steps(block))
