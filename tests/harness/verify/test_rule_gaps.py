"""Rules that are missing are told all at once, by whoever is asked first, each with the pattern to add."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from harness.core.protocol import Artifact
from harness.judge.tolerances import load_rules
from harness.verify.rule_gaps import suggested_rules, values_by_address

FIT_RULES = '"fit/diffusivity" = { interval = true }\n"fit/loss/*" = { interval = true }\n'
SAID = 'goldens/tolerances.toml: no rule speaks of {0}: add "{0}" = {1}'


@pytest.fixture
def unruled(heat):
    """The repository as before its first golden, with hardly a rule."""
    shutil.rmtree(heat.root / "goldens")
    (heat.root / "goldens").mkdir()
    rules = 'version = 1\n\n[rules]\n"field/steps" = { exact = true }\n"replay/**" = { rtol = 1e-6 }\n'
    (heat.root / "goldens/tolerances.toml").write_text(rules)
    return heat


def rules_said(lines):
    return [line for line in lines if "no rule speaks of" in line]


def test_the_first_verification_tells_every_rule_that_is_missing(unruled):
    everything, close = "{ exact = true }", "{ rtol = 1e-6 }"
    assert rules_said(unruled.suite().report.problems) == [
        SAID.format("configuration/**", everything),
        SAID.format("profile/**", close),
        *(SAID.format(f"field/{value}", close) for value in ("gain", "hottest", "temperature")),
        *(SAID.format(f"{artifact}/**", close) for artifact in ("readings", "reference", "fit", "comparison")),
        SAID.format("invariants/**", everything),
    ]


def test_the_rules_that_were_told_are_enough(unruled):
    lines = rules_said(unruled.suite().report.problems)
    rules = unruled.root / "goldens/tolerances.toml"
    rules.write_text(rules.read_text() + "".join(line.partition(": add ")[2] + "\n" for line in lines))
    assert rules_said(unruled.suite().report.problems) == []


def test_doctor_tells_them_from_goldens_and_from_candidates_and_runs_nothing(unruled, capsys):
    unruled.suite()
    unruled.ran.clear()
    expected = rules_said(unruled.suite().report.problems)
    told = {c["remedy"] for c in unruled.json(capsys, "doctor") if c["name"] == "store"}
    assert set(expected) <= told
    assert unruled.ran == []


def test_doctor_tells_a_rule_that_was_taken_out(heat, capsys):
    heat.edit("goldens/tolerances.toml", FIT_RULES, "")
    told = [c["remedy"] for c in heat.json(capsys, "doctor", 1) if c["name"] == "store"]
    assert rules_said(told) == [SAID.format("fit/**", "{ rtol = 1e-6 }")]


def test_accept_tells_them_all_before_anything_runs_and_blames_no_fresh_run(unruled, capsys):
    unruled.repository.commit("rules")
    unruled.suite()
    unruled.repository.harness("accept tolerances.toml --reason first")
    unruled.repository.harness("accept schemas/fit.schema.json schemas/field.schema.json --reason first")
    unruled.ran.clear()
    _, err = unruled.cli(capsys, "accept smooth/cpu/fit smooth/cpu/field --reason first", 2)
    assert err.startswith("error: without a rule a golden guards nothing; accept these rules first: ")
    for pattern in ("fit/**", "field/gain", "field/hottest", "field/temperature"):
        assert SAID.format(pattern, "{ rtol = 1e-6 }") in err
    assert "fresh run" not in err
    assert unruled.ran == []


def test_patterns_are_as_wide_as_the_values_are_alike(tmp_path):
    (tmp_path / "tolerances.toml").write_text('version = 1\n[rules]\n"a/known" = { exact = true }\n')
    rules = load_rules(tmp_path / "tolerances.toml", tmp_path)
    values = {"known": 1, "loss": [0.5, 0.25], "count": 3, "name": "x", "rows[0]": 1.0}
    artifact = Artifact(values, {"field": np.zeros(3), "mask": np.zeros(3, bool)})
    known = values_by_address(artifact, "a/") | values_by_address(Artifact({"n": 1}), "replay/b/")
    assert suggested_rules(rules, known) == {
        "a/loss/*": "{ rtol = 1e-6 }",
        "a/count": "{ exact = true }",
        "a/name": "{ exact = true }",
        "a/rows?0]": "{ rtol = 1e-6 }",
        "a/field": "{ rtol = 1e-6 }",
        "a/mask": "{ exact = true }",
        "replay/b/**": "{ exact = true }",
    }
