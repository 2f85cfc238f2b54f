"""Rules that hold in some environments alone: which one holds, and what cannot hold anywhere is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import RuleError
from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status, Verdict
from harness.judge.rules import Rules
from harness.judge.tolerances import load_rules, read_rule
from harness.study.matrix import matrix_to_json
from harness.study.matrix_collection import collect_matrix
from harness.study.matrix_page import matrix_html, matrix_markdown

AXES = 'axes = { backend = ["jax", "torch"], numpy = ["1.*", "2.*"] }\n'
TWO = '"a/**" = [{ rtol = 1e-6 }, { rtol = 1e-3, when = { backend = "jax" } }]\n'
JAX = {"backend": "jax", "numpy": "2.2.6"}


@pytest.fixture
def read(tmp_path):
    def load(rules: str, axes: str = AXES) -> Rules:
        path = tmp_path / "goldens/tolerances.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"version = 1\n{axes}[rules]\n{rules}", encoding="utf-8")
        return load_rules(path, path.parent)

    return load


def test_the_rule_whose_condition_holds_wins_over_the_one_without(read):
    rules = read(TWO)
    assert rules.under(lambda: JAX).find("a/b").terms["rtol"] == 1e-3
    torch = rules.under(lambda: JAX | {"backend": "torch"})
    assert torch.find("a/b").terms["rtol"] == 1e-6
    assert rules.under(lambda: JAX).find("a/b").text == '"a/**" = { rtol = 0.001, when = { backend = "jax" } }'


def test_a_level_may_be_a_pattern_that_the_environments_own_matches(read):
    rules = read('"a" = [{ rtol = 1.0, when = { numpy = "1.*" } }, { rtol = 2.0, when = { numpy = "2.*" } }]\n')
    assert rules.under(lambda: JAX).find("a").terms["rtol"] == 2.0
    assert rules.under(lambda: JAX | {"numpy": "1.26.4"}).find("a").terms["rtol"] == 1.0


def test_more_conditions_win_and_the_pattern_comes_first(read):
    both = '{ rtol = 3.0, when = { backend = "jax", numpy = "2.*" } }'
    rules = read(f'"a/*" = [{{ rtol = 1.0, when = {{ backend = "jax" }} }}, {both}]\n"a/b" = {{ exact = true }}\n')
    here = rules.under(lambda: JAX)
    assert here.find("a/c").terms["rtol"] == 3.0
    assert here.find("a/b").terms == {"exact": True}


def test_two_rules_that_hold_at_once_equally_are_an_error(read):
    one, other = '{ rtol = 1.0, when = { backend = "jax" } }', '{ rtol = 2.0, when = { numpy = "2.*" } }'
    rules = read(f'"a" = [{one}, {other}]\n')
    with pytest.raises(RuleError, match="matches two rules equally well"):
        rules.under(lambda: JAX).find("a")
    assert rules.under(lambda: JAX | {"numpy": "1.0"}).find("a").terms["rtol"] == 1.0


def test_where_no_condition_holds_there_is_no_rule(read):
    rules = read('"a" = { rtol = 1.0, when = { backend = "jax" } }\n')
    assert rules.under(lambda: JAX | {"backend": "torch"}).find("a") is None


@pytest.mark.parametrize(
    ("rules", "axes", "why"),
    [
        (TWO, "", "when names the axis 'backend', and no axes are listed: add axes ="),
        (
            TWO.replace("backend", "backen"),
            AXES,
            "the axis 'backen', which axes does not list: did you mean 'backend'?",
        ),
        (
            TWO.replace('"jax"', '"jaxx"'),
            AXES,
            "when names backend 'jaxx', which axes does not list: did you mean 'jax'?",
        ),
        (TWO.replace('{ backend = "jax" }', "{ }"), AXES, "is no condition"),
        (TWO.replace('{ backend = "jax" }', '"jax"'), AXES, "is no condition"),
        (TWO.replace('{ backend = "jax" }', "{ backend = 1 }"), AXES, "is no condition"),
        ('"a" = []\n', AXES, '"a" = [] is no rule'),
        ('"a" = [{ rtol = 1.0 }, { rtol = 2.0 }]\n', AXES, '"a" has two rules without a when, which hold at once'),
        ('"a" = { exact = true }\n', "axes = 3\n", "axes = 3 is not a table"),
        ('"a" = { exact = true }\n', "axes = { a = [] }\n", "axes: a = [] is not a list of levels"),
        ('"a" = { exact = true }\n', 'axes = { a = ["x", "x"] }\n', "lists 'x' twice"),
    ],
)
def test_what_can_hold_nowhere_is_refused_where_it_is_read(read, rules, axes, why):
    with pytest.raises(RuleError) as error:
        read(rules, axes)
    assert str(error.value).startswith("goldens/tolerances.toml: ")
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("levels", "why"),
    [
        ({"numpy": "2.0"}, "the axis 'backend', which this environment does not have: there are numpy"),
        ({"backend": "tpu"}, "backend is 'tpu' here, which is none of the levels in axes (jax, torch)"),
    ],
)
def test_an_environment_of_which_nobody_decided_is_an_error(read, levels, why):
    with pytest.raises(RuleError) as error:
        read(TWO).under(lambda: levels)
    assert why in str(error.value)


def test_only_rules_with_conditions_ask_for_the_environment(read):
    plain = read('"a" = { exact = true }\n')
    assert plain.under(lambda: pytest.fail("nobody needs to know")) is plain
    with pytest.raises(RuleError, match="depends on an environment"):
        read(TWO).find("a/b")


def test_a_rule_of_a_test_is_held_to_the_axes_of_the_files(read):
    rules = read('"a" = { exact = true }\n')
    own = read_rule("b/**", {"rtol": 1.0, "when": {"backend": "jax"}}, Path("t"), "t")
    assert rules.joined([own]).under(lambda: JAX).find("b/c").terms["rtol"] == 1.0
    with pytest.raises(RuleError, match="did you mean 'jax'"):
        rules.joined([replace(own, terms={"rtol": 1.0, "when": {"backend": "jex"}})])


def test_the_digest_knows_conditions_and_axes_and_not_their_order(read):
    plain = read('"a" = { rtol = 1.0 }\n', "").digest
    assert read('"a" = [{ rtol = 1.0 }]\n', "").digest == plain
    assert read('"a" = { rtol = 1.0 }\n').digest != plain
    one, other = "{ rtol = 1.0 }", '{ rtol = 2.0, when = { backend = "jax" } }'
    assert read(f'"a" = [{one}, {other}]\n').digest == read(f'"a" = [{other}, {one}]\n').digest
    assert read(f'"a" = [{one}, {other}]\n').digest != read(f'"a" = {one}\n').digest


def test_an_extended_files_axes_hold_too(tmp_path):
    (tmp_path / "goldens/one").mkdir(parents=True)
    (tmp_path / "goldens/tolerances.toml").write_text(f"version = 1\n{AXES}", encoding="utf-8")
    own = tmp_path / "goldens/one/tolerances.toml"
    own.write_text(f'version = 1\nextends = "../tolerances.toml"\n[rules]\n{TWO}', encoding="utf-8")
    assert load_rules(own, tmp_path / "goldens").under(lambda: JAX).find("a").terms["rtol"] == 1e-3


def test_the_matrix_shows_which_conditional_rule_judged_what_where():
    rule = '"a/**" = { rtol = 0.001, when = { backend = "jax" } }'
    odd = '"a/when" = { rtol = 0.1 }'

    def report(name, used):
        verdicts = (Verdict("x", Status.PASS, "exact", rule=used), Verdict("y", Status.PASS, "exact", rule=odd))
        artifacts = (ArtifactReport("make", "made", "cpu", verdicts),)
        return Report("p", "cpu", {"backend": name}, "", 0.0, (ScenarioReport("one", "cpu", "", artifacts),))

    matrix = collect_matrix({"j": [report("jax", rule)], "t": [report("torch", '"a/**" = { rtol = 1e-06 }')]}, dict)
    assert matrix_to_json(matrix)["conditional"] == [{"rule": rule, "values": {"j": 1}}]
    page, comment = matrix_html(matrix), matrix_markdown(matrix)
    assert "Rules that hold in some environments alone" in page
    assert "when = { backend = &#34;jax&#34; }" in page
    assert "| 1 value |  |" in comment
