"""What the store says reaches people: the commands print each problem once, with and without ``--approvals``.

The table of ways around an approval is in ``store/test_bypasses.py``; here a few go through the commands for real.
"""

from __future__ import annotations

import json

import pytest

from harness.cli.app import main

GOLDEN = "goldens/smooth/cpu/reference.json"


def loosen(heat):
    path = heat.root / "goldens/tolerances.toml"
    path.write_text(path.read_text() + "\n# loose\n")


def remove_the_last_approval(heat):
    approvals = json.loads((heat.root / "goldens/MANIFEST.json").read_bytes())["goldens"]
    name = approvals["smooth/cpu/reference"]["approval"]
    (heat.root / f"goldens/approvals/{name}.json").unlink()


def edit_the_manifest(heat):
    path = heat.root / "goldens/MANIFEST.json"
    value = json.loads(path.read_bytes())
    value["goldens"]["smooth/cpu/reference"]["environment"] = "another"
    path.write_text(json.dumps(value))


BYPASSES = {
    "a tolerance": (loosen, "tolerances.toml was edited since it was accepted"),
    "an approval": (remove_the_last_approval, "smooth/cpu/reference is in the manifest and was never approved"),
    "the manifest": (edit_the_manifest, "smooth/cpu/reference: its entry in the manifest was edited"),
}


@pytest.mark.parametrize("name", BYPASSES)
def test_verify_with_and_without_a_base_and_log_say_the_same(heat, capsys, name):
    bypass, sentence = BYPASSES[name]
    heat.repository.commit("a commit to compare with another")
    bypass(heat)
    answers = [
        heat.json(capsys, f"verify smooth {option}".strip(), 1)["problems"] for option in ("", "--approvals HEAD~1")
    ]
    for problems in answers:
        assert len([p for p in problems if sentence in p]) == 1
        assert len(problems) == len(set(problems))
    assert set(answers[0]) <= set(answers[1])
    err = heat.cli(capsys, "log", 1)[1]
    assert [line.removeprefix("error: ") for line in err.splitlines()] == answers[0]


def test_a_damaged_golden_is_said_once(heat, capsys):
    """Its verdict says it, and so the store does not say it again."""
    (heat.root / GOLDEN).write_text("{}")
    report = heat.json(capsys, "verify smooth", 2)
    assert [p for p in report.get("problems", []) if "smooth/cpu/reference" in p] == []
    report = heat.json(capsys, "verify sharp", 1)
    assert [p.split(" (its")[0] for p in report["problems"]] == ["smooth/cpu/reference.json is not what was accepted"]


def test_a_base_that_proves_nothing_fails_the_verification(heat, capsys):
    (problem,) = heat.json(capsys, "verify smooth --approvals HEAD", 1)["problems"]
    assert problem.startswith("HEAD is the commit that is checked out")


def test_an_empty_base_is_no_base(heat, capsys):
    """As where a variable of CI's is not set."""
    heat.monkeypatch.setattr("sys.argv", ["harness", "verify", "smooth", "--approvals", ""])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "'' is not a commit" in capsys.readouterr().err


def test_merge_without_need_says_so(heat, capsys):
    assert heat.json(capsys, "merge") == {"approvals": [], "files": []}
    assert "nothing" in heat.cli(capsys, "merge")[0]
    heat.monkeypatch.setenv("CI", "1")
    assert "refused in CI" in heat.cli(capsys, "merge", 2)[1]
