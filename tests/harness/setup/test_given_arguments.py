"""However an argument arrives, the drafted stages compute what the program computes, or refuse to run."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

from harness import read_scenario
from harness.setup.files.adapter import adapter_text
from harness.setup.files.scenario import scenario_text
from harness.setup.survey.proposing import propose

FUNCTIONS = """
import argparse
import copy
import dataclasses
import functools
import json
import random
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace

BASE = {"n": 4, "power": 3, "sub": {"power": 4, "offset": 1.5}}
CONFIG = {"n": 4, "power": 3}
PAIR = [3, 0.5]
EXTRA = {"power": 3}


@dataclass
class Settings:
    n: int = 3
    power: int = 2
    offset: float = 0.0


def load(n=3, scale=1.0):
    return [scale * i for i in range(n)]


def total(xs, power=2, offset=0.0):
    return {"value": sum(x**power for x in xs) + offset}


def either(x, /, y=1, *more, **named):
    return {"value": sum(x) * y + sum(more) + sum(named.values())}


def by_config(xs, cfg):
    return {"value": sum(x ** cfg["power"] for x in xs)}


def by_object(xs, s):
    return {"value": sum(x**s.power for x in xs) + s.offset}


def changes(cfg):
    cfg["power"] = 5


def hand_on(cfg):
    return cfg


def doubled(cfg):
    return {**cfg, "power": 2 * cfg["power"]}


def with_more(cfg):
    cfg["power"] += 1
    return cfg


def read(path):
    with open(path) as file:
        return json.load(file)


def read_and_change(path):
    with open(path) as file:
        found = json.load(file)
    found["power"] = 7
    return found


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--power", type=int, default=3)
    parser.add_argument("--n", type=int)
    parser.add_argument("--config", default="conf.json")
    parser.add_argument("--text", type=int, default="4")
    return parser.parse_args(["--power", "4"])


def parsed():
    parser = argparse.ArgumentParser()
    parser.add_argument("--power", type=int, default=3)
    parser.add_argument("--text", type=int, default="4")
    parser.add_argument("--n", type=int)
    parser.add_argument("--config", default="conf.json")
    return parser.parse_args()


def set_before():
    parser = argparse.ArgumentParser()
    parser.add_argument("--power", type=int, default=3)
    parser.set_defaults(power=6)
    return parser.parse_args()
"""
FILE = {"load": {"n": 5, "scale": 1.5}, "total": {"power": 3}, "power": 5, "pair": [3, 0.5], "Settings": {"power": 4}}

EQUAL = {
    "a part of a file": (
        'cfg = json.load(open("conf.json"))\nxs = load(**cfg["load"])\nreturn total(xs, **cfg["total"])'
    ),
    "an own reader": 'cfg = read("conf.json")\nxs = load(**cfg["load"])\nreturn total(xs, **cfg["total"])',
    "a path in a constant": 'cfg = read(Path("conf.json"))\nxs = load()\nreturn total(xs, cfg["power"])',
    "an option's path": 'args = parsed()\ncfg = read(args.config)\nxs = load()\nreturn total(xs, **cfg["total"])',
    "with": 'with open("conf.json") as f:\n    cfg = json.load(f)\nxs = load()\nreturn total(xs, **cfg["total"])',
    "loads": 'cfg = json.loads(Path("conf.json").read_text())\nxs = load()\nreturn total(xs, **cfg["total"])',
    "a constant": "xs = load()\nreturn total(xs, **EXTRA)",
    "a part of a constant": 'xs = load()\nreturn total(xs, **BASE["sub"])',
    "a display": 'xs = load()\nreturn total(xs, **{"power": 3})',
    "dict": "xs = load()\nreturn total(xs, **dict(power=3))",
    "dict of another": 'cfg = read("conf.json")\nxs = load()\nreturn total(xs, **dict(cfg["total"], offset=2.0))',
    "a display of another": 'cfg = read("conf.json")\nxs = load()\nreturn total(xs, **{**cfg["total"], "offset": 2.0})',
    "a union": 'cfg = read("conf.json")\nxs = load()\nreturn total(xs, **(cfg["total"] | {"offset": 2.0}))',
    "a name in between": 'kw = {"power": 3}\nxs = load()\nreturn total(xs, **kw)',
    "two tables": 'xs = load()\nreturn total(xs, **EXTRA, **{"offset": 2.0})',
    "a starred constant": "xs = load()\nreturn total(xs, *PAIR)",
    "a starred display": "xs = load()\nreturn total(xs, *(3, 0.5))",
    "a starred setting": 'cfg = read("conf.json")\nxs = load()\nreturn total(xs, *cfg["pair"])',
    "starred first": "xs = load()\npair = (xs, 3)\nreturn total(*pair)",
    "a literal before a starred one": "xs = load(4)\nrest = [0.5]\nreturn total(xs, 3, *rest)",
    "by place alone": "xs = load()\nreturn either(xs, 2, 3, 4)",
    "other names": "xs = load()\nreturn either(xs, more_of_it=2, and_more=3)",
    "other names in a table": "xs = load()\nreturn either(xs, **EXTRA)",
    "partial in place": "xs = load()\nreturn partial(total, power=3)(xs)",
    "partial": "cube = functools.partial(total, power=3)\nxs = load()\nresult = cube(xs)\nreturn result",
    "partial of a place": "xs = load()\nof = partial(total, xs)\nreturn of(power=3)",
    "partial that is overruled": "cube = partial(total, power=3)\nxs = load()\nreturn cube(xs, power=4)",
    "another name of it": "f = total\nxs = load()\nreturn f(xs, 3)",
    "get": 'cfg = read("conf.json")\nxs = load()\nreturn total(xs, cfg.get("power", 3))',
    "get of nothing": 'cfg = read("conf.json")\nxs = load()\nreturn total(xs, cfg.get("none", 3))',
    "a copy with another item": "cfg = dict(CONFIG, power=4)\nxs = load()\nreturn by_config(xs, cfg)",
    "a display with another item": 'cfg = {**CONFIG, "power": 4}\nxs = load()\nreturn by_config(xs, cfg)',
    "an item that is set": 'cfg = dict(CONFIG)\ncfg["power"] = 4\nxs = load()\nreturn by_config(xs, cfg)',
    "update": "cfg = copy.deepcopy(CONFIG)\ncfg.update(power=4)\nxs = load()\nreturn by_config(xs, cfg)",
    "update of a table": "cfg = CONFIG.copy()\ncfg.update(EXTRA)\nxs = load()\nreturn by_config(xs, cfg)",
    "setdefault": 'cfg = {"n": 3}\ncfg.setdefault("power", 4)\nxs = load()\nreturn by_config(xs, cfg)',
    "an item deep down": 'cfg = dict(BASE)\ncfg["sub"]["power"] = 5\nxs = load()\nreturn by_config(xs, cfg["sub"])',
    "in place union": 'cfg = dict(CONFIG)\ncfg |= {"power": 4}\nxs = load()\nreturn by_config(xs, cfg)',
    "handed on": "cfg = hand_on(CONFIG)\nxs = load()\nreturn by_config(xs, cfg)",
    "a function that makes another": "cfg = doubled(CONFIG)\nxs = load()\nreturn by_config(xs, cfg)",
    "an option that is not given": (
        'args = parsed()\ncfg = read("conf.json")\nif args.n is not None:\n    cfg["power"] = args.n\n'
        "xs = load()\nreturn by_config(xs, cfg)"
    ),
    "all of a file": 'cfg = read("flat.json")\nxs = load()\nreturn total(xs, **cfg)',
    "vars of options": "args = set_before()\nxs = load()\nreturn total(xs, **vars(args))",
    "an option": "args = parsed()\nxs = load()\nreturn total(xs, args.power)",
    "set_defaults": "args = set_before()\nxs = load()\nreturn total(xs, args.power)",
    "a text that becomes a number": "args = parsed()\nxs = load(args.text)\nreturn total(xs, args.power)",
    "a class of a file": (
        'cfg = read("conf.json")\ns = Settings(**cfg["Settings"])\nxs = load()\nreturn by_object(xs, s)'
    ),
    "a class of a constant": "s = Settings(**EXTRA)\nxs = load(s.n)\nreturn by_object(xs, s)",
    "a class of a list": "s = Settings(*PAIR)\nxs = load()\nreturn by_object(xs, s)",
    "a class by name": "s = Settings(power=4)\nxs = load(s.n)\nreturn by_object(xs, s)",
    "a field that is set": "s = Settings()\ns.power = 4\nxs = load()\nreturn by_object(xs, s)",
    "the same name as a table": (
        'cfg = read("conf.json")\nxs = load(**cfg["load"])\nreturn total(xs, offset=cfg["power"])'
    ),
    "the default of main": "xs = load()\nreturn total(xs, power)",
}
REFUSED = {
    "a loop": "xs = load()\nfor i in range(2):\n    xs = [x + 1 for x in xs]\nreturn total(xs)",
    "a branch": "p = 2\nxs = load()\nif xs:\n    p = 3\nreturn total(xs, p)",
    "a list that grows": "xs = load()\nxs.append(4.0)\nreturn total(xs)",
    "shuffled": "xs = load()\nrandom.Random(0).shuffle(xs)\nreturn either(xs, xs[0])",
    "a function that changes settings": "cfg = dict(CONFIG)\nchanges(cfg)\nxs = load()\nreturn by_config(xs, cfg)",
    "a function that adds to settings": "cfg = with_more(dict(CONFIG))\nxs = load()\nreturn by_config(xs, cfg)",
    "a reader that changes": 'cfg = read_and_change("conf.json")\nxs = load()\nreturn by_config(xs, cfg)',
    "settings under a branch": (
        'cfg = dict(CONFIG)\nif sys.path:\n    cfg["power"] = 4\nxs = load()\nreturn by_config(xs, cfg)'
    ),
    "a file that is not known": 'cfg = read(str(sys.path and "flat") + ".json")\nxs = load()\nreturn total(xs, **cfg)',
    "an option that has two values": (
        "args = parsed()\ncfg = dict(CONFIG, power=4)\nxs = load(args.power)\nreturn by_config(xs, cfg)"
    ),
    "settings that change between two": (
        'cfg = dict(CONFIG)\nxs = by_config([2.0], cfg)\ncfg["power"] = 4\nreturn by_config([xs["value"]], cfg)'
    ),
    "words that are parsed": "args = options()\nxs = load()\nreturn total(xs, args.power)",
    "two targets": "xs = load()\nys = xs = [x + 1 for x in xs]\nreturn total(xs)",
}


@pytest.fixture
def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What the program gives, and what the last drafted stage gives, or why it refuses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pipe"])
    (tmp_path / ".git").mkdir()
    (tmp_path / "conf.json").write_text(json.dumps(FILE))
    (tmp_path / "flat.json").write_text(json.dumps({"power": 3, "offset": 0.5}))

    def run(body: str):
        source = f"{FUNCTIONS}\n\ndef main(power=3):\n{indent(dedent(body), '    ')}\n"
        (tmp_path / "pipe.py").write_text(source)
        made = propose(tmp_path, "pipe")
        (tmp_path / "pyproject.toml").write_text('[tool.harness]\nadapter = "guard:pipeline"\n')
        (tmp_path / "goldens/main").mkdir(parents=True)
        (tmp_path / "goldens/main/scenario.toml").write_text(scenario_text(made))
        for name in ("pipe", "guard"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        space: dict = {}
        exec(adapter_text(made), space)
        outputs: dict = {}
        try:
            config = read_scenario("main", "cpu").config
            for stage in space["pipeline"].stages:
                inputs = {need: outputs[need] for need in stage.needs}
                outputs[stage.name] = stage.run(_read(config, stage.reads), None, **inputs)
            last = [s.name for s in space["pipeline"].stages if s.name != "defaults"][-1]
            obtained = outputs[last]
        except (NotImplementedError, LookupError, NameError, TypeError, ValueError) as error:
            obtained = error
        sys.modules.pop("pipe", None)
        program = importlib.import_module("pipe").main()
        return program, obtained, made

    yield run
    sys.modules.pop("pipe", None)


def _read(config: dict, reads: tuple[str, ...]) -> dict:
    """What a stage that declares ``reads`` gets of a scenario."""
    found: dict = {}
    for read in reads:
        *tables, last = read.split(".")
        here, there = found, config
        for table in tables:
            here, there = here.setdefault(table, {}), there[table]
        here[last] = there[last]
    return found


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", EQUAL)
def test_the_stages_compute_what_the_program_computes(outcome, name):
    program, obtained, made = outcome(EQUAL[name])
    assert obtained == program, (made.stages, made.settings)
    assert made.lacking == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_told_and_the_stage_refuses(outcome, name):
    _, obtained, made = outcome(REFUSED[name])
    assert isinstance(obtained, Exception), obtained
    assert made.notes or made.lacking
