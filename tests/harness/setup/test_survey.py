"""What is found in somebody's source: stages, what they need, and the settings that each of them reads."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from harness import ProjectError
from harness.setup.files.adapter import adapter_text
from harness.setup.files.scenario import scenario_text
from harness.setup.survey.proposing import propose


def proposal(root: Path, source: str = "", name: str = "pipe", stages=(), **others: str):
    for path, text in {**others, **({"pipe.py": source} if source else {})}.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(text), encoding="utf-8")
    made = propose(root, name, stages)
    ast.parse(adapter_text(made))
    return made


def table(made):
    """Stages with what they need and read."""
    return {s.name: (s.needs, s.reads) for s in made.stages}


CONFIGURED = """
    def load(cfg):
        return cfg["data"]["count"] * [1.0]

    def helper(options):
        return options["gain"] + options.get("offset", 0)

    def scale(cfg, data):
        part = cfg["scale"]
        return [x * helper(part) for x in data]

    def total(data, cfg):
        return {"sum": sum(data), "unit": cfg["unit"], "all": {**cfg["report"]}}
"""


def test_keys_are_followed_through_parts_helpers_and_defaults(tmp_path):
    driver = """
    def main(cfg):
        data = load(cfg)
        scaled = scale(cfg, data)
        return total(scaled, cfg)
    """
    made = proposal(tmp_path, dedent(CONFIGURED) + dedent(driver))
    assert table(made) == {
        "load": ((), ("data.count",)),
        "scale": (("load",), ("scale.gain", "scale.offset")),
        "total": (("scale",), ("report", "unit")),
    }
    assert made.stages[1].arguments == ("config", 'load["data"]')
    assert made.stages[2].mapping
    assert made.lacking == ["data.count", "scale.gain", "scale.offset", "report", "unit"]


def test_without_a_driver_names_of_parameters_and_results_tell(tmp_path):
    source = """
    def load(count=3):
        data = list(range(count))
        return data

    def _hidden(data):
        return data

    def inner(x):
        return x

    def total(data, factor, power=2):
        return inner(sum(data) * factor**power)

    def show(data):
        print(data)
    """
    made = proposal(tmp_path, source)
    assert table(made) == {"load": ((), ("load",)), "total": (("load",), ("inputs.factor", "total"))}
    assert made.settings == {"load": {"count": 3}, "total": {"power": 2}, "inputs": {}}
    assert made.lacking == ["inputs.factor"]
    assert "TODO: inputs.factor" in scenario_text(made)


def test_attributes_of_a_command_line_are_settings_with_its_defaults(tmp_path):
    source = """
    import argparse

    def parse():
        parser = argparse.ArgumentParser()
        parser.add_argument("-n", "--n-points", type=int, default=20)
        parser.add_argument("--quiet", action="store_true")
        return parser.parse_args()

    def load(n):
        return [0.0] * n

    def fit(args, x):
        return sum(x) * args.n_points

    if __name__ == "__main__":
        args = parse()
        x = load(args.n_points)
        print(fit(args, x), args.quiet)
    """
    made = proposal(tmp_path, source)
    assert table(made) == {"load": ((), ("n_points",)), "fit": (("load",), ("n_points",))}
    assert made.settings == {"n_points": 20}
    assert 'load(config["n_points"])' in adapter_text(made)
    assert 'as_attributes(config), load["x"]' in adapter_text(made)


def test_expressions_between_calls_are_written_where_they_are_used(tmp_path):
    source = """
    import numpy as np
    SCALE = 2.0

    def load(count):
        return np.ones(count), 3

    def fit(x, y, weight):
        return x.sum() * weight

    def main():
        data, n = load(5)
        halved = data[: n // 2] / SCALE
        result = fit(halved, np.sqrt(data), weight=len(data))
    """
    made = proposal(tmp_path, source)
    assert made.settings == {"load": {"count": 5}}
    assert made.stages[1].arguments == (
        'load["data"][:load["n"] // 2] / pipe.SCALE',
        'pipe.np.sqrt(load["data"])',
        'weight=len(load["data"])',
    )


def test_a_configuration_that_modules_share_is_followed_through_all_of_them(tmp_path):
    files = {
        "lab/__init__.py": "",
        "lab/params.py": "cfg = {'N': 8, 'gain': 2.0, 'out': None}\ndef get(key):\n    return cfg[key]\n",
        "lab/model.py": "from . import params as p\ndef make():\n    return [p.get('gain')] * p.cfg['N']\n",
        "lab/run.py": """
        from lab.model import make
        from lab.params import get

        def total(data):
            return sum(data) / get("N")

        def main():
            data = make()
            return total(data)
        """,
    }
    made = proposal(tmp_path, name="lab", **files)
    assert table(made) == {"make": ((), ("params.N", "params.gain")), "total": (("make",), ("params.N",))}
    assert made.settings == {"params": {"gain": 2.0, "N": 8}}
    assert made.shared == "lab.params:cfg"
    assert 'with patch.dict(lab.params.cfg, config["params"]):' in adapter_text(made)
    assert '"params": lab.params.cfg,' in adapter_text(made)


def test_one_function_that_is_called_twice_is_two_stages(tmp_path):
    source = """
    def load(seed):
        return [seed]

    def scale(x):
        return x * 2

    def main():
        train = load(1)
        test = load(2)
        a, b = scale(train), scale(test)
        c = scale(train)
        d = scale(test)
    """
    made = proposal(tmp_path, source)
    assert table(made) == {
        "load": ((), ("load",)),
        "load_test": ((), ("load_test",)),
        "scale": (("load",), ()),
        "scale_d": (("load_test",), ()),
    }


def test_what_no_golden_can_hold_is_told_and_so_are_files(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/in.csv").write_text("1\n")
    source = """
    def load():
        return open("data/in.csv").read()

    def fit(text):
        return object()

    def use(model, text):
        return model.predict(text.strip())

    def main():
        text = load()
        model = fit(text)
        return use(model, text)
    """
    made = proposal(tmp_path, source)
    assert [bool(s.notes) for s in made.stages] == [False, True, False]
    assert "use takes model.predict" in made.stages[1].notes[0]
    assert 'files=lambda config: [Path("data/in.csv")]' in adapter_text(made)


def test_some_functions_can_be_chosen_and_the_others_run_within_them(tmp_path):
    made = proposal(
        tmp_path,
        """
        def a():
            return 1.0

        def b(x):
            return x

        def c(y):
            return y

        def main():
            x = a()
            y = b(x)
            return c(y)
        """,
        stages=("a", "c"),
    )
    assert table(made) == {"a": ((), ()), "c": (("a",), ())}
    assert made.stages[1].arguments == ('pipe.b(a["x"])',)


def test_a_stage_that_has_the_name_of_a_fixture_emits_something_else(tmp_path):
    made = proposal(tmp_path, "def cache():\n    return 1\ndef golden(x):\n    return x\n")
    assert [s.artifact for s in made.stages] == ["cache_output", "golden_output"]


@pytest.mark.parametrize(
    ("source", "name", "said"),
    [
        ("x = 1\nprint(x)\n", "pipe", "put its steps into functions"),
        ("def f():\n    print(1)\n", "pipe", "put its steps into functions"),
        ("def f(:\n", "pipe", "cannot be parsed"),
        ("def f():\n    return 1\n", "pip", "there is no module 'pip'"),
    ],
)
def test_what_cannot_be_a_pipeline_is_refused_with_a_remedy(tmp_path, source, name, said):
    with pytest.raises(ProjectError, match=said):
        proposal(tmp_path, source, name)
