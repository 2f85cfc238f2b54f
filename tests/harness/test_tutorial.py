"""The tutorial tells the truth: its files work, its commands exit as it says, and print what it shows."""

from __future__ import annotations

import re

import pytest
import walkthrough
from heat_repository import ROOT, Repository, follow, new_repository

from harness.core.project import tomllib


def test_every_file_command_and_output_of_the_tutorial(accepted, tmp_path):
    """Its first half is what ``accepted`` is made by, in the same way; here the second, by real starts."""
    text = walkthrough.TUTORIAL.read_text(encoding="utf-8")
    _, heading, rest = text.partition("\n## Break it\n")
    assert heading
    there = accepted.copy(tmp_path / "heat")
    follow(Repository(there.root, new_repository(tmp_path).environment), rest)


def test_two_branches_are_merged_as_the_how_to_says(accepted, tmp_path):
    """One branch accepted a rule; two accepted other weights of one line, so they differ in code and goldens."""
    repository = accepted.copy(tmp_path / "heat")
    line = "np.log(heights), 1)[0]"
    for branch, weights in (("weighted", "heights"), ("steeper", "heights**2")):
        repository.expect(f"git switch -q -c {branch} main")
        repository.edit("heat.py", line, line.replace("1)", f"1, w={weights})"))
        repository.commit(branch)
        repository.harness("verify", status=1)
        repository.harness(f"accept $(harness pending --ids) --bulk --reason 'Weights: {weights}'")
        repository.commit(f"Goldens of {branch}")
    repository.expect("git switch -q -c rules main")
    path = repository.root / "goldens" / "tolerances.toml"
    path.write_text(f"# Reviewed this year.\n{path.read_text()}")
    repository.harness("accept tolerances.toml --reason Reviewed")
    repository.commit("Rules")
    repository.expect("git switch -q weighted")
    page = (ROOT / "docs/how-to/refresh-goldens.md").read_text(encoding="utf-8")
    _, heading, section = page.partition("\n## Two branches that both accepted\n")
    assert heading
    follow(repository, section.partition("\n## ")[0])
    assert repository.harness("log").stderr == ""
    repository.harness("verify --approvals main")
    repository.harness("verify --approvals rules")


def test_a_test_checks_values_as_the_how_to_says(ready, tmp_path):
    page = (ROOT / "docs/how-to/check-any-test.md").read_text(encoding="utf-8")
    rules_left_out = re.sub(r"```toml\n.*?```\n", "", page, flags=re.DOTALL)  # they are there to choose from
    follow(new_repository(tmp_path, ready), rules_left_out)


def test_candidates_are_reviewed_as_the_how_to_says(accepted, tmp_path):
    page = (ROOT / "docs/how-to/review.md").read_text(encoding="utf-8")
    follow(accepted.copy(tmp_path / "repository"), page)


def test_the_distribution_that_it_installs_is_this_one():
    commands = [s for s in walkthrough.steps(walkthrough.TUTORIAL.read_text()) if isinstance(s, walkthrough.Commands)]
    (line,) = [line for step in commands for line, _ in step.lines if line.startswith("python -m pip")]
    name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    assert line == f"python -m pip install ../{name}"


@pytest.mark.parametrize("block", ["```python\nx\n```\n", "```text\nx\n```\n"])
def test_a_block_that_nothing_would_check_is_an_error(block):
    with pytest.raises(ValueError, match="without a title"):
        list(walkthrough.steps(block))
