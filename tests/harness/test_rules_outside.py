"""Rules that people ask for, from outside: as keywords of ``check``, in files, at every door and under approval."""

from __future__ import annotations

import json

import pytest
from checked_repository import accept_all, new_repository, write

from harness.core.reports import read_report

TESTS = """\
LABEL, SECONDS, CITIES, PEAKS, ENERGY, WARNINGS, LEVEL = (
    "run of 2024", 1.5, [{"name": "Paris", "area": 105.4}, {"name": "Rome", "area": 1285.0}], [2.0, 1.0], 1.0,
    ["grain 1 is small"], 3.0,
)


def test_run(check):
    check(LABEL, "label", matches=r"run of \\d{4}")
    check(SECONDS, "seconds", ignore="a wall time")
    check(CITIES, "cities", rtol=1e-6, key="name")
    check(PEAKS, "peaks", rtol=1e-6, unordered=True)
    check(ENERGY, "energy", atol=1.0, warn=0.5)
    check(WARNINGS, "warnings", matches=r"grain \\d+ is \\w+", length="free")
    check(LEVEL, "level", rtol=1e-3, when={"system": "Linux"})
"""
FILE = "tests/test_run.py"
RULES = """\
version = 1
axes = { system = ["Linux", "Darwin", "Windows"] }

[rules]
"check/tests.test_run/test_run/level/**" = { exact = true }
"""
ID = "tests.test_run/check/test_run"
HARMLESS = (
    ('"run of 2024"', '"run of 2025"'),
    ("1.5, [", "2.5, ["),
    ('[{"name": "Paris", "area": 105.4}, {"name": "Rome", "area": 1285.0}]', "CITIES_TURNED"),
    ("[2.0, 1.0], 1.0", "[1.0, 2.0], 1.75"),
    ('["grain 1 is small"]', '["grain 3 is small", "grain 22 is large"]'),
    ("3.0,\n)", "3.0003,\n)"),
)
TURNED = 'CITIES_TURNED = [{"name": "Rome", "area": 1285.0}, {"name": "Paris", "area": 105.4}]\n'


@pytest.fixture(scope="module")
def guarded(ready, tmp_path_factory):
    """The repository with its golden accepted. Copy it, do not change it."""
    repository = new_repository(tmp_path_factory.mktemp("rules"), ready)
    repository.expect("git init -q -b main")
    write(repository, {".gitignore": "__pycache__/\n", FILE: TURNED + TESTS, "goldens/tolerances.toml": RULES})
    repository.expect("pytest -q", 1)
    accept_all(repository)
    repository.expect("pytest -q")
    return repository


@pytest.fixture
def ruled(guarded, tmp_path):
    return guarded.copy(tmp_path / "rules")


def test_what_the_rules_allow_passes_at_every_door_and_remarks_are_told(ruled):
    for old, new in HARMLESS:
        ruled.edit(FILE, old, new)
    ignored, warning = f"ignored: {ID.replace('/check', '')}/seconds: a wall time", "0.75 of its tolerance is used"
    out = ruled.expect("pytest -q -n 2 --junit-xml=j.xml").stdout
    assert f"harness: {ignored}" in out
    assert warning in out
    assert '"harness_ignored" value="1"' in (ruled.root / "j.xml").read_text()
    out = ruled.harness("verify").stdout
    assert ignored in out
    assert warning in out
    assert "1 warning, 1 ignored" in out
    folder = ruled.root / ".harness/report"
    said = json.loads((folder / "report.json").read_text())
    assert (said["counts"]["ignored"], said["counts"]["warning"]) == (1, 1)
    assert read_report(folder / "report.json").passed
    for name in ("report.html", "report.md", "junit.xml"):
        page = (folder / name).read_text()
        assert "a wall time" in page, name
        assert warning in page, name
    assert '<property name="ignored" value="1" />' in (folder / "junit.xml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"run of 2024"', '"run of late"', "which does not match"),
        ("1.5, [", "2, [", "was a float (1.5), is an integer (2)"),
        ('105.4}, {"name": "Rome"', '105.5}, {"name": "Rome"', "row name=Paris: expected 105.4, obtained 105.5"),
        (
            '"Paris", "area": 105.4}, {',
            '"Bern", "area": 105.4}, {',
            "row name=Paris is missing; row name=Bern is not in the golden",
        ),
        ("[2.0, 1.0]", "[2.0, 1.5]", "1 of 2 items have no counterpart: 1.0; in their place: 1.5"),
        ("atol=1.0, warn=0.5", "atol=1.5, warn=0.5", "a rule that a test gives is part of what was approved"),
        ('["grain 1 is small"]', "[]", "had 1 item, has none"),
        ("3.0,\n)", "3.01,\n)", 'when = { system = "Linux" }'),
    ],
)
def test_what_they_do_not_allow_fails_at_both_doors(ruled, old, new, said):
    ruled.edit(FILE, old, new)
    for line in ("pytest -q", "harness verify"):
        done = ruled.expect(line, 1)
        assert said in " ".join((done.stdout + done.stderr).split()).replace("\\", ""), line


def test_a_test_of_which_everything_is_ignored_is_neither_accepted_nor_passes(ruled):
    write(ruled, {"tests/test_idle.py": "def test_idle(check):\n    check(1.5, ignore='it varies')\n"})
    ruled.expect("pytest -q", 1)
    refused = ruled.harness("accept tests.test_idle/check/test_idle --reason First", 2)
    assert "all of its values are ignored, so that nothing is compared" in refused.stderr


def test_conditions_of_files_are_under_approval_and_checked_when_read(ruled):
    ruled.edit(
        "goldens/tolerances.toml", "{ exact = true }", '[{ exact = true }, { rtol = 1, when = { system = "Linux" } }]'
    )
    assert "tolerances.toml" in ruled.harness("verify", 1).stdout
    waiting = json.loads(ruled.harness("pending --json").stdout)
    assert [p["identity"] for p in waiting if p["kind"] == "tolerances"] == ["tolerances.toml"]
    ruled.edit("goldens/tolerances.toml", 'system = "Linux"', 'system = "Linus"')
    done = ruled.expect("harness verify", 2)
    assert "did you mean 'Linux'?" in " ".join(done.stderr.split())


def test_rules_of_a_test_that_have_no_meaning_are_refused_in_its_own_words(ruled):
    ruled.edit(FILE, "unordered=True", 'unordered=True, key="x"')
    out = ruled.expect("pytest -q", 1).stdout
    assert "unordered beside key has no meaning" in out
