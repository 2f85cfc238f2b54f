"""The command: exit statuses, JSON for machines, sentences for people, and the life cycle of a golden."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from heat_repository import ROOT

FIT = ("heat.py", "np.exp(-np.exp(guess) * speed[some])", "np.exp(-1.05 * np.exp(guess) * speed[some])")
LINE = ("heat.py", "np.log(heights), 1)[0]", "np.log(heights), 1, w=heights)[0]")
IDS = ["smooth/cpu/comparison", "smooth/cpu/reference", "smooth/replay/comparison", "smooth/replay/reference"]


@pytest.fixture
def changed(heat, capsys):
    """The repository after a committed change of the reference, verified: one scenario's candidates wait."""
    heat.edit(*LINE)
    heat.repository.commit("weights")
    heat.cli(capsys, "verify smooth", 1)
    return heat


# The life cycle


def test_change_review_accept_pass_log(changed, capsys):
    assert [p["identity"] for p in changed.json(capsys, "pending")] == IDS
    assert changed.cli(capsys, "pending --ids")[0].split() == IDS
    assert changed.cli(capsys, "pending sharp --ids")[0] == "\n"
    before = changed.files("goldens")
    review = changed.json(capsys, f"review {IDS[1]}")
    (artifact,) = review["report"]["scenarios"][0]["artifacts"]
    (value,) = artifact["verdicts"]
    assert (value["path"], value["status"]) == ("diffusivity", "fail")
    assert "diffusivity" in (changed.root / ".harness/review/report.html").read_text(encoding="utf-8")
    assert len(changed.json(capsys, "diff", 1)["scenarios"][0]["artifacts"]) == 4
    assert changed.files("goldens") == before
    approval = changed.json(capsys, f"accept {' '.join(IDS)} --disposition intended --reason weights")
    assert sorted(approval["changes"]) == IDS
    assert {c["disposition"] for c in approval["changes"].values()} == {"intended"}
    assert approval["changes"][IDS[1]]["deviations"][0]["path"] == "diffusivity"
    assert changed.json(capsys, "pending") == []
    assert "problems" not in changed.json(capsys, "verify smooth")
    assert [a["reason"] for a in changed.json(capsys, "log")][-1] == "weights"
    changed.json(capsys, "verify --approvals HEAD", 1)  # sharp is not accepted yet


def test_accept_shows_old_new_difference_and_tolerance(changed, capsys):
    changed.monkeypatch.setattr("harness.cli.console.out.width", 160)
    out, _ = changed.cli(capsys, f"accept {IDS[1]} --reason weights")
    (row,) = [line for line in out.splitlines() if "diffusivity" in line]
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "diffusivity",
        "0.10019",
        "0.1002377",
        "+4.77e−5",
        "±1e-07 (rtol 1e-06)",
        "476×",
    ]
    assert re.search(r"approval [0-9a-f]{16}: ", out)


def test_a_candidate_that_a_fresh_run_does_not_repeat_is_refused(changed, capsys):
    changed.edit(LINE[0], LINE[2], LINE[1])
    changed.repository.commit("and back")
    _, err = changed.cli(capsys, f"accept {IDS[1]} --reason weights", 2)
    assert "smooth/cpu/reference: a fresh run disagrees with the candidate" in err


def test_a_dirty_tree_no_reason_many_ids_and_ci_are_refused(changed, capsys):
    assert "needs a reason" in changed.cli(capsys, f"accept {IDS[1]}", 2)[1]
    changed.edit("guard.py", "# The stages", "# the stages")
    assert "guard.py): commit or stash first" in changed.cli(capsys, f"accept {IDS[1]} --reason x", 2)[1]
    changed.monkeypatch.setenv("CI", "1")
    assert "refused in CI" in changed.cli(capsys, f"accept {IDS[1]} --reason x", 2)[1]


def test_reject_forgets_candidates(changed, capsys):
    assert changed.json(capsys, f"reject {IDS[1]} --reason no") == [IDS[1]]
    assert IDS[1] not in changed.cli(capsys, "pending --ids")[0].split()


def test_prune_removes_goldens_that_nobody_makes(heat, capsys):
    heat.edit("guard.py", ', "sharp": "six waves, noisy thermometers"', "")
    heat.repository.commit("one scenario less")
    gone = heat.json(capsys, "prune --bulk --reason gone")
    assert len(gone["removed"]) == 15
    assert not (heat.root / "goldens/sharp/cpu/fit.json").exists()
    assert "problems" not in heat.json(capsys, "verify")


# What each command says


def test_every_command_has_json_and_nothing_else_on_standard_output(heat, capsys):
    assert [r["scenario"] for r in heat.json(capsys, "list")] == ["sharp", "smooth"]
    assert heat.json(capsys, "list")[1]["goldens"] == {"cpu": 9, "replay": 6}
    assert [r["stage"] for r in heat.json(capsys, "run smooth --no-cache --until solve")] == ["start", "solve"]
    assert heat.json(capsys, "verify smooth")["scenarios"][0]["scenario"] == "smooth"
    assert heat.json(capsys, "report")["project"] == "heat"
    assert heat.json(capsys, "pending") == []
    assert heat.json(capsys, "prune") == {"approval": None, "orphans": [], "removed": []}
    assert len(heat.json(capsys, "log")) == 4
    assert all(check["held"] for check in heat.json(capsys, "doctor") if check["needed"])
    calibrated = heat.json(capsys, "calibrate smooth")
    assert calibrated.pop("false_alarms")["left_out"]["runs"] == 8
    nothing = {"outliers": {}, "outside": [], "restless": [], "still": []}
    assert calibrated == {"id": "smooth/cpu/ensemble", "kept": True, **nothing}


def test_run_says_what_was_cached(heat, capsys):
    assert all(row["cached"] for row in heat.json(capsys, "run smooth"))
    rows = heat.json(capsys, "run smooth --set fit.epochs=3")
    assert [row["stage"] for row in rows if not row["cached"]] == ["fit", "compare"]


def test_run_exits_with_1_where_a_stage_fails(heat, capsys):
    heat.edit("guard.py", '    truth = config["rod"]["diffusivity"]', '    truth = config["rod"]["conductivity"]')
    rows = heat.json(capsys, "run smooth", 1)
    assert rows[-1]["error"].startswith("UndeclaredSettingError: compare asks for rod.conductivity, ")


def test_verify_prints_stage_by_stage_and_writes_four_reports(heat, capsys):
    heat.edit(*FIT)
    out, _ = heat.cli(capsys, "verify smooth --out elsewhere", 1)
    assert "Look at fit first: replayed alone from stored inputs, " in out
    assert "not as accepted: 62 values (57 pass, 5 fail)" in out or "not as accepted: 62 values (" in out
    assert "4 candidates kept" in out
    assert {p.name for p in (heat.root / "elsewhere").iterdir()} == {
        "report.html",
        "report.json",
        "report.md",
        "junit.xml",
    }


def test_report_shows_the_last_verification_and_exits_as_it_did(heat, capsys):
    heat.edit(*FIT)
    heat.cli(capsys, "verify smooth", 1)
    assert "Look at fit first" in heat.cli(capsys, "report", 1)[0]
    heat.edit(FIT[0], FIT[2], FIT[1])
    heat.cli(capsys, "verify smooth")
    assert heat.ran[-2:] == ["fit", "compare"]
    assert "as accepted: 62 values" in heat.cli(capsys, "report")[0]


@pytest.mark.parametrize("edit", [FIT, ("goldens/MANIFEST.json", '"version": 1', '"version":  1')])
def test_a_report_of_other_source_or_goldens_is_no_verdict_on_what_is_here(edit, heat, capsys):
    heat.cli(capsys, "verify smooth")
    assert heat.cli(capsys, "report")[1] == ""
    heat.edit(*edit)
    out, err = heat.cli(capsys, "report", 1)
    assert "as accepted: 62 values" in out  # what it said then
    assert "of other source or goldens than are here now: run `harness verify`" in err
    assert heat.json(capsys, "report", 1)["scenarios"]
    heat.cli(capsys, "report .harness/report/report.json")  # whoever names one asks for that one


def test_schema_drafts_what_the_stage_gives(heat, capsys):
    from harness.judge.schema import Schema, schema_document

    drafted = json.loads(heat.cli(capsys, "schema smooth field")[0])
    assert list(drafted)[:3] == ["$schema", "$id", "description"]
    schema = Schema(drafted, heat.root / "field.schema.json")
    obtained = heat.examination().obtained("cpu", "field")
    assert schema.problems(schema_document(obtained, "heat/field-1")) == []
    del obtained.values["steps"]
    obtained.values["gain"] = "NaN"
    assert [p.path for p in schema.problems(schema_document(obtained, "heat/field-1"))] == ["$.values", "$.values.gain"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("verify smoth", "unknown scenario 'smoth'; did you mean 'smooth'? there are: sharp, smooth"),
        ("run smoth", "unknown scenario 'smoth'"),
        ("calibrate smoth", "unknown scenario 'smoth'"),
        ("schema smoth fit", "unknown scenario 'smoth'"),
        ("schema smooth fat", "there is no artifact 'fat'; there are profile, field"),
        ("run smooth --until solv", "--until solv: there is no such stage; there are start, solve"),
        ("verify --profile gpu", "there is no profile 'gpu': choose one of cpu, replay"),
        ("verify --profile replay", "profile 'replay' is the replay's, which every verification contains"),
        ("verify --set fit.epoch=3", "there is no setting 'fit.epoch'"),
        ("verify --set fit.epochs=three", "the adapter cannot load sharp at profile 'cpu' with fit.epochs=three"),
        ("verify --approvals nowhere", "'nowhere' is not a commit"),
        ("verify --loud", "No such option: --loud"),
        ("verify --workers 0", "Invalid value for '--workers'"),
        ("explode", "No such command 'explode'"),
        (
            "review smooth/cpu/fit",
            "smooth/cpu/fit is not pending; pending: nothing is pending: run `harness verify` first",
        ),
        ("accept smooth/cpu/fit --reason x", "smooth/cpu/fit is not pending"),
        ("reject smooth/cpu/fit", "'smooth/cpu/fit' is not pending"),
        ("calibrate smooth --members 7", "7 members are too few for an interval: at least 8 are needed"),
        ("report nowhere.json", "nowhere.json"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_status_2(heat, capsys, line, message):
    out, err = heat.cli(capsys, line, 2)
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.strip().count("\n") == 0


def test_a_damaged_golden_is_status_2_and_still_judges_the_rest(heat, capsys):
    (heat.root / "goldens/smooth/cpu/fit.json").write_text('{"schema": NaN}')
    out, err = heat.cli(capsys, "verify smooth", 2)
    assert err.startswith("error: smooth/cpu/fit.json is not what was accepted")
    assert "not as accepted" in out


def test_a_damaged_manifest_is_status_2(heat, capsys):
    (heat.root / "goldens/MANIFEST.json").write_text('{"version": 1, "version": 1}')
    for line in ("verify", "list", "log", "pending"):
        assert "MANIFEST.json" in heat.cli(capsys, line, 2)[1]


def test_doctor_says_what_is_lacking_and_the_remedy(heat, capsys):
    (heat.root / "schemas/fit.schema.json").unlink()
    checks = {c["name"]: c for c in heat.json(capsys, "doctor", 1)}
    assert checks["schemas"]["remedy"] == "missing: fit; see `harness schema`"
    (heat.root / "guard.py").write_text("pipeline = 3\n")
    checks = {c["name"]: c for c in json.loads(_doctor(heat))}
    assert checks["project"]["remedy"] == "adapter 'guard:pipeline' is a int, not a harness.Pipeline"


def _doctor(heat):
    return heat.repository.harness("doctor --json", 1).stdout


def test_outside_a_project_the_remedy_is_told(heat, capsys, tmp_path):
    heat.monkeypatch.chdir(tmp_path)
    _, err = heat.cli(capsys, "verify", 2)
    assert "add one with adapter =" in err


def test_importing_the_public_names_is_light():
    code = "import sys, harness; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"scipy", "skimage", "matplotlib", "jinja2", "jsonschema", "filelock", "typer", "rich", "pytest", "PIL"}
    assert not heavy & set(done.stdout.split())


def test_every_public_name_is_there():
    import harness

    assert {"Pipeline", "Stage", "Scenario", "Artifact", "Invariant", "Image", "Curve", "Ladder"} <= set(
        harness.__all__
    )
    assert {"HarnessError", "ProjectError", "RuleError", "GoldenError", "ApprovalError"} <= set(harness.__all__)
    assert all(getattr(harness, name) for name in harness.__all__)
