"""Mutants: each is the mistake that its name says, in a copy, and nowhere else."""

from __future__ import annotations

import ast
import sys

import numpy as np
import pytest

from harness.core.errors import HarnessError, ProjectError
from harness.core.protocol import Scenario, Stage
from harness.core.trees import split_tree
from harness.study.prove.faults.mutant import mutant_from
from harness.study.prove.faults.operators import OPERATORS
from harness.study.prove.faults.outputs import faulty_output, output_mutants
from harness.study.prove.faults.reached import Span
from harness.study.prove.faults.settings import moved_settings, setting_mutants, stepped
from harness.study.prove.faults.source import mutated_content, source_mutants

FLOATS = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
SQUARE = np.array([[1.0, 2.0], [3.0, 4.0]])

MADE = [
    ("factor", FLOATS, FLOATS * 1.001),
    ("offset", FLOATS, FLOATS + 0.006),
    ("sign", FLOATS, -FLOATS),
    ("roll", FLOATS, [[3.0, 1.0, 2.0], [6.0, 4.0, 5.0]]),
    ("transpose", SQUARE, [[1.0, 3.0], [2.0, 4.0]]),
    ("conjugate", np.array([1 + 2j]), [1 - 2j]),
    ("permutation", FLOATS, [[4.0, 5.0, 6.0], [1.0, 2.0, 3.0]]),
    ("nan", np.array([1.0]), [np.nan]),
    ("half", np.array([0.1, 1e6]), [float(np.float16(0.1)), np.inf]),
    ("half", np.array([0.1 + 0.2j]), [complex(np.float16(0.1), np.float16(0.2))]),
    ("stale", np.array([1.0, 2.0]), [1.0, 1.0]),
    ("count", np.array([7]), [8]),
    ("flag", np.array([True]), [False]),
]


@pytest.mark.parametrize(("name", "array", "expected"), MADE, ids=[m[0] for m in MADE])
def test_an_operator_makes_its_mistake_and_leaves_the_array(name, array, expected):
    before = array.copy()
    assert OPERATORS[name].fits(array)
    changed = OPERATORS[name].change(array, 0)
    np.testing.assert_allclose(changed, expected, rtol=1e-12)
    assert changed.dtype == array.dtype
    np.testing.assert_array_equal(array, before)


def test_an_operator_is_only_made_of_what_it_fits():
    """A list of texts has no sign, a vector no transposition, and a real number no conjugate."""
    fits = {name for name, operator in OPERATORS.items() if operator.fits(np.array(["a", "b"]))}
    assert fits == {"stale"}
    assert not OPERATORS["transpose"].fits(FLOATS)
    assert not OPERATORS["conjugate"].fits(FLOATS)
    assert not OPERATORS["half"].fits(FLOATS.astype(np.float16))
    assert not any(operator.fits(np.zeros((0, 3))) for operator in OPERATORS.values())


OUTPUT = {
    "field": FLOATS,
    "deep": {"losses": [1.0, 0.5], "pair": (2, 3.0), "narrow": np.float32(0.5)},
    "fine": True,
    "name": "rod",
}


def test_every_number_of_an_output_has_its_mutants_and_only_it_changes():
    mutants = list(output_mutants("solve", "smooth", OUTPUT))
    places = {m.place for m in mutants}
    assert places == {"field", "deep/losses/0", "deep/losses/1", "deep/pair/0", "deep/pair/1", "deep/narrow", "fine"}
    before = split_tree(OUTPUT)
    for mutant in mutants:
        values, arrays = split_tree(faulty_output(mutant, OUTPUT))
        if mutant.place == "field":
            assert values == before[0]
            assert np.array_equal(arrays["field"], FLOATS) is (mutant.operator == "half")  # which has all of them
        else:
            np.testing.assert_array_equal(arrays["field"], FLOATS)
    assert split_tree(OUTPUT)[0] == before[0]
    (narrow,) = (m for m in mutants if m.place == "deep/narrow" and m.operator == "sign")
    assert faulty_output(narrow, OUTPUT)["deep"]["narrow"] == np.float32(-0.5)
    (pair,) = (m for m in mutants if m.place == "deep/pair/1" and m.operator == "sign")
    assert faulty_output(pair, OUTPUT)["deep"]["pair"] == (2, -3.0)
    (lost,) = (m for m in mutants if m.place == "deep/losses/0" and m.operator == "nan")
    assert np.isnan(faulty_output(lost, OUTPUT)["deep"]["losses"][0])


def test_a_place_that_is_not_there_is_no_place_for_a_fault():
    (mutant, *_) = output_mutants("solve", "smooth", {"a": {"b": 1.0}})
    for other in ({"a": 1.0}, {}, {"a": {"b": "text"}}):
        with pytest.raises(KeyError):
            faulty_output(mutant, other)


def test_a_mutant_is_the_same_wherever_it_is_tried():
    mutants = list(output_mutants("solve", "smooth", OUTPUT))
    assert len({m.id for m in mutants}) == len(mutants)
    assert [mutant_from(m.as_json()).id for m in mutants] == [m.id for m in mutants]


# Settings


@pytest.mark.parametrize(
    ("value", "now"), [(3, 4), (2.0, 2.02), (0.0, 0.01), (True, False), ("mean", None), (None, None), ([], None)]
)
def test_a_setting_moves_by_one_step(value, now):
    assert stepped(value) == (pytest.approx(now) if isinstance(now, float) else now)
    assert type(stepped(value)) is type(now)


def test_each_setting_is_moved_for_all_and_for_each_stage_that_reads_it():
    config = {"rod": {"points": 9, "ends": [0.5, 1.0]}, "name": "x", "unread": 1}
    stages = [Stage("start", "a", "m:f", reads=("rod",)), Stage("end", "b", "m:f", reads=("rod.points", "name"))]
    found = {(m.kind, m.stages, m.place) for m in setting_mutants(Scenario("s", "cpu", "", config), stages)}
    assert found == {
        ("setting", ("start",), "rod.points"),
        ("setting", ("start",), "rod.ends.0"),
        ("setting", ("start",), "rod.ends.1"),
        ("setting", ("end",), "rod.points"),
        ("configuration", ("configuration",), "rod.points"),
        ("configuration", ("configuration",), "rod.ends.0"),
        ("configuration", ("configuration",), "rod.ends.1"),
    }
    moves = setting_mutants(Scenario("s", "cpu", "", config), stages[:1])
    mutant = next(m for m in moves if m.place == "rod.ends.0")
    assert moved_settings(mutant, config) == {**config, "rod": {"points": 9, "ends": [0.505, 1.0]}}
    assert config["rod"]["ends"] == [0.5, 1.0]
    other = {"rod": {"points": 9}}
    assert moved_settings(mutant, other) is other


# Source


def edits(tmp_path, code, spans=None):
    """``operator: old line -> new line`` of every mutant of some code."""
    path = tmp_path / "heat.py"
    path.write_text(code)
    lines = code.count("\n") + 1
    mutants = list(source_mutants(tmp_path, {path: spans or [Span(1, lines, ("solve",))]}))
    for mutant in mutants:
        ast.parse(mutated_content(mutant, path.read_bytes()))
    return [(m.operator, mutated_content(m, path.read_bytes()).decode()) for m in mutants]


@pytest.mark.parametrize(
    ("code", "operator", "mutated"),
    [
        ("x = 0.4 * y", "constant", "x = 0.404 * y"),
        ("x = 0.0", "constant", "x = 0.01"),
        ("x = 1e-3", "constant", "x = 0.00101"),
        ("x = 3 * y", "integer", "x = 4 * y"),
        ("x = range(5)", "limit", "x = range(6)"),
        ("x = range(5)", "limit", "x = range(4)"),
        ("x = y[1:n]", "limit", "x = y[2:n]"),
        ("x = y[1:n]", "limit", "x = y[0:n]"),
        ("x = f(n_rows, n_columns)", "arguments", "x = f(n_columns, n_rows)"),
        ("x = f(x, y)", "arguments", "x = f(y, x)"),
        ("x = y.sum(axis=1)", "axis", "x = y.sum(axis=0)"),
        ("x = y.sum(axis=-1)", "axis", "x = y.sum(axis=-2)"),
        ("x = a + b", "sign", "x = a - b"),
        ("x = a - b", "sign", "x = a + b"),
        ("x += b", "sign", "x -= b"),
        ("x = -b", "sign", "x = b"),
        ("x = np.mean(y)", "mean", "x = np.median(y)"),
        ("x = np.median(y)", "mean", "x = np.mean(y)"),
        ("x = a < b", "comparison", "x = a <= b"),
        ("x = a >= b", "comparison", "x = a > b"),
        ("x = y.conj()", "conjugate", "x = y"),
        ("x = np.conj(y) * z", "conjugate", "x = y * z"),
        ("x = np.fft.fftshift(y + z)", "shift", "x = (y + z)"),
        ("x = np.sqrt(a * b) ** 2", "root", "x = (a * b) ** 2"),
        ("x = np.random.default_rng(seed + i)", "seed", "x = np.random.default_rng(0)"),
        ("x = draw(seed=member)", "seed", "x = draw(seed=0)"),
    ],
)
def test_a_mistake_in_the_source_is_what_its_operator_says(tmp_path, code, operator, mutated):
    assert (operator, mutated) in edits(tmp_path, code)


@pytest.mark.parametrize(
    "code",
    [
        "x: Array[3, 4]",
        "raise ValueError(1.0 + x)",
        "assert x < 3",
        "x = f(y, z_long_name)",
        "x = 'a' + y",
        "x = f'{1.0 + y}'",
        "x = y.sum(axis=(0, 1))",
        "@decorated(3)\ndef f():\n    return x",
        "x = a == b",
        "x = y.mean()",  # most arrays have no such method as the other's
    ],
)
def test_what_decides_no_number_has_no_mutant(tmp_path, code):
    assert edits(tmp_path, code) == []


def test_only_what_is_reached_is_changed_and_knows_its_stages(tmp_path):
    path = tmp_path / "heat.py"
    path.write_text("a = 1.0\nb = 2.0\nc = 3.0  # Ä\nd = 4.0\n", encoding="utf-8")
    spans = [Span(2, 3, ("solve",)), Span(3, 4, ("read",))]
    found = [(m.place, m.stages, m.change) for m in source_mutants(tmp_path, {path: spans})]
    assert found == [
        ("heat.py:2", ("solve",), "2.0 -> 2.02"),
        ("heat.py:3", ("solve", "read"), "3.0 -> 3.0300000000000002"),
        ("heat.py:4", ("read",), "4.0 -> 4.04"),
    ]


def test_a_file_that_was_edited_meanwhile_is_refused(tmp_path):
    path = tmp_path / "heat.py"
    path.write_text("x = 1.0\n")
    (mutant,) = source_mutants(tmp_path, {path: [Span(1, 1, ("solve",))]})
    with pytest.raises(HarnessError, match=r"heat\.py was edited meanwhile"):
        mutated_content(mutant, b"x = 2.0\n")


def test_without_libcst_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "heat.py"
    path.write_text("x = 1.0\n")
    monkeypatch.setitem(sys.modules, "libcst", None)
    with pytest.raises(ProjectError, match="need libcst, which is not installed: `python -m pip install libcst`"):
        list(source_mutants(tmp_path, {path: [Span(1, 1, ("solve",))]}))
