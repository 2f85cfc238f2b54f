"""Several environments' reports as one: cells, findings, pages, and the command."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.core.errors import HarnessError
from harness.core.reports import dump_report
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status, Verdict
from harness.judge.schema import Schema
from harness.study.matrix import Cell, matrix_to_json
from harness.study.matrix_collection import collect_matrix, read_matrix_reports
from harness.study.matrix_page import environment_state, matrix_html, matrix_markdown
from harness.verify.suite import open_cache, verification_subject, verify_suite

SCHEMA = Path(__file__).parents[3] / "schemas/harness/matrix.schema.json"
VERSIONS = {
    "old": {"python": "3.11.7", "keras": "3.3.3", "tensorflow": "2.16.2"},
    "crossed": {"python": "3.10.1", "keras": "3.8.0", "tensorflow": "2.16.2"},
    "new": {"python": "3.11.7", "keras": "3.8.0", "tensorflow": "2.18.1"},
}


def verdict(path, used=0.1, tier="pinned", **more):
    failed = used is not None and used > 1
    return Verdict(path, Status.FAIL if failed else Status.PASS, tier, used=used, **more)


def report(name, *verdicts, scenario="rod", seconds=1.0, **more):
    artifact = ArtifactReport("pinned", "pinned", "replay", verdicts, **more)
    held = (Verdict("finite", Status.PASS, "invariant"),)
    return Report(
        "heat",
        "cpu",
        VERSIONS[name],
        "2026-01-01T00:00:00",
        seconds,
        (ScenarioReport(scenario, "cpu", "A rod", (artifact,), held),),
    )


def collect(reports, **more):
    return collect_matrix({name: [r] if isinstance(r, Report) else r for name, r in reports.items()}, dict, **more)


def healthy(**changed):
    return {name: report(name, verdict("loss", 0.2), verdict("shape", None, "exact")) for name in VERSIONS} | changed


def test_a_cell_holds_the_value_that_used_most_of_its_tolerance():
    matrix = collect({"old": report("old", verdict("a", 0.2), verdict("b", 0.4), verdict("c", 0.3))})
    cell = matrix.cells["old", "rod", "pinned"]
    assert cell == Cell(3, 0, 0.4, "rod/replay/pinned/b")
    assert matrix.cells["old", "rod", "invariant"].compared == 1
    assert matrix.passed
    assert matrix.tiers == ("pinned", "invariant")


def test_a_failing_value_comes_before_one_that_used_much():
    matrix = collect({"old": report("old", verdict("a", 0.9), Verdict("b", Status.MISSING, "pinned"))})
    assert matrix.cells["old", "rod", "pinned"] == Cell(2, 1, None, "rod/replay/pinned/b")


@pytest.mark.parametrize(
    ("failing", "axis", "sentence"),
    [
        (("old", "crossed"), "tensorflow", "tensorflow: wrong under 2.16.2, right under 2.18.1"),
        (("old",), "keras", "keras: wrong under 3.3.3, right under 3.8.0"),
        (("crossed",), "python", "python: wrong under 3.10.1, right under 3.11.7"),
    ],
)
def test_a_failure_is_attributed_to_what_it_moves_with(failing, axis, sentence):
    bad = {name: report(name, verdict("loss", 7.0), verdict("shape", None, "exact")) for name in failing}
    matrix = collect(healthy(**bad))
    (finding,) = matrix.findings
    assert (finding.movement.axes, finding.movement.sentence) == ((axis,), sentence)
    assert finding.environments == tuple(n for n in VERSIONS if n in failing)
    assert (finding.values, finding.first, finding.used) == (1, "rod/replay/pinned/loss", 7.0)
    assert not matrix.passed
    assert matrix.headline == f"{len(failing)} of 3 environments failed"


def test_a_value_that_is_nearly_out_is_no_evidence_that_its_environment_is_right():
    shares = {"old": 3.0, "crossed": 0.9, "new": 0.1}
    matrix = collect({name: report(name, verdict("loss", used)) for name, used in shares.items()})
    # Keras 3.8.0 is right in one environment and unsure in the other.
    assert set(matrix.findings[0].movement.axes) == {"tensorflow", "keras"}
    shares["crossed"] = 0.2
    matrix = collect({name: report(name, verdict("loss", used)) for name, used in shares.items()})
    assert matrix.findings[0].movement.axes == ("keras",)


def test_where_every_other_environment_is_nearly_out_nothing_is_blamed():
    shares = {"old": 3.0, "crossed": 2.0, "new": 0.9}
    matrix = collect({name: report(name, verdict("loss", used)) for name, used in shares.items()})
    assert matrix.findings[0].movement.kind == "unexplained"
    assert "new passed with little of the tolerance left" in matrix.findings[0].movement.sentence


@pytest.mark.parametrize("status", [Status.UNEXPECTED, Status.FAIL])
def test_what_is_there_only_where_it_is_wrong_is_right_elsewhere(status):
    """A weight that one environment trains, a list that has another length: the others have no such address."""
    odd = Verdict("gradient_norms/23_log_scale", status, "pinned")
    bad = {name: report(name, verdict("loss"), verdict("shape", None, "exact"), odd) for name in ("crossed", "new")}
    (finding,) = collect(healthy(**bad)).findings
    assert finding.movement.sentence == "keras: wrong under 3.8.0, right under 3.3.3"


def test_findings_come_by_what_they_move_with_and_the_largest_first():
    many = [verdict(f"losses/{i}", 2.0 + i) for i in range(5)]
    fine = [verdict(f"losses/{i}") for i in range(5)]
    matrix = collect(
        {
            "old": report("old", *many, verdict("odd")),
            "crossed": report("crossed", *many, verdict("odd", 9.0)),
            "new": report("new", *fine, verdict("odd")),
        }
    )
    assert [(f.movement.axes, f.values, f.used) for f in matrix.findings] == [
        (("tensorflow",), 5, 6.0),
        (("python",), 1, 9.0),
    ]


def test_what_fails_everywhere_is_our_own_code():
    matrix = collect({name: report(name, verdict("loss", 7.0)) for name in VERSIONS})
    assert matrix.findings[0].movement.kind == "everywhere"


def test_a_stage_that_raised_is_a_failure_of_its_environment():
    matrix = collect(healthy(old=report("old", error="ValueError: no such op")))
    assert matrix.failed("old")
    assert matrix.findings[0].first == "rod/replay/pinned"
    assert matrix.findings[0].movement.axes == ("keras",)  # the stage gave something to compare elsewhere
    both = {name: report(name, error="ValueError: no such op") for name in ("old", "crossed")}
    assert collect(healthy(**both)).findings[0].movement.axes == ("tensorflow",)
    every = {name: report(name, error="ValueError: no such op") for name in VERSIONS}
    assert collect(every).findings[0].movement.kind == "everywhere"


def test_reports_of_one_environment_are_joined_if_they_are_of_one():
    whole = report("old", verdict("quality", 0.5, "statistical"), scenario="plate", seconds=2.0)
    matrix = collect({"old": [report("old", verdict("loss")), whole]})
    assert (matrix.scenarios, matrix.environments[0].seconds) == (("rod", "plate"), 3.0)
    with pytest.raises(HarnessError, match="two reports of old were made with different keras"):
        collect({"old": [whole, report("new", verdict("loss"))]})


def test_what_is_expected_and_what_may_fail():
    bad = healthy(new=report("new", verdict("loss", 2.0), verdict("shape", None, "exact")))
    assert not collect(bad).passed
    assert collect(bad, may_fail=["new"]).passed
    missing = collect(healthy(), expected=["new", "newest", "old"])
    assert [e.name for e in missing.environments] == ["new", "old", "crossed"]
    assert (missing.missing, missing.passed) == (("newest",), False)
    assert missing.headline == "3 of 4 environments passed; 1 left no report"
    assert collect(healthy(), expected=["newest"], may_fail=["newest"]).passed


def test_a_report_of_other_source_or_goldens_counts_as_none():
    def at(name, day, subject):
        return replace(report(name, verdict("loss", 7.0)), started=f"2026-01-{day:02d}T00:00:00", subject=subject)

    reports = {"old": at("old", 1, "then"), "crossed": at("crossed", 3, "now"), "new": at("new", 2, "now")}
    matrix = collect(reports, expected=["old"])
    assert (matrix.stale, [e.name for e in matrix.environments]) == (("old",), ["crossed", "new"])
    assert matrix.findings[0].environments == ("crossed", "new")
    assert matrix.headline == "2 of 2 environments failed; 1 left an old report"
    assert matrix.remarks[0] == "old left a report of other source or goldens: run it again"
    healed = {
        name: replace(report(name, verdict("loss")), started=r.started, subject=r.subject)
        for name, r in reports.items()
    }
    assert not collect(healed).passed
    assert collect(healed, may_fail=["old"]).passed
    joined = collect({"old": [healed["old"], healed["new"]], "new": healed["new"]})
    assert joined.stale == ("old",)  # whichever of its reports is the old one
    edited = collect(healed, subject="edited since")
    assert (edited.passed, edited.headline) == (False, "0 of 3 environments passed; 3 left an old report")


@pytest.mark.parametrize("other", [{"project": "rods"}, {"profile": "smoke"}])
def test_reports_that_do_not_go_together_are_refused(other):
    odd = replace(report("old", verdict("loss"), scenario="plate"), **other)
    message = f"a report of old is of {odd.project} at profile {odd.profile}, and the newest of heat at cpu: collect"
    with pytest.raises(HarnessError, match=message):
        collect(healthy(old=[replace(healthy()["old"], started="2026-01-02T00:00:00"), odd]))


def test_an_environment_without_what_the_axes_need_is_refused():
    bare = replace(report("old", verdict("loss")), environment={})
    with pytest.raises(HarnessError, match=r"a report of old lacks .+'keras'.+: verify there again"):
        collect_matrix({"old": [bare]}, lambda environment: {"Keras": environment["keras"]})


def test_an_expected_environment_that_compared_less_has_failed():
    short = healthy(new=report("new", verdict("loss", 0.2)))
    assert collect(short).passed
    matrix = collect(short, expected=VERSIONS)
    assert matrix.remarks == ("new: nothing was compared of rod (exact)",)
    assert matrix.failed("new")
    assert collect(short, expected=VERSIONS, may_fail=["new"]).passed
    none = replace(report("new"), scenarios=(ScenarioReport("rod", "cpu", "A rod", skipped="no data"),))
    assert collect(healthy(new=none)).remarks == ("new: nothing was compared",)


def test_a_problem_of_the_store_fails_its_environment():
    matrix = collect(healthy(old=replace(report("old", verdict("loss")), problems=("an orphan",))))
    assert matrix.failed("old")
    assert not matrix.passed


def test_json_meets_its_schema_whatever_was_used():
    bad = report("old", verdict("loss", math.inf), verdict("shape", None, "exact"))
    document = matrix_to_json(collect(healthy(old=bad), expected=["gone"], may_fail=["new"]))
    assert Schema(json.loads(SCHEMA.read_text()), SCHEMA).problems(document) == []
    json.dumps(document, allow_nan=False)
    assert document["findings"][0]["used"] is None


def test_the_pages_show_every_cell_and_what_failures_move_with():
    bad = report("old", verdict("loss", 7.0), verdict("shape", None, "exact"))
    matrix = collect(healthy(old=bad), expected=["gone"])
    page, comment = matrix_html(matrix), matrix_markdown(matrix)
    for words in (page, comment):
        assert "1 of 3 environments failed; 1 left no report" in words
        assert "wrong under 3.3.3, right under 3.8.0" in words
        assert "1 fail, 7×" in words
        assert words.count("20 %") == 2
        assert words.count("equal") >= 3
        assert all(version in words for version in ("2.16.2", "2.18.1"))
        assert "gone" in words
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert environment_state(matrix, "old") == "failed"
    assert environment_state(collect(healthy(old=bad), may_fail=["old"]), "old") == "failed, which it may"


def test_names_from_a_report_are_text_in_the_page():
    matrix = collect({"old": report("old", verdict("<b>&|", 7.0), scenario="<img src=x>")})
    assert "<img src=x>" not in matrix_html(matrix)
    assert "<img" not in matrix_markdown(matrix).replace("`<img", "")  # but as code


def save(folder, reports):
    for name, saved in reports.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "report.json").write_bytes(dump_report(saved))


def test_the_command_writes_three_files_and_exits_with_the_verdict(heat, tmp_path):
    save(tmp_path / "m", healthy())
    done = CliRunner().invoke(app, ["matrix", str(tmp_path / "m"), "--expect", "old"])
    assert done.exit_code == 0, done.output
    assert "Every environment agrees" in done.output
    assert json.loads((tmp_path / "m/matrix.json").read_text())["passed"] is True
    assert {p.name for p in (tmp_path / "m").iterdir()} == {*VERSIONS, "matrix.json", "matrix.md", "matrix.html"}
    gone = CliRunner().invoke(app, ["matrix", str(tmp_path / "m"), "--expect", "gone", "--out", str(tmp_path / "o")])
    assert gone.exit_code == 1
    assert "gone left no report" in gone.output
    assert CliRunner().invoke(app, ["matrix", str(tmp_path / "m"), "--may-fail", "gone"]).exit_code == 0


def test_in_the_project_s_own_folder_reports_must_be_of_what_is_there_now(heat):
    with open_cache(heat.project()) as cache:
        now = verify_suite(heat.project(), cache, names=["smooth"]).report
    save(heat.project().state / "matrix", {"here": now})
    assert CliRunner().invoke(app, ["matrix"]).exit_code == 0
    heat.edit("heat.py", "    dx = 1 / (temperature.size - 1)\n", "    dx = 1.0 / (temperature.size - 1)\n")
    done = CliRunner().invoke(app, ["matrix"])
    assert (done.exit_code, "0 of 1 environments passed; 1 left an old report" in done.output) == (1, True)
    assert CliRunner().invoke(app, ["matrix", str(heat.project().state / "matrix")]).exit_code == 0


def test_the_command_of_the_how_to(heat):
    page = Path(__file__).parents[3] / "docs/how-to/matrix.md"
    (line,) = re.findall(r"^harness (matrix --.+)$", page.read_text(encoding="utf-8"), re.M)
    now = {"subject": verification_subject(heat.project())}
    reports = {"keras2": replace(healthy()["old"], **now), "jax": replace(healthy()["new"], **now)}
    save(heat.project().state / "matrix", reports)
    done = CliRunner().invoke(app, line.split())
    assert (done.exit_code, "jax" in done.output) == (0, True)
    assert "newest left no report, which it may" in done.output


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("nowhere", "is no folder of reports"),
        ("empty", "holds no ENVIRONMENT/report.json"),
        ("bad", "is not strict JSON"),
    ],
)
def test_a_folder_without_reports_is_refused(heat, tmp_path, folder, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad/old").mkdir(parents=True)
    (tmp_path / "bad/old/report.json").write_text("{")
    with pytest.raises(HarnessError, match=message):
        read_matrix_reports(tmp_path / folder)
