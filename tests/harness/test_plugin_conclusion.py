"""The end of a session under pytest: where to look first and the report, as ``harness verify`` says it; the marker."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from checked_repository import MODULE, bare_repository, make_accepted
from heat_repository import Repository

from harness.core.reports import read_report

LINE = ("heat.py", "np.log(heights), 1)[0]", "np.log(heights), 1, w=heights)[0]")
FIT = ("heat.py", "np.exp(-np.exp(guess) * speed[some])", "np.exp(-1.05 * np.exp(guess) * speed[some])")
WORKERS = pytest.mark.parametrize("workers", ["", "-n 2", "-n 2 --dist loadgroup"])
PAGE = ".harness/report/pytest/report.html"


def headlines(out: str) -> set[str]:
    return set(re.findall(r"Look at [^\n]+", out))


@WORKERS
def test_a_session_says_where_to_look_as_a_verification_does(inner, workers):
    inner.repository.edit(*LINE)
    out = inner.run(f"-q {workers}", 1)
    verified = inner.repository.harness("verify", 1).stdout
    assert headlines(out) == headlines(verified)
    assert len(headlines(out)) >= 1
    for scenario in ("smooth", "sharp"):
        assert re.search(rf"^{scenario}: Look at ", out, re.MULTILINE)
    assert f"report: {inner.root / PAGE}" in out
    report = read_report((inner.root / PAGE).with_suffix(".json"))
    whole = read_report(inner.root / ".harness/report/report.json")
    assert {s.scenario: s.diagnosis for s in report.scenarios} == {s.scenario: s.diagnosis for s in whole.scenarios}
    assert not report.passed


def test_a_session_in_which_all_is_as_accepted_says_nothing_and_leaves_no_old_report(inner):
    inner.repository.edit(*LINE)
    inner.run("-q", 1)
    assert (inner.root / PAGE).is_file()
    inner.repository.edit(LINE[0], LINE[2], LINE[1])
    out = inner.run("-q")
    assert "Look at" not in out
    assert "report:" not in out
    assert not (inner.root / PAGE).exists()


def test_a_chosen_test_says_where_the_fault_began_before_it(inner):
    inner.repository.edit("heat.py", *FIT[1:])
    out = inner.run("-q -k comparison", 1)
    stages = {line.split(":")[0] for line in headlines(out)}
    assert stages == {"Look at fit first"}  # the test of another stage failed, and what ran before it was looked at
    assert stages == {line.split(":")[0] for line in headlines(inner.repository.harness("verify", 1).stdout)}
    assert "This session looked at" in out
    assert "artifacts: `harness verify` at all" in out


def test_values_that_tests_check_have_a_report_too_and_none_in_ci(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    make_accepted(repository)
    shutil.rmtree(repository.root / ".harness")
    repository.edit("tests/test_spectrum.py", "SCALE = 1.0", "SCALE = 0.5")
    told = repository.expect("pytest -q", 1, CI="1").stdout
    assert f"{MODULE}: Not as accepted: test_sizes-3, test_sizes-4 and test_spectrum" in told
    assert "report:" not in told
    assert not (repository.root / ".harness").exists()
    told = repository.expect("pytest -q", 1).stdout
    assert f"report: {repository.root / PAGE}" in told
    assert [s.scenario for s in read_report((repository.root / PAGE).with_suffix(".json")).scenarios] == [MODULE]
    assert repository.shell("git status --porcelain -uall").stdout.split() == ["M", "tests/test_spectrum.py"]


def test_a_report_that_cannot_be_written_is_said_and_changes_no_status(inner):
    inner.repository.edit(*LINE)
    shutil.rmtree(inner.root / ".harness/report", ignore_errors=True)
    (inner.root / ".harness/report").write_text("no folder")
    out = inner.run("-q", 1)
    assert "the report of this session cannot be written" in out
    assert "INTERNALERROR" not in out


# pytest -m integration

OTHERS = "\n\ndef test_other():\n    pass\n\n\ndef test_own(check):\n    check(1.0, rtol=1e-6)\n"


def add_tests(repository: Repository, text: str) -> None:
    (path,) = list(repository.root.rglob("test_*.py"))[:1]
    path.write_text(path.read_text() + text)


def test_the_marker_selects_what_runs_stages_and_is_known(inner):
    assert "integration" not in (inner.root / "pyproject.toml").read_text()
    before = inner.outcomes("--strict-markers -m integration")
    assert len(before) == 31
    assert set(before.values()) == {"PASSED"}
    add_tests(inner.repository, OTHERS)
    assert inner.outcomes("--strict-markers -m integration") == before
    assert "@pytest.mark.integration" in inner.run("--markers")
    rest = inner.outcomes("-m 'not integration' --collect-only -q", 0)
    assert rest == {}
    listed = inner.run("-m 'not integration' --collect-only -q")
    assert "test_other" in listed
    assert "test_own" in listed
    assert "[smooth" not in listed


def test_a_repository_that_knows_the_marker_keeps_its_own_words(inner):
    path = inner.root / "pyproject.toml"
    path.write_text(path.read_text() + '\n[tool.pytest.ini_options]\nmarkers = ["integration: ours, slow"]\n')
    out = inner.run("--markers")
    assert out.count("@pytest.mark.integration") == 1
    assert "ours, slow" in out


def test_a_repository_whose_tests_only_check_values_has_no_such_marker(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    assert "mark.integration" not in repository.expect("pytest --markers").stdout
    repository.expect("pytest -q -m integration", 5)


def test_candidates_and_json_of_the_session_are_whole(inner):
    """What crosses processes is a report like any other."""
    inner.repository.edit(*LINE)
    inner.run("-q -n 2", 1)
    value = json.loads((inner.root / PAGE).with_suffix(".json").read_text())
    assert value["subject"]
    assert value["environment"]["python"]
