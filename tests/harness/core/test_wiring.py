"""What a program does between its stages, and its command line's defaults, told from its source."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from harness import ProjectError, options_of, steps_of

SOURCE = '''
import argparse
import numpy as np

CFG = {"seed": 7, "weekend": 0.7, "grid": [1, 2]}
RATE = 0.1
KEY = "seed"
TWICE = 1
TWICE = 2


def main(argv=None, n=5):
    """Run."""
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=CFG["seed"])
    a = ap.parse_args(argv)
    t, cases = make_data(dict(CFG, seed=a.seed))
    c = clean(cases, CFG["weekend"])
    c = detrend(c)
    smooth: np.ndarray = rt(c)
    for step in range(n):
        c[step] = 0
    peak = int(np.nanargmax(smooth))
    with open("out") as fh:
        rows = table(fh, c)
    print(f"peak {peak} of {len(rows)}, {smooth.sum()}")
    return peak
'''


@pytest.fixture
def told(tmp_path: Path):
    """The steps of a source, after some changes of it."""

    def tell(*changes: tuple[str, str], function: str = "main", by: str = "names") -> dict[str, str]:
        words = SOURCE
        for old, new in changes:
            assert old in words
            words = words.replace(old, new)
        path = tmp_path / "pipe.py"
        path.write_text(words)
        return steps_of(str(path), function, by)

    return tell


def test_each_statement_is_told_by_what_it_sets(told):
    steps = told()
    loop = steps.pop("step")
    assert loop.startswith("source ")
    assert steps == {
        "argv": "None",
        "n": "5",
        "ap": "argparse.ArgumentParser()",
        "a": "ap.parse_args(argv)",
        "t, cases": "make_data(dict(CFG, seed=a.seed))",
        "c": "clean(cases, CFG['weekend'])",
        "c_2": "detrend(c)",
        "smooth": "rt(c_2)",
        "peak": "int(np.nanargmax(smooth))",
        "fh": "open('out')",
        "rows": "table(fh, c_2)",
        "return": "peak",
    }


CHANGES = [
    ('CFG["weekend"])', "1.0)", {"c"}),
    ("nanargmax", "argmax", {"peak"}),
    ("c[step] = 0", "c[step] = 1", {"step"}),
    ("range(n)", "range(3)", {"step"}),
    ("n=5", "n=6", {"n"}),
    ("dict(CFG, seed=a.seed)", "CFG", {"t, cases"}),
    ("return peak", "return -peak", {"return"}),
    ("    c = detrend(c)\n", "", {"c_2", "smooth", "rows", "step"}),
    (
        "    c = detrend(c)\n    smooth: np.ndarray = rt(c)\n",
        "    smooth = rt(c)\n    c = detrend(c)\n",
        {"smooth"},
    ),
    ("    print(", "    c.sort()\n    print(", {"c.sort"}),
    ("{smooth.sum()}", "{evaluate(smooth)}", {"print"}),
    ("{smooth.sum()}", "{np.mean(smooth)}", {"print"}),
]


@pytest.mark.parametrize(("old", "new", "named"), CHANGES)
def test_a_change_is_told_at_its_step(told, old, new, named):
    before, after = told(), told((old, new))
    assert {name for name in before | after if before.get(name) != after.get(name)} == named


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Run."""', '"""Do it all."""'),
        ("clean(cases, ", "clean( # twice\n        cases,\n        "),
        ("smooth: np.ndarray = ", "smooth = "),
        ('print(f"peak {peak}', 'print(f"the peak: {peak}'),
        ("    print(", '    logging.info("done")\n    print('),
        ("    for step", "\n    for step"),
        ("c[step] = 0", "c[step]=0 # out"),
        ('CFG["weekend"]', "CFG['weekend']"),
        ('"--seed", type=int', '"--seed", help="the seed", type=int'),
    ],
)
def test_what_changes_nothing_is_not_told(told, old, new):
    assert told((old, new)) == told()


def test_the_lines_under_the_guard_are_told_where_no_function_is_named(told):
    under = '\n\nif __name__ == "__main__":\n    x = main(["--seed", "3"])\n    save(x)\n'
    assert told(("    return peak\n", f"    return peak\n{under}"), function="") == {
        "x": "main(['--seed', '3'])",
        "save": "save(x)",
    }


def test_decorators_declare_options_and_are_told(told):
    changed = told(("def main(", '@click.option("--n", default=3)\ndef main('))
    assert changed["@click.option"] == "click.option('--n', default=3)"


def test_a_function_or_file_that_is_gone_is_said(told, tmp_path):
    with pytest.raises(ProjectError, match="has no function start any more"):
        told(function="start")
    with pytest.raises(ProjectError, match="cannot be read as Python"):
        steps_of(str(tmp_path / "none.py"), "main")
    (tmp_path / "broken.py").write_text("def main(:\n")
    with pytest.raises(ProjectError, match="cannot be read as Python"):
        options_of(str(tmp_path / "broken.py"))


@pytest.mark.parametrize(
    ("default", "value"),
    [
        ("7", 7),
        ('CFG["seed"]', 7),
        ("CFG[KEY]", 7),
        ('CFG["grid"][1]', 2),
        ("CFG['grid']", [1, 2]),
        ("(1, 2.5)", [1, 2.5]),
        ("RATE", 0.1),
        ("-1", -1),
        ("None", None),
        ("TWICE", "TWICE"),  # which of the two it is, running alone tells
        ("CFG['none']", "CFG['none']"),
        ("os.cpu_count()", "os.cpu_count()"),
    ],
)
def test_defaults_of_a_command_line_are_followed(tmp_path, default, value):
    path = tmp_path / "pipe.py"
    path.write_text(dedent(SOURCE).replace('default=CFG["seed"]', f"default={default}"))
    assert options_of(str(path)) == {"seed": value}


def test_flags_have_the_default_that_they_mean(tmp_path):
    path = tmp_path / "pipe.py"
    path.write_text(
        'p.add_argument("-q", "--no-plot", action="store_false")\np.add_argument("-v", action="store_true")\n'
    )
    assert options_of(str(path)) == {"no_plot": True, "v": False}


@pytest.mark.parametrize(("old", "new"), [(old, new) for old, new, _ in CHANGES])
def test_a_change_is_told_by_calls_too(told, old, new):
    assert told((old, new), by="calls") != told(by="calls")


@pytest.mark.parametrize("name", ["ap", "a", "t", "cases", "c", "smooth", "step", "peak", "fh", "rows"])
def test_another_name_of_a_local_changes_nothing_by_calls(told, tmp_path, name):
    before = told(by="calls")
    renamed = re.sub(rf"\b{name}\b", "another", SOURCE)
    (tmp_path / "pipe.py").write_text(renamed)
    assert steps_of(str(tmp_path / "pipe.py"), "main", "calls") == before
    assert steps_of(str(tmp_path / "pipe.py"), "main") != told()


def test_steps_by_calls_have_the_name_of_what_they_call(told):
    steps = told(by="calls")
    assert steps["clean"] == "clean(<make_data 2>, CFG['weekend'])"
    assert steps["table"] == "table(<with 1>, <detrend>)"
    assert steps["parse_args"] == "<argparse.ArgumentParser>.parse_args(argv)"
    assert steps["return"] == "<int>"
