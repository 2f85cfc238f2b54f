"""``harness verify`` of tests that check values: one report and verdict with scenarios, and no green by silence."""

from __future__ import annotations

import dataclasses
import json

import pytest
from checked_repository import IDS, MODULE, bare_repository, write

from harness.core.errors import ProjectError
from harness.core.project import without_adapter
from harness.core.protocol import Stage, ill_formed
from harness.verify.coverage import verified_artifacts

FILE = "tests/test_spectrum.py"
HALVED = ("SCALE = 1.0", "SCALE = 0.5")
START = "    energies = spectrum(5)\n"


def verify(repository, options="", status=0, **environment):
    """The report of a verification."""
    done = repository.expect(f"harness verify {options} --json", status, **environment)
    return json.loads(done.stdout)


def test_tests_are_verified_as_scenarios_are(checked):
    report = verify(checked)
    (module,) = report["scenarios"]
    assert (module["scenario"], module["profile"]) == (MODULE, "check")
    assert [a["artifact"] for a in module["artifacts"]] == [i.rpartition("/")[2] for i in IDS]
    assert {v["status"] for a in module["artifacts"] for v in a["verdicts"]} == {"pass"}
    assert report.get("problems", []) == []
    assert "as accepted: 13 values (13 pass)" in checked.harness(f"verify {MODULE}").stdout
    assert checked.harness("report").returncode == 0
    assert f"{MODULE} │ tests" in checked.harness("list").stdout
    assert "none: the goldens are of tests alone" in checked.harness("doctor").stdout


def test_a_changed_value_fails_the_verification_which_keeps_its_candidate(checked):
    checked.edit(FILE, *HALVED)
    report = verify(checked, "", 1, CI="1")
    failed = [a["artifact"] for a in report["scenarios"][0]["artifacts"] if any("used" in v for v in a["verdicts"])]
    assert "test_spectrum" in failed
    assert not [path for path in (checked.root / ".harness/pending").rglob("*") if path.is_file()]
    out = checked.harness("verify", 1).stdout
    assert "check/test_spectrum: about/sum and value: 2 of 2, every number is × 0.5" in out
    assert "3 candidates kept" in out
    assert [p["identity"] for p in json.loads(checked.harness("pending --json").stdout)] == IDS[1:]
    checked.edit(FILE, *reversed(HALVED))
    verify(checked)
    assert json.loads(checked.harness("pending --json").stdout) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (START, f"    import os\n\n    os._exit(0)\n{START}", "ended before they had told all (exit status 0"),
        (START, f"    import os, signal\n\n    os.kill(os.getpid(), 9)\n{START}", "ended before they had told all"),
        ("import pytest\n", "import pytest\nimport nothing\n", "tests cannot be collected"),
        ("def test_sizes", "def test_size", f"golden {IDS[1]} is of no test any more"),
        ("import pytest\n", "import pytest\n\npytestmark = pytest.mark.nonsense\n", "cannot be collected"),
    ],
)
def test_a_session_that_does_not_tell_all_is_no_verdict(checked, old, new, said):
    write(checked, {"pytest.ini": "[pytest]\naddopts = --strict-markers\n"})
    checked.edit(FILE, old, new)
    report = verify(checked, "", 1)
    assert [problem for problem in report["problems"] if said in problem], report["problems"]


def test_a_session_that_takes_too_long_is_ended(checked):
    write(checked, {"pyproject.toml": "[tool.harness]\nstage_seconds = 5\n"})
    checked.edit(FILE, START, f"    import time\n\n    time.sleep(60)\n{START}")
    (problem,) = verify(checked, "", 1)["problems"]
    assert "it took more than 5 s, which stage_seconds in [tool.harness] allows" in problem


def test_a_test_that_fails_by_itself_or_is_skipped_has_its_own_words(checked):
    checked.edit(FILE, "        check([1.5, 2.5]", "        assert 1 == 2\n        check([1.5, 2.5]")
    checked.edit(FILE, START, f'    pytest.skip("no lamp")\n{START}')
    report = verify(checked, "", 1)
    (module,) = report["scenarios"]
    artifacts = {a["artifact"]: a for a in module["artifacts"]}
    assert artifacts["TestPeaks.test_spectrum"]["error"] == "assert 1 == 2"
    assert "def test_spectrum(self, check)" in artifacts["TestPeaks.test_spectrum"]["details"]
    assert artifacts["test_spectrum"]["verdicts"][0]["status"] == "skipped"
    assert report.get("problems", []) == []
    (problem,) = verify(checked, "", 1, CI="1")["problems"]
    assert problem.startswith(f"{IDS[3]} was skipped (Skipped: no lamp): in CI")
    assert json.loads(checked.harness("pending --json").stdout) == []


def test_where_there_is_nothing_to_verify_it_says_what_to_write(ready, tmp_path):
    repository = bare_repository(tmp_path, ready)
    said = repository.harness("verify", 2).stderr
    assert "no pyproject.toml with a [tool.harness] table in or above" in said
    assert "or let a test check a value, run pytest and accept its candidate" in said
    assert "no pyproject.toml with a [tool.harness] table" in repository.harness("run smooth", 2).stderr
    assert not (repository.root / ".harness/report").exists()


# Beside an adapter


def test_tests_that_check_values_stand_beside_the_goldens_of_stages(accepted, tmp_path):
    heat = accepted.copy(tmp_path / "heat")
    write(
        heat, {"test_rod.py": "import heat\n\n\ndef test_waves(check):\n    check(heat.waves([0.5], 2), rtol=1e-9)\n"}
    )
    heat.expect("pytest -q", 1)
    heat.harness("accept test_rod/check/test_waves --reason First")
    heat.commit()
    assert "harness: 29 goldens were compared, as accepted" in heat.expect("pytest -q -n 2").stdout
    heat.harness("prune --reason None")
    report = verify(heat)
    assert [s["scenario"] for s in report["scenarios"]] == ["sharp", "smooth", "test_rod"]
    said = heat.harness("verify smooth").stdout
    assert "test_rod" not in said
    said = heat.harness("verify --set fit.epochs=6", 0).stdout
    assert "left out: 1 golden of tests: `harness verify`" in said.replace("\n", " ")
    heat.edit("test_rod.py", "[0.5], 2", "[0.25], 2")
    assert [s["scenario"] for s in verify(heat, "", 1)["scenarios"] if s["artifacts"][0]["stage"] == "check"]
    (heat.root / "test_rod.py").unlink()
    assert "golden test_rod/check/test_waves is of no test any more" in heat.expect("pytest -q", 1).stdout
    (problem,) = verify(heat, "", 1)["problems"]
    assert problem.startswith("golden test_rod/check/test_waves is of no test any more")


def test_a_stage_may_not_emit_check_and_no_profile_be_called_so(tmp_path):
    pipeline = without_adapter(tmp_path)
    assert verified_artifacts(pipeline, "cpu") == [("cpu", "configuration"), ("cpu", "invariants")]
    for profile, replay in (("check", "replay"), ("cpu", "check")):
        with pytest.raises(ProjectError, match="profile 'check' is the track of what tests check"):
            verified_artifacts(dataclasses.replace(pipeline, replay_profile=replay), profile)
    emits = dataclasses.replace(pipeline, stages=(Stage("judge", "check", "plant:judge"),))
    assert "the harness has one of that name" in ill_formed(emits)
