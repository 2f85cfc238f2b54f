"""Analyze and compare from the outside: any pipeline may answer, and every answer is shown and kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness.judge.schema import Schema

SCHEMAS = Path(__file__).parents[3] / "schemas/harness"

HOOKS = """
from harness import ProjectError


class ColdError(Exception):
    pass


TABLE = {"title": "Heat", "columns": ["What", "Value"], "rows": [["hot", 1.5], ["cold", None], ["a|b", "[red]"]]}
ANALYSIS = {"name": "warmth", "title": "Warmth", "figures": {"hot": 1.5}, "tables": [TABLE], "notes": ["it is warm"]}


def analyze(paths):
    if not paths[0].exists():
        raise ColdError(f"{paths[0]} is cold: heat it")
    if paths[0].name == "broken":
        raise KeyError("rod")
    level = paths[0].name
    finding = {"cause": "too_hot", "level": level, "statement": "The rod [melts].", "evidence": ["1811 K"],
               "remedy": "Cool it.", "weight": 1.0}
    asked = [{"id": "H-HOT", "statement": "It is hot.", "status": "confirmed", "evidence": "1811 K"},
             {"id": "H-COLD", "statement": "It is cold.", "status": "untestable here", "evidence": "needs ice"}]
    runs = [{"name": p.name, "layout": "heat", "missing": ["ice.json is missing"],
             "verdict": "Most probable cause: heat.", "findings": [finding], "hypotheses": asked,
             "analyses": [ANALYSIS]} for p in paths]
    return {"version": 1, "runs": runs, "together": []}


def contrast(a, b):
    pictures = [{"title": "rod", "a": str(a / "rod.png"), "b": None}]
    return {"version": 1, "a": a.name, "b": b.name, "missing": {"a": [], "b": ["ice.json is missing"]},
            "verdict": "B is hotter.", "analyses": [ANALYSIS], "pictures": pictures}
"""


@pytest.fixture
def answering(heat):
    """The tutorial's pipeline with an adapter that answers."""
    heat.monkeypatch.delitem(sys.modules, "hooks", raising=False)  # an earlier test's
    (heat.root / "hooks.py").write_text(HOOKS)
    heat.edit(
        "guard.py",
        "    reseed=reseed,\n",
        '    reseed=reseed,\n    analyze="hooks:analyze",\n'
        '    contrast="hooks:contrast",\n    errors=("hooks:ColdError",),\n',
    )
    for name in ("fault", "warning", "info", "broken"):
        (heat.root / name).mkdir()
    return heat


def problems(name, document):
    path = SCHEMAS / f"{name}.schema.json"
    return Schema(json.loads(path.read_text()), path).problems(document)


@pytest.mark.parametrize(("level", "status"), [("fault", 1), ("warning", 1), ("info", 0)])
def test_the_exit_status_says_whether_anything_is_wrong(answering, capsys, level, status):
    assert problems("diagnosis", answering.json(capsys, f"analyze {level}", status)) == []


def test_findings_are_listed_and_brackets_kept(answering, capsys):
    out, _ = answering.cli(capsys, "analyze fault", 1)
    assert "Most probable cause: heat." in out
    assert "The rod [melts]." in out
    assert "ice.json is missing" in out


def test_explain_reads_like_a_report(answering, capsys):
    out, _ = answering.cli(capsys, "analyze fault --explain", 1)
    order = [
        "Most probable cause",
        "The rod",
        "1811 K",
        "Next: Cool it.",
        "H-HOT",
        "confirmed",
        "H-COLD: needs ice",
        "ice.json",
    ]
    places = [out.index(word) for word in order]
    assert places == sorted(places)


def test_every_analysis_is_kept_as_files(answering, capsys):
    answering.cli(capsys, "analyze fault --out kept", 1)
    kept = answering.root / "kept"
    assert {p.name for p in kept.iterdir()} == {"diagnosis.json", "diagnosis.md", "warmth.json", "warmth.md"}
    assert json.loads((kept / "warmth.json").read_text()) == {"hot": 1.5}
    assert (kept / "warmth.md").read_text() == (
        "# Warmth\n\n## Heat\n\n| What | Value |\n| --- | --- |\n| hot | 1.5 |\n| cold | n/a |\n| a\\|b | [red] |\n"
        "\n- it is warm\n"
    )


def test_several_runs_have_a_folder_each(answering, capsys):
    answering.cli(capsys, "analyze fault info --out kept", 1)
    assert (answering.root / "kept/fault/warmth.json").is_file()
    assert (answering.root / "kept/info/warmth.md").is_file()


def test_runs_of_one_name_do_not_overwrite_one_another(answering, capsys):
    (answering.root / "other/info").mkdir(parents=True)
    answering.cli(capsys, "analyze info other/info --out kept")
    assert {p.name for p in (answering.root / "kept").iterdir() if p.is_dir()} == {"info", "info-2"}


def test_two_runs_are_shown_side_by_side(answering, capsys):
    png = b"\x89PNG\r\n\x1a\n" + b"pixels"
    (answering.root / "fault/rod.png").write_bytes(png)
    out, _ = answering.cli(capsys, "compare fault info --out kept")
    assert "B is hotter." in out
    page = (answering.root / "kept/comparison.html").read_text()
    assert page.count("data:image/png;base64") == 1
    assert "not there" in page
    assert "[red]" in page
    assert problems("comparison", json.loads((answering.root / "kept/comparison.json").read_text())) == []


def test_what_is_no_picture_is_not_shown(answering, capsys):
    (answering.root / "fault/rod.png").write_text("<script>")
    answering.cli(capsys, "compare fault info --out kept")
    assert "base64" not in (answering.root / "kept/comparison.html").read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("analyze nowhere", "nowhere is cold: heat it"),
        ("analyze broken", "broken: the adapter's analyze raised KeyError: 'rod'"),
        ("compare nowhere", "Missing argument 'b'"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(answering, capsys, line, message):
    _, err = answering.cli(capsys, line, 2)
    assert message in err
    assert err.count("\n") == 1


def test_a_pipeline_that_cannot_say_says_so(heat, capsys):
    _, err = heat.cli(capsys, "analyze somewhere", 2)
    assert "pipeline 'heat' cannot say this: give its adapter `analyze`" in err


def test_the_report_of_a_verification_shows_the_diagnosis(answering, capsys):
    explain = """

def explain(scenario, artifacts):
    diagnosis = analyze([__import__("pathlib").Path("fault")])["runs"][0]
    return {**diagnosis, "name": scenario.name, "verdict": f"{len(artifacts)} artifacts were seen."}
"""
    with (answering.root / "hooks.py").open("a") as file:
        file.write(explain)
    answering.edit(
        "guard.py", '    analyze="hooks:analyze",\n', '    analyze="hooks:analyze",\n    explain="hooks:explain",\n'
    )
    out, _ = answering.cli(capsys, "verify smooth")  # findings inform, goldens and invariants judge
    assert "6 artifacts were seen." in out
    page = (answering.root / ".harness/report/report.html").read_text()
    assert "6 artifacts were seen." in page
    assert "The rod [melts]." in page
    report = json.loads((answering.root / ".harness/report/report.json").read_text())
    assert problems("report", report) == []
    assert report["scenarios"][0]["analysis"]["findings"][0]["cause"] == "too_hot"
