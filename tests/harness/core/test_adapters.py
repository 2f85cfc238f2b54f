"""What an adapter gives, held to its word: configurations, names, answers, and errors as sentences."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.core.adapters.answers import checked_answer
from harness.core.adapters.asking import asked_with_care, check_name, import_pipeline
from harness.core.adapters.configuration import plain_configuration
from harness.core.adapters.faults import sentence_of, traceback_of
from harness.core.errors import HarnessError, ProjectError
from harness.core.protocol import Invariant, Pipeline, Scenario, Stage


class Text(str):
    __slots__ = ()


class Letter(str, enum.Enum):
    A = "a"


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def itself():
    value = []
    value.append(value)
    return value


def doubled(times):
    value = [1]
    for _ in range(times):
        value = [value, value]
    return value


# Configurations


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ({"n": 3, "x": 1.5, "t": "é\n", "b": True, "z": None, "l": [1, (2, "a")]}, None),
        ({"n": np.float64(0.1)}, {"n": 0.1}),
        ({"n": np.float32(0.1)}, {"n": float(np.float32(0.1))}),
        ({"n": np.int64(-3), "b": np.bool_(True), "t": np.str_("x")}, {"n": -3, "b": True, "t": "x"}),
        (types.MappingProxyType({"a": collections.OrderedDict(b=1)}), {"a": {"b": 1}}),
        ({"t": Text("x")}, {"t": "x"}),
        ({"n": 10**399}, {"n": 10**399}),
        ({"n": nested(40)}, {"n": nested(40)}),
        ({}, {}),
    ],
)
def test_what_json_can_hold_is_kept_exactly(given, plain):
    kept = plain_configuration(given, "here")
    assert repr(kept) == repr(dict(given) if plain is None else plain)


def test_a_zero_keeps_its_sign():
    assert repr(plain_configuration({"n": -0.0}, "here")) == "{'n': -0.0}"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "is nan, which JSON does not know"),
        (float("-inf"), "is -inf, which JSON does not know"),
        (np.float64("inf"), "is inf, which JSON does not know"),
        (10**5000, "is an integer of 16,610 bits"),
        ({1, 2}, "is a set"),
        (frozenset(), "is a frozenset"),
        (b"x", "is a bytes"),
        (object(), "is a object"),
        (2j, "is a complex"),
        (np.arange(3), "is a ndarray"),
        (np.longdouble(1), "is a longdouble" if np.longdouble(1).nbytes > 8 else "is a"),
        (np.datetime64("2020-01-01"), "is a date"),
        (Path("x"), "is a PosixPath"),
        (datetime.date(2020, 1, 1), "is a date"),
        (decimal.Decimal(1), "is a Decimal"),
        (lambda: 3, "is a function"),
        (Letter.A, "is a member of the enumeration Letter"),
        (collections.namedtuple("P", "a b")(1, 2), "is a P"),
        ("x\ud800", "has half of a surrogate pair"),
        ("x" * 9_000_000, "is a text of 9,000,000 characters"),
        (nested(60), "is nested more than 48 deep"),
        (itself(), "is nested more than 48 deep, or holds itself"),
        (doubled(30), "has more than 1,000,000 values before it"),
        ({1: 2}, "has the key 1, which is no text"),
        ({None: 2}, "has the key None, which is no text"),
        ({"\udc80": 2}, "has half of a surrogate pair"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_json_cannot_hold_is_refused_with_its_key(value, said):
    with pytest.raises(ProjectError) as refused:
        plain_configuration({"fit": {"some": value}}, "scenario small")
    sentence = str(refused.value)
    assert sentence.startswith("scenario small: setting 'fit.some")
    assert said in sentence
    assert len(sentence) < 300


@pytest.mark.parametrize("config", [None, 3, [], "x", float("nan")])
def test_a_configuration_is_a_mapping(config):
    with pytest.raises(ProjectError, match="for its configuration: give a mapping"):
        plain_configuration(config, "scenario small")


# Names


@pytest.mark.parametrize("name", ["small", "a.b-c_d", "_x", "x" * 200])
def test_names_that_goldens_can_be_filed_under(name):
    assert check_name(name, "a scenario") == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a..b", "a/b", "../x", "[/b]", "a b", "\x1b[31m", "é", "-x", "x" * 201, "a\n", 3, None]
)
def test_other_names_are_refused(name):
    with pytest.raises(ProjectError, match="cannot name a scenario: goldens are filed under it"):
        check_name(name, "a scenario")


# Errors as sentences


def raised(code, name="own.py", **names):
    try:
        exec(compile(code, name, "exec"), {"np": np, **names})
    except BaseException as error:
        return error
    raise AssertionError


def test_a_sentence_has_type_message_and_the_innermost_line_that_is_the_users():
    assert sentence_of(raised("\n{}['x']")) == "KeyError: 'x' (own.py, line 2)"
    within = sentence_of(raised("\n\nnp.linalg.inv(np.zeros((2, 2)))"))
    assert within == "LinAlgError: Singular matrix (own.py, line 3)"
    assert sentence_of(raised("raise StopIteration")) == "StopIteration (own.py, line 1)"
    assert sentence_of(raised("raise SystemExit(0)")) == "SystemExit: 0 (own.py, line 1)"
    assert sentence_of(ValueError("never raised")) == "ValueError: never raised"


def test_the_place_of_a_syntax_error_is_where_it_is(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("x = 1\ndef (\n")
    error = raised(f"compile({path.read_text()!r}, {str(path)!r}, 'exec')")
    assert sentence_of(error) == "SyntaxError: invalid syntax (bad.py, line 2)"


@pytest.mark.parametrize("body", ["1 / 0", "return 3", "import sys; sys.exit(0)", "raise RecursionError"])
def test_an_error_that_cannot_show_itself_is_shown(body):
    error = raised(f"class E(Exception):\n def __str__(self):\n  {body}\nraise E")
    assert sentence_of(error) == "E: its message cannot be shown (own.py, line 4)"


def test_five_megabytes_of_colours_are_one_short_clean_sentence():
    error = raised("raise ValueError('\\x1b[31m::error::\\x00' + 5_000_000 * 'x')")
    sentence = sentence_of(error)
    assert sentence.startswith("ValueError: : :error::\ufffdxxx")
    assert sentence.endswith("x\u2026 (own.py, line 1)")
    assert len(sentence) < 2100
    assert len(traceback_of(error)) <= 20_000


def test_a_traceback_is_whole():
    whole = traceback_of(raised("def f():\n return g()\ndef g():\n raise ValueError('here')\nf()"))
    assert whole.startswith("Traceback (most recent call last):")
    assert [line in whole for line in ("line 5", "line 2, in f", "line 4, in g", "ValueError: here")] == [True] * 4


# The adapter's functions


def pipeline(**more):
    known = {
        "name": "p",
        "stages": (Stage("a", "made", lambda config, progress: {}),),
        "scenarios": lambda: {"small": "title"},
        "load": lambda name, profile, overrides: Scenario(name, profile, "title", {}),
        "source_roots": (),
    }
    return asked_with_care(Pipeline(**known | more))


def boom(*arguments):
    raise OSError(28, "no space")


@pytest.mark.parametrize(
    ("more", "ask"),
    [
        ({"scenarios": boom}, lambda p: p.scenarios()),
        ({"scenarios": lambda: [1]}, lambda p: p.scenarios()),
        ({"scenarios": lambda: {"[/b]": "x"}}, lambda p: p.scenarios()),
        ({"load": boom}, lambda p: p.load("small", "cpu", ())),
        ({"load": lambda *a: {}}, lambda p: p.load("small", "cpu", ())),
        ({"load": lambda *a: Scenario("other", "cpu", "", {})}, lambda p: p.load("small", "cpu", ())),
        ({"load": lambda *a: Scenario("small", "gpu", "", {})}, lambda p: p.load("small", "cpu", ())),
        ({"load": lambda *a: Scenario("small", "cpu", "", {"x": set()})}, lambda p: p.load("small", "cpu", ())),
        ({}, lambda p: p.load("small", "../x", ())),
        ({"reseed": boom}, lambda p: p.reseed({}, 1)),
        ({"reseed": lambda config, member: {"seed": object()}}, lambda p: p.reseed({}, 1)),
        ({"invariants": boom}, lambda p: p.invariants({})),
        ({"invariants": lambda a: None}, lambda p: p.invariants({})),
        ({"invariants": lambda a: [3]}, lambda p: p.invariants({})),
        ({"invariants": lambda a: [Invariant("a", None)]}, lambda p: p.invariants({})),
        ({"invariants": lambda a: [Invariant("a", 10**400)]}, lambda p: p.invariants({})),
        ({"invariants": lambda a: [Invariant("a\n", 1)]}, lambda p: p.invariants({})),
        ({"invariants": lambda a: [Invariant("a", 1), Invariant("a", 2)]}, lambda p: p.invariants({})),
        ({"stages": (Stage("a", "m", boom, files=boom),)}, lambda p: p.stages[0].files({})),
        ({"stages": (Stage("a", "m", boom, files=lambda c: "x"),)}, lambda p: p.stages[0].files({})),
        ({"stages": (Stage("a", "m", boom, files=lambda c: [3]),)}, lambda p: p.stages[0].files({})),
        ({"scenarios": lambda: sys.exit(0)}, lambda p: p.scenarios()),
        ({"load": lambda *a: sys.exit(0)}, lambda p: p.load("small", "cpu", ())),
    ],
)
def test_whatever_an_adapter_does_is_a_project_error(more, ask):
    with pytest.raises(ProjectError) as refused:
        ask(pipeline(**more))
    assert "\n" not in str(refused.value)


def test_what_an_adapter_gives_rightly_is_given_on():
    given = pipeline(
        stages=(Stage("a", "m", boom, files=lambda c: ["x", Path("y")]),),
        invariants=lambda a: [Invariant("holds", np.float64(1), 0, None, "it\x1b[31m is")],
        reseed=lambda config, member: {**config, "seed": member},
    )
    assert given.scenarios() == {"small": "title"}
    assert given.load("small", "cpu", ()) == Scenario("small", "cpu", "title", {})
    assert given.stages[0].files({}) == [Path("x"), Path("y")]
    assert given.invariants({}) == [Invariant("holds", 1.0, 0, None, "it is")]
    assert given.reseed({"n": 1}, 2) == {"n": 1, "seed": 2}


def test_the_harness_own_errors_stay():
    def load(name, profile, overrides):
        raise HarnessError("fit.epochs is not a number")

    with pytest.raises(HarnessError, match=r"^fit\.epochs is not a number$"):
        pipeline(load=load).load("small", "cpu", ())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("def (", "SyntaxError: invalid syntax (bad_adapter.py, line 1)): mend it first"),
        ("\n1 / 0", "ZeroDivisionError: division by zero (bad_adapter.py, line 2)): mend it first"),
        ("pipeline = x", "NameError: name 'x' is not defined (bad_adapter.py, line 1)"),
        ("import sys\nsys.exit(0)", "SystemExit: 0 (bad_adapter.py, line 2)"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module' (bad_adapter.py, line 1)"),
        ("x = 1", "module 'bad_adapter' has no attribute 'pipeline'): write it as \"module:attribute\""),
        ("raise BaseException('b')", "BaseException: b (bad_adapter.py, line 1)"),
        ("pipeline = 3", "is a int, not a harness.Pipeline"),
        ("\0", "source code string cannot contain null bytes"),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_an_adapter_that_cannot_be_imported_is_one_sentence_with_its_line(content, said, tmp_path, monkeypatch):
    (tmp_path / "bad_adapter.py").write_text(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "bad_adapter", raising=False)
    with pytest.raises(ProjectError) as refused:
        import_pipeline("bad_adapter:pipeline", tmp_path / "pyproject.toml")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("adapter", ["no_such_module:x", ":", ".x:y", "", "a b"])
def test_an_adapter_that_is_misnamed_is_told_how_it_is_written(adapter):
    with pytest.raises(ProjectError, match=r'cannot be imported .*write it as "module:attribute"'):
        import_pipeline(adapter, Path("pyproject.toml"))


# Answers about runs

ANALYSIS = {
    "name": "loss",
    "title": "Loss",
    "figures": {"last": 1.0},
    "tables": [{"title": "t", "columns": ["a", "b"], "rows": [[1, None]]}],
    "notes": [],
}
RUN = {
    "name": "run",
    "layout": "l",
    "missing": [],
    "verdict": "sound",
    "findings": [{"cause": "c", "level": "fault", "statement": "s", "evidence": ["e"], "remedy": "", "weight": 1.0}],
    "hypotheses": [{"id": "h", "statement": "s", "status": "confirmed", "evidence": "e"}],
    "analyses": [ANALYSIS],
}


def test_an_answer_of_the_right_form_is_given_on():
    assert checked_answer(RUN, "explain") == RUN
    whole = {"version": 1, "runs": [RUN], "together": [ANALYSIS]}
    assert checked_answer(whole, "analyze") == whole


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"verdict": 3}, "verdict is a int, not a str"),
        ({"findings": None}, "findings is a NoneType, not a list"),
        ({"findings": [{**RUN["findings"][0], "level": "bad"}]}, "level of findings 0 is none of fault, warning, info"),
        ({"missing": ["a", 2]}, "missing 1 is a int, not a str"),
        ({"analyses": [{**ANALYSIS, "name": "../x"}]}, "name of analyses 0 is no name"),
        ({"analyses": [{**ANALYSIS, "figures": {"x": float("nan")}}]}, "cannot be written as strict JSON"),
        ({"analyses": [{**ANALYSIS, "figures": {"x": object()}}]}, "cannot be written as strict JSON"),
        (
            {"analyses": [{**ANALYSIS, "tables": [{"title": "t", "columns": ["a"], "rows": [[1, 2]]}]}]},
            "differ in number",
        ),
    ],
)
def test_an_answer_of_another_form_is_refused_with_its_place(change, said):
    with pytest.raises(ProjectError, match="the adapter's explain gave") as refused:
        checked_answer({**RUN, **change}, "explain")
    assert said in str(refused.value)


@pytest.mark.parametrize("answer", [None, 3, [], {}, SimpleNamespace()])
@pytest.mark.parametrize("hook", ["explain", "analyze", "contrast"])
def test_what_is_no_answer_is_refused(answer, hook):
    with pytest.raises(ProjectError, match=f"the adapter's {hook} gave an answer that cannot be shown"):
        checked_answer(answer, hook)


def test_an_installation_that_lacks_something_is_no_verdict():
    code = "import sys; sys.modules['typer'] = None; import harness.cli; harness.cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.startswith("error: the harness cannot be imported")
    assert "Traceback" not in done.stderr
