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
        "scale_2": (("load_test",), ()),
        "scale_c": (("load",), ()),
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


def test_records_are_configurations_and_results_without_a_line_by_hand(tmp_path):
    source = """
    from dataclasses import dataclass
    from typing import NamedTuple

    @dataclass
    class Setup:
        count: int = 8
        step: float = 0.5
        label: str = None

        @property
        def length(self):
            return self.count * self.step

    @dataclass
    class Line:
        slope: float
        rest: list

    class Point(NamedTuple):
        x: float

    def load(s: Setup):
        return [s.length] * s.count, s.label

    def fit(data, power=2):
        return Line(sum(data) ** power, data)

    def place(line: Line, s):
        return Point(line.slope * s.step)

    def show(point, s: Setup, digits=3):
        return {"x": round(point.x, digits), "n": s.count}

    def main():
        s = Setup(count=4)
        data, label = load(s)
        line = fit(data)
        point = place(line, s)
        return show(point, s)
    """
    made = proposal(tmp_path, source)
    assert table(made) == {
        "load": ((), ("count", "label", "step")),
        "fit": (("load",), ("fit",)),
        "place": (("fit",), ("step",)),
        "show": (("place",), ("count", "show")),
    }
    assert made.settings == {"count": 4, "step": 0.5, "fit": {"power": 2}, "show": {"digits": 3}}
    assert (made.lacking, made.notes, [s.notes for s in made.stages]) == ([], [], [[]] * 4)
    text = adapter_text(made)
    assert 'asdict(pipe.fit(load["data"], **config["fit"]))' in text
    assert "pipe.place(pipe.Line(**fit), pipe.Setup(**config))._asdict()" in text
    given = ("pipe.Point(**place)", 'pipe.Setup(count=config["count"])', '**config["show"]')
    assert made.stages[3].arguments == given
    assert '"Setup": defaults_of(pipe.Setup),' in text


def test_a_name_is_what_it_was_when_it_was_used(tmp_path):
    source = """
    import numpy as np

    def load():
        return np.ones(4)

    def fit(x):
        return x.sum()

    def main():
        x = load()
        x = x / 2
        x -= 1
        lo, hi = np.split(x, 2)
        y = fit(lo)
        x = 3 * x
        return fit([v for v in x])
    """
    made = proposal(tmp_path, source)
    arguments = [s.arguments for s in made.stages]
    assert arguments[1] == ('pipe.np.split(load["x"] / 2 - 1, 2)[0]',)
    assert arguments[2] == ('[v for v in 3 * (load["x"] / 2 - 1)]',)
    assert made.notes == []


def test_what_no_stage_can_repeat_is_told(tmp_path):
    source = """
    def load():
        return [1.0, 2.0]

    def smooth(x):
        return x

    def total(x, n):
        return sum(x) * n

    def main():
        x = load()
        for _ in range(3):
            x = smooth(x)
        y = load()
        y[0] = 5.0
        with open("n") as file:
            n = file.read()
        return total(x, total(y, missing) + n)
    """
    made = proposal(tmp_path, source)
    said = " ".join(made.notes)
    assert "line 13 of pipe.py may change, or repeats x between its functions: put that into one of them" in said
    assert "changes y between its functions" in said
    assert "missing of main is nothing that the adapter has" in said
    assert "file of main is nothing that the adapter has" in said


def test_a_script_without_a_function_that_calls_is_taken_from_its_body(tmp_path):
    source = """
    PARAMS = {"n": 3}

    def load(p):
        return [1.0] * p["n"]

    def total(x):
        return sum(x)

    data = load(PARAMS)
    print(total(data))
    """
    made = proposal(tmp_path, source)
    assert table(made) == {"load": ((), ("n",)), "total": (("load",), ())}
    assert made.settings == {"n": 3}
    assert "importing pipe runs all of it" in made.notes[0]


def test_a_call_within_an_expression_is_a_stage_and_what_is_repeated_is_none(tmp_path):
    source = """
    import numpy as np

    def gain(cfg):
        return cfg["gain"]

    def load(cfg, rng):
        return rng.normal(size=cfg["n"])

    def draw(rng, x):
        return rng.normal() + x

    def double(x):
        return 2 * x

    def save(x):
        print(x)

    CONFIG = {"gain": 2.0, "n": 3}

    if __name__ == "__main__":
        rng = np.random.default_rng(1)
        x = load(CONFIG, rng)
        worst = draw(rng, x).max() * gain(CONFIG)
        save([double(v) for v in x])
        print(f"{double(worst):.3f}")
    """
    made = proposal(tmp_path, source)
    assert table(made) == {
        "load": ((), ("n",)),
        "draw": (("load",), ()),
        "gain": ((), ("gain",)),
        "double": (("draw", "gain"), ()),
    }
    assert made.stages[3].arguments == ('draw["draw"].max() * gain["gain"]',)
    assert made.settings == {"n": 3, "gain": 2.0}
    (note,) = made.notes
    assert note.startswith(
        "rng of __main__ is made anew in each stage that draws from it, so that later ones give other"
    )
    assert [stage.name for stage in made.stages if stage.unsure == [note]] == ["draw"]


def test_files_are_declared_where_settings_name_them_and_told_where_an_import_reads_them(tmp_path):
    for name in ("in.csv", "setup.json"):
        (tmp_path / name).write_text("{}")
    source = """
    import json
    OPTIONS = json.load(open("setup.json"))

    def load(path):
        return open(path).read()

    def fit(text, order=2):
        return make(text)

    def main():
        text = load("in.csv")
        result = fit(text)
        print(len(text), result.x)
    """
    made = proposal(tmp_path, source)
    assert 'files=lambda config: [Path(config["load"]["path"])]' in adapter_text(made)
    assert made.notes == [
        "pipe reads setup.json when it is imported, where no stage can declare it: read it in a function"
    ]


FILES = [("setup.json", '{"n": 3, "deep": {"x": 0.5}}'), ("setup.toml", "n = 3\ndeep.x = 0.5")]


@pytest.mark.parametrize(("name", "text"), FILES)
def test_the_values_of_a_configuration_that_is_a_file_are_those_of_the_file(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    source = f"""
    from pathlib import Path

    def load(n):
        return [1.0] * n

    def scale(x, deep):
        return x

    if __name__ == "__main__":
        settings = parse(Path("{name}").read_text())
        x = load(settings["n"])
        y = scale(x, settings["deep"])
        z = scale(y, settings["deep"]["x"])
    """
    made = proposal(tmp_path, source)
    assert table(made)["load"] == ((), ("n",))
    assert table(made)["scale"] == (("load",), ("deep",))
    assert table(made)["scale_z"] == (("scale",), ("deep.x",))
    assert (made.settings, made.lacking) == ({"n": 3, "deep": {"x": 0.5}}, [])
    text = adapter_text(made)
    assert f'"{name}": settings_of("{name}"),' in text
    assert f'Stage("defaults", "defaults", defaults, files=lambda config: [Path("{name}"), Path("pipe.py")]),' in text


def test_a_configuration_file_that_is_broken_has_no_values(tmp_path):
    (tmp_path / "setup.json").write_text("{")
    source = """
    import json
    def load(n):
        return [1.0] * n
    def scale(x):
        return x
    def main():
        settings = json.load(open("setup.json"))
        return scale(load(settings["n"]))
    """
    assert proposal(tmp_path, source).lacking == ["n"]


EPIDEMIC = """
    import argparse
    from dataclasses import dataclass
    from functools import cached_property
    import numpy as np
    from names import SEED

    CFG = {"days": 10, "seed": 7}

    @dataclass
    class Fit:
        beta: float
        gamma: float

        @property
        def R0(self):
            return self.beta / self.gamma

        def show(self):
            return "R0"

    def make(cfg):
        return np.ones(cfg["days"]) * cfg["seed"] * cfg["other"]

    def fit(data):
        return Fit(data.sum(), 1.0)

    def rt(data):
        return data, data / 2

    def main(argv=None):
        ap = argparse.ArgumentParser()
        ap.add_argument("--seed", default=CFG["seed"])
        ap.add_argument("--other", default=SEED)
        args = ap.parse_args(argv)
        cfg = dict(CFG, seed=args.seed)
        data = make(args)
        f = fit(data)
        smooth, R = rt(data)
        wide = smooth * 2
        peak = int(np.nanargmax(wide))
        again = data
        title = f"{peak} of {R}"
        line = axes.plot(R)
        started = np.datetime64("now")
        return {"fit": f, "mean": R.mean()}
"""


def test_defaults_that_are_items_and_names_of_own_modules_are_followed(tmp_path):
    made = proposal(tmp_path, EPIDEMIC.replace("make(args)", "make(cfg)"), **{"names.py": "SEED = 3\n"})
    assert made.settings == {"days": 10, "seed": 7, "other": 3}
    assert made.lacking == []


def test_the_defaults_of_a_command_line_win_over_those_of_the_table(tmp_path):
    made = proposal(tmp_path, EPIDEMIC.replace('default=CFG["seed"]', "default=8"), **{"names.py": "SEED = 3\n"})
    assert made.settings["seed"] == 8


def test_a_default_that_is_no_literal_is_said_to_be_none(tmp_path):
    source = EPIDEMIC.replace('default=CFG["seed"]', "default=now()").replace("make(args)", "make(cfg)")
    made = proposal(tmp_path, source, **{"names.py": "SEED = 3\n"})
    assert made.lacking == ["seed"]
    assert "# TODO: seed = , for which no literal was found in the source" in scenario_text(made)


def test_what_is_computed_after_the_stages_and_properties_are_to_be_given(tmp_path):
    made = proposal(tmp_path, EPIDEMIC, **{"names.py": "SEED = 3\n"})
    assert made.notes == [
        "main computes peak after rt, and no stage gives it: let rt give it, too",
        "main returns R.mean(), and no stage gives it: let rt give it, too",
    ]
    (note,) = next(s.notes for s in made.stages if s.name == "fit")
    assert note.startswith("R0 of Fit is a property, and only fields are kept: give it too, as ")
    assert '{**asdict(f), "R0": f.R0}' in note


def test_what_a_later_stage_takes_is_not_left_over(tmp_path):
    source = """
    def load(n=3):
        return [1.0] * n

    def total(x):
        return sum(x)

    def main():
        x = load()
        half = x[: len(x) // 2]
        whole = total(half)
        return whole
    """
    assert proposal(tmp_path, source).notes == []


def test_the_driver_and_its_options_are_among_the_defaults(tmp_path):
    made = proposal(tmp_path, EPIDEMIC, **{"names.py": "SEED = 3\n"})
    assert made.defaults["options"] == 'options_of("pipe")'
    assert made.defaults["main"] == 'steps_of("pipe", "main", by="calls")'
    assert made.default_files == ["pipe.py"]
    text = adapter_text(made)
    assert "import Pipeline, Stage, options_of, read_scenario, scenario_titles, steps_of" in text
    assert "# main of pipe still calls them by itself: if it changes, defaults tells." in text


def test_options_of_another_module_and_a_driver_under_the_guard_are_told(tmp_path):
    source = """
    from src_cli import parse

    def load(n):
        return [0.0] * n

    def fit(x):
        return sum(x)

    if __name__ == "__main__":
        args = parse()
        x = load(args.n)
        fit(x)
        print(fit(x))
    """
    parser = """
    import argparse

    def parse():
        parser = argparse.ArgumentParser()
        parser.add_argument("-n", default=20)
        return parser.parse_args()
    """
    made = proposal(tmp_path, source, **{"src_cli.py": parser})
    assert made.defaults["options"] == 'options_of("src_cli")'
    assert made.defaults["__main__"] == 'steps_of("pipe", by="calls")'
    assert made.default_files == ["src_cli.py", "pipe.py"]
    assert made.settings == {"n": 20}


def test_without_a_driver_there_are_no_steps_to_tell(tmp_path):
    made = proposal(tmp_path, "def load(n=3):\n    data = [1.0] * n\n    return data\n")
    assert "steps_of" not in adapter_text(made)
    assert "still calls them" not in adapter_text(made)


TABLES = """
    import pandas as pd

    def read():
        return pd.read_csv("x")

    def clean(t):
        return t[t.star > 3].groupby("star").mean()

    def fit(t):
        return t.oddly

    def main():
        t = read()
        c = clean(t)
        return fit(c)
"""


def test_tables_of_pandas_are_no_objects_and_what_may_be_one_says_so(tmp_path):
    made = proposal(tmp_path, TABLES)
    assert [len(stage.notes) for stage in made.stages] == [0, 1, 0]
    assert "c is an object (fit takes t.oddly)" in made.stages[1].notes[0]
    assert made.stages[1].notes[0].endswith("if it is a pandas table, delete this line")
    made = proposal(tmp_path, TABLES.replace("import pandas as pd", "import pd"))
    assert "pandas" not in made.stages[1].notes[0]


def test_a_table_without_a_value_is_told_once(tmp_path):
    source = """
    def load(cfg):
        return [cfg["a"]["n"]]

    def total(x, n):
        return sum(x) * n["n"]

    def main(cfg):
        x = load(cfg)
        return total(x, cfg["a"])
    """
    assert proposal(tmp_path, source).lacking == ["a"]


def test_steps_that_are_methods_are_told(tmp_path):
    source = """
    class Survey:
        def load(self):
            return 1

    def main():
        s = Survey()
        s.load()
    """
    with pytest.raises(ProjectError, match=r"no methods \(of Survey\): put its steps into functions"):
        proposal(tmp_path, source)
