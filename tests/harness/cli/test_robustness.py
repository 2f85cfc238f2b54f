"""Whatever a pipeline, a file or a user gives, a command ends in a verdict or one sentence, and prints nothing raw."""

from __future__ import annotations

import json
import shutil
import sys
from xml.etree import ElementTree as Xml

import pytest
from plant_repository import Plant, raw

HOSTILE = (
    r'"\x1b[31m[/b][link=http://x]\x00\x9b1m\u202e\udc80\u2066\n::error::bad\r\n##[error]x ##vso[task.complete]y'
    r'\x07 :smile: " + "much " * 10_000'
)
LARGE = HOSTILE.replace("10_000", "1_000_000")
COMMANDS = (
    "verify",
    "verify --traceback",
    "verify --json",
    "run small",
    "run small --traceback",
    "run small --json",
    "list",
    "list --json",
    "report",
    "report --json",
    "doctor",
    "doctor --json",
    "pending",
    "pending --json",
    "diff",
    "diff --json",
    "review small/cpu/made",
    "schema small made",
    "log",
    "prune",
    "reject small/cpu/made --reason x",
)


@pytest.fixture
def plant(tmp_path, monkeypatch):
    plant = Plant(tmp_path / "plant")
    monkeypatch.chdir(plant.root)
    monkeypatch.syspath_prepend(str(plant.root))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # of an edit within a second it would be the old one
    monkeypatch.delenv("CI", raising=False)
    yield plant
    sys.modules.pop("plant", None)


# Nothing raw


@pytest.mark.slow
@pytest.mark.parametrize(
    "pieces",
    [
        {"make": f"raise ValueError({LARGE})"},
        {"make": f"w = {LARGE}; return {{w[:300]: w, 'x': 1}}", "observe": "return Artifact(dict(output))"},
        {
            "scenarios": f"return {{'small': {HOSTILE}}}",
            "load": f"return Scenario(name, profile, {HOSTILE}, {{'n': 3}})",
        },
        {"load": f"return Scenario(name, profile, 't', {{}}, missing={HOSTILE})"},
        {"invariants": f"return [Invariant('a', 1.0, 2, None, {HOSTILE})]"},
        {"invariants": f"return [Invariant({HOSTILE}, 1.0, 2, None, '')]"},
        {
            "explain": f"w = {HOSTILE}; return {{'name': w, 'layout': w, 'verdict': w, 'missing': [w], 'findings': [{{"
            "'level': 'fault', 'cause': w, 'statement': w, 'evidence': [w], 'remedy': w}], 'hypotheses': [{'id': w, "
            "'status': w, 'statement': w, 'evidence': w}], 'analyses': []}"
        },
        {"make": f"progress(1, 2, {HOSTILE}); progress(1, 1, {HOSTILE}); return {{'total': 3.0}}"},
        {"scenarios": f"return {{{HOSTILE}: 'x'}}"},
        {"load": f"raise KeyError({HOSTILE})"},
        {"top": f"raise RuntimeError({HOSTILE})"},
        {"load": f"return Scenario(name, profile, 't', {{'n': 3, ({HOSTILE}).replace('\\udc80', ''): {{1}}}})"},
        {"load": f"return Scenario(name, profile, 't', {{'n': 3, 'x': ({HOSTILE}).replace('\\udc80', '')[:400]}})"},
    ],
    ids=lambda pieces: "-".join(pieces),
)
def test_no_command_and_no_report_has_anything_raw(plant, capfd, pieces):
    plant.write(**pieces)
    for line in COMMANDS:
        status, out, err = plant.cli(capfd, line)
        assert status in (0, 1, 2), (line, err)
        assert raw(out) == [], line
        assert raw(err) == [], line
        assert len(out) < 400_000, line
        assert len(err) < 10_000 or "--traceback" in line, line
        if "--json" in line and out:
            json.loads(out)
    for path in (plant.root / ".harness").glob("re*/*.*"):
        content = path.read_bytes()
        words = content.decode("utf-8")
        assert raw(words if path.suffix != ".html" else words.partition("</style>")[2]) == [], path
        assert len(content) < 400_000, path
        if path.suffix == ".xml":
            Xml.fromstring(content)
        if path.suffix == ".json":
            json.loads(content)


def test_only_the_console_prints():
    """Else words could reach a terminal that nobody cleaned."""
    from heat_repository import ROOT

    for path in sorted((ROOT / "harness").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        allowed = path.relative_to(ROOT / "harness").as_posix()
        if allowed not in ("cli/console.py", "cli/progress.py"):
            assert "from rich" not in source, path
        if allowed not in ("cli/console.py", "cli/__init__.py"):
            assert "\n    print(" not in source.replace("        print(", "    print("), path
            assert "sys.stdout.write" not in source, path


# Every end is a sentence and a status


GIVEN = ("return None", "return 3", "return [1]", "return {1: 2}", "return float('nan')", "return {'x': object()}")
RAISED = (
    "raise SystemExit(0)",
    "raise MemoryError",
    "raise StopIteration",
    "raise OSError(28, 'no space', 'f')",
    "raise BrokenPipeError(32, 'pipe')",
    "raise BaseException('b')",
    "return " + "(lambda f: f(f))(lambda f: f(f))",
)


@pytest.mark.parametrize("body", [*GIVEN, *RAISED])
@pytest.mark.parametrize("hook", ["scenarios", "load", "invariants", "explain"])
def test_whatever_a_hook_does_the_end_is_a_verdict_or_one_sentence(plant, capfd, hook, body):
    plant.write(**{hook: body})
    status, _, err = plant.cli(capfd, "verify")
    assert status in (1, 2)
    assert "Traceback" not in err
    errors = [line for line in err.splitlines() if not line.startswith("  ")]
    assert len(errors) == (status == 2), err
    if status == 2:
        assert errors[0].startswith("error: ")
        assert len(errors[0]) < 400


@pytest.mark.parametrize("command", ["verify", "list", "run small", "schema small made"])
@pytest.mark.parametrize("top", ["def (", "1 / 0", "import no_such_module", "sys.exit(0)", "raise BaseException"])
def test_an_adapter_that_cannot_be_imported_is_status_2_with_its_line(plant, capfd, command, top):
    plant.write(top=top)
    status, out, err = plant.cli(capfd, command)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {plant.root}/pyproject.toml: adapter = 'plant:pipeline' cannot be imported (")
    assert "(plant.py, line 4)" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{'n': float('nan')}", "setting 'n' is nan"),
        ("{'n': 3, 'deep': [{'x': -float('inf')}]}", "setting 'deep[0].x' is -inf"),
        ("{'n': 10**5000}", "setting 'n' is an integer of 16,610 bits"),
        ("{'n': {1, 2}}", "setting 'n' is a set"),
        ("{1: 2}", "has the key 1"),
        ("None", "has a NoneType for its configuration"),
    ],
)
def test_a_configuration_that_is_no_data_is_refused_with_scenario_and_key(plant, capfd, config, said):
    plant.write(load=f"return Scenario(name, profile, 't', {config})")
    for line in ("verify", "run small", "schema small made"):
        status, out, err = plant.cli(capfd, line)
        assert (status, out) == (2, "")
        assert err.startswith("error: scenario small at profile 'cpu'")
        assert said in err
        assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["[/b]", "../x", "a/b", "", "a b", "\\x1b[31m", "x" * 300])
def test_a_scenario_that_no_golden_can_be_filed_under_is_refused_at_once(plant, capfd, name):
    plant.write(scenarios=f"return {{'{name}': 't'}}")
    for line in ("list", "verify"):
        status, out, err = plant.cli(capfd, line)
        assert (status, out) == (2, "")
        assert "cannot name a scenario" in err
    status, out, _ = plant.cli(capfd, "doctor")
    assert status == 1
    assert "cannot name a scenario" in " ".join(out.split())
    assert not (plant.root / ".harness/pending").exists()


def test_titles_and_artifacts_with_markup_are_shown_as_they_are(plant, capfd):
    plant.write(scenarios="return {'small': 'a [bold]x[/bold] [/b] :smile:'}")
    assert "a [bold]x[/bold] [/b] :smile:" in plant.cli(capfd, "list")[1]


def test_a_fault_of_the_harness_is_status_3_and_keeps_its_traceback(plant, capfd, monkeypatch):
    def broken(*arguments, **more):
        return [][0]

    monkeypatch.setattr("harness.verify.suite.verify_suite", broken)
    status, out, err = plant.cli(capfd, "verify")
    assert (status, out) == (3, "")
    kept = plant.root / ".harness/traceback.txt"
    assert err.startswith("error: IndexError: list index out of range (")
    assert f"test_robustness.py, line {broken.__code__.co_firstlineno + 1}): a fault of the harness" in err
    assert err.endswith(f", and no verdict; please report it with {kept}\n")
    assert kept.read_text().startswith("Traceback (most recent call last):")
    assert "in broken" in kept.read_text()
    _, _, err = plant.cli(capfd, "verify --traceback")
    assert "  | Traceback (most recent call last):" in err
    assert raw(err) == []


def test_a_traceback_is_whole_under_its_option_and_in_the_report(plant, capfd):
    plant.write(make="def inner():\n        raise ValueError('deep')\n    inner()")
    _, out, _ = plant.cli(capfd, "verify")
    assert "ValueError: deep (plant.py, line 11)" in out
    assert "in inner" not in out
    for line in ("verify --traceback", "run small --traceback"):
        status, out, _ = plant.cli(capfd, line)
        assert status == 1
        assert out.count("  | Traceback (most recent call last):") >= 1
        assert "in inner" in out
    report = json.loads((plant.root / ".harness/report/report.json").read_bytes())
    details = [a["details"] for a in report["scenarios"][0]["artifacts"] if a.get("error")]
    assert all(d.startswith("Traceback") and "in inner" in d for d in details)
    assert "in inner" in json.loads(plant.cli(capfd, "run small --json")[1])[0]["details"]
    for name in ("report.html", "junit.xml"):
        assert "in inner" in (plant.root / ".harness/report" / name).read_text()


# What users give


@pytest.mark.parametrize(
    "line",
    [
        "verify --workers 0",
        "verify --workers many",
        "verify --profile ../x",
        "verify --profile [/b]",
        "verify --out afile",
        "verify --out afile/below",
        "verify --out /dev/full/x",
        "verify --out /dev/null",
        "verify nothing",
        "verify ../small",
        "verify --approvals nothing",
        "verify --nonsense",
        "run",
        "run nothing",
        "run small --until nothing",
        "run small extra",
        "nonsense",
        "report nowhere.json",
        "report goldens",
        "report afile",
        "report apipe",
        "report /dev/zero",
        "schema small nothing",
        "diff ../../etc/passwd",
        "review nothing",
        "review small/cpu/made --out afile",
        "accept nothing --reason x",
        "accept ../x --reason x",
        "reject nothing",
        "calibrate small --members 0",
        "analyze nowhere",
        "compare nowhere nowhere",
        "ab small --seeds 0",
        "ab small --confidence nan",
        "matrix afile",
        "log --nothing",
    ],
)
def test_nonsense_is_one_sentence_and_status_2_and_writes_nothing(plant, capfd, line):
    import os

    (plant.root / "afile").write_text("{")
    os.mkfifo(plant.root / "apipe")
    before = {path for path in plant.root.rglob("*") if ".harness" not in path.parts}
    status, out, err = plant.cli(capfd, line)
    assert (status, out) == (2, ""), err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert {path for path in plant.root.rglob("*") if ".harness" not in path.parts} == before
    assert not (plant.root / ".harness/report").exists()


@pytest.mark.parametrize("words", ["", "\x1b[31m", "a\nb", "a\0b"])
def test_a_folder_without_a_name_that_can_be_shown_is_refused(plant, capfd, words):
    status, out, err = plant.cli(capfd, "verify --out", words)
    assert (status, out) == (2, "")
    assert "is no folder: name one" in err
    assert raw(err) == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("x = [", "is not valid TOML"),
        ("x = " + "9" * 5000, "is not valid TOML"),
        ("x = " + "[" * 5000, "is not valid TOML"),
        ("tool = 3", "no pyproject.toml with a [tool.harness] table"),
        ("tool.harness = 3", "tool.harness is no table"),
        ("[tool.harness]\nadapter = ''", "adapter = '' is empty"),
        ("[tool.harness]\nadapter = ':'", "cannot be imported"),
        ("[tool.harness]\nadapter = 'plant:nothing'", "has no attribute 'nothing'"),
        ("[tool.harness]\nadapter = 'plant'\nalpha = nan", "alpha = nan: give a number between 0 and 1"),
        ("[tool.harness]\nadapter = 'plant'\nvalues = 0", "values = 0: give a number of at least 1"),
        ("[tool.harness]\nadapter = 'plant'\ncache_bytes = -1", "cache_bytes = -1: give a number of at least 0"),
        ("[tool.harness]\nadapter = 'plant'\nprofile = '../x'", "cannot name the profile"),
        ("[tool.harness]\nadapter = 'plant'\nstate = ''", "state = '' is empty"),
        ("[tool.harness]\nadapter = 'plant'\nstate = 'goldens'", "goldens lies in state: give each a folder"),
        ("[tool.harness]\nadapter = 'plant'\nschemas = 'goldens/x'", "schemas lies in goldens: give each a folder"),
        ("[tool.harness]\nadapter = 'plant'\ngoldens = '../x'", "goldens = '../x' lies outside of the project"),
        ("[tool.harness]\nadapter = 'plant'\nstate = '.'", "goldens lies in state: give each a folder"),
        ("[tool.harness]\nadapter = 'plant'\nstage_seconds = 0", "stage_seconds = 0: give a number above 0"),
        ("[tool.harness]\nadapter = 'plant'\nstage_seconds = nan", "stage_seconds = nan: give a number above 0"),
        ("[tool.harness]\nadapter = 'plant'\nlongest = 'a'", "longest = 'a': give a list of scenarios"),
        ("[tool.harness]\nadapter = 'plant'\nlongest = [1]", "longest = [1]: give a list of scenarios"),
        ('[tool.harness]\nadapter = "plant\\u001b"', "not printable"),
        ("[tool.harness]\nadapter = 'plant'\nstate = 'pyproject.toml'", "cannot write"),
    ],
)
def test_a_table_that_makes_no_sense_is_one_sentence(plant, capfd, table, said):
    (plant.root / "pyproject.toml").write_text(table)
    status, out, err = plant.cli(capfd, "verify")
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("part", ["", "/report", "/cache", "/stages.log", "/pending", "/review"])
def test_a_state_that_cannot_be_written_is_one_sentence(plant, capfd, part):
    plant.cli(capfd, "verify")
    place = plant.root / f".harness{part}"
    shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    place.mkdir() if part == "/stages.log" else place.write_text("in the way")
    line = "review small/cpu/made" if part == "/review" else "verify"
    status, _, err = plant.cli(capfd, line)
    assert status == 2
    assert [line for line in err.splitlines() if line.startswith("error: ")] != []
    assert ".harness" in err
    assert "Traceback" not in err
