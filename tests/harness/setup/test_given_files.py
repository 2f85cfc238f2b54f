"""Files of settings and of data are found however their path is written, and what they hold is copied and watched."""

from __future__ import annotations

import builtins
from pathlib import Path
from textwrap import dedent

import pytest

from harness import ProjectError, settings_of
from harness.setup.files.adapter import adapter_text
from harness.setup.files.scenario import scenario_text
from harness.setup.survey.proposing import propose

SOURCE = '''
"""Fits; usage: python pipe.py USAGE"""
import argparse
import configparser
import importlib.resources
import json
import os
import sys
from importlib import resources
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = os.path.dirname(os.path.abspath(__file__))
NAME = "conf/NAME"
CONSTANT = HERE / "conf" / "NAME"


def read_config(path=CONSTANT):
    with open(path) as file:
        return parse(file)


def parse(file):
    return library.safe_load(file)


def load(n):
    return [1.0] * n


def scale(xs, factor=1.0):
    return sum(xs) * factor


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--file", default="conf/NAME")
    parser.add_argument("--other", default=CONSTANT, type=Path)
    args = parser.parse_args(argv)
    cfg = CALL
    xs = load(cfg["n"])
    return scale(xs, **cfg["scale"])
'''
HELD = {
    "s.json": '{"n": 5, "scale": {"factor": 2.5}}',
    "s.toml": "n = 5\n[scale]\nfactor = 2.5\n",
    "s.yaml": "# settings\nn: 5\nscale: {factor: 2.5}\n",
    "s.yml": "n: 5\nscale:\n  factor: 2.5\n",
}
PATHS = [
    'library.load(open("conf/NAME"))',
    "library.load(open(NAME))",
    "read_config(NAME)",
    "read_config()",
    "read_config(CONSTANT)",
    "library.loads(CONSTANT.read_text())",
    'read_config(HERE / "conf" / "NAME")',
    'read_config(HERE.joinpath("conf", "NAME"))',
    'read_config(Path(__file__).resolve().parents[0] / "conf/NAME")',
    'read_config(Path(__file__).with_name("conf") / "NAME")',
    'read_config(os.path.join(FOLDER, "conf", "NAME"))',
    'read_config(os.path.join("conf", "NAME"))',
    'read_config(f"{FOLDER}/conf/NAME")',
    'read_config(str(HERE) + "/conf/NAME")',
    'read_config(Path("conf", "NAME"))',
    "read_config(args.file)",
    "read_config(args.other)",
    "read_config(path=args.file)",
    "read_config(args.config)",
]


def proposal(root: Path, call: str, name: str = "s.json", usage: str = "conf/NAME", **files: str):
    source = SOURCE.replace("CALL", call).replace("USAGE", usage).replace("conf/NAME", f"conf/{name}")
    source = source.replace('"NAME"', f'"{name}"')
    for path, text in {"pipe.py": source, f"conf/{name}": HELD.get(name, ""), **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text))
    return propose(root, "pipe")


@pytest.mark.parametrize("name", HELD)
def test_the_values_of_a_file_are_copied_and_the_file_is_watched(tmp_path, name):
    pytest.importorskip("yaml")
    made = proposal(tmp_path, "read_config(args.file)", name)
    assert made.settings == {"n": 5, "scale": {"factor": 2.5}}
    assert (made.lacking, made.notes) == ([], [])
    assert made.stages[1].arguments[1] == '**config["scale"]'
    text = adapter_text(made)
    assert f'"{name}": settings_of("conf/{name}"),' in text
    assert '"read_config": steps_of("pipe", "read_config"' in text
    assert f'Path("conf/{name}")' in text
    assert "settings_of" in next(line for line in text.splitlines() if line.startswith("from harness import"))


@pytest.mark.parametrize("call", PATHS)
def test_a_path_is_followed_however_it_is_written(tmp_path, call):
    made = proposal(tmp_path, call)
    assert (made.settings, made.lacking) == ({"n": 5, "scale": {"factor": 2.5}}, [])
    assert "conf/s.json" in made.default_files


@pytest.mark.parametrize(
    "call", ['library.load(resources.files("own") / "s.json")', 'library.loads(resources.read_text("own", "s.json"))']
)
def test_a_file_of_an_own_package_is_found(tmp_path, call):
    made = proposal(tmp_path, call, **{"own/__init__.py": "", "own/s.json": HELD["s.json"]})
    assert (made.settings, made.lacking) == ({"n": 5, "scale": {"factor": 2.5}}, [])
    assert "own/s.json" in made.default_files


def test_a_path_that_only_the_command_line_says_leaves_values_to_be_given(tmp_path):
    made = proposal(tmp_path, "read_config(args.config)", usage="FILE")
    assert made.settings.get("n") is None
    assert {"n", "scale"} <= {*made.lacking}


def test_a_reader_that_changes_what_it_reads_is_told_and_watched(tmp_path):
    made = proposal(tmp_path, "read_config(args.file)")
    source = (tmp_path / "pipe.py").read_text()
    (tmp_path / "pipe.py").write_text(
        source.replace(
            "        return parse(file)", '        found = parse(file)\n    found["n"] *= 2\n    return found'
        )
    )
    made = propose(tmp_path, "pipe")
    assert made.lacking == ["n", "scale"]
    assert "read_config changes what it reads from conf/s.json" in made.notes[0]
    assert '"read_config": steps_of("pipe", "read_config"' in adapter_text(made)


def test_without_a_library_for_yaml_that_is_said(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name: str, *more: object, **named: object):
        if name.partition(".")[0] in ("yaml", "ruamel"):
            raise ImportError(name)
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    made = proposal(tmp_path, "read_config(args.file)", "s.yaml")
    assert made.lacking == ["n", "scale"]
    assert made.notes == ["conf/s.yaml needs a YAML library to be read: pip install pyyaml"]
    assert "TODO: n = " in scenario_text(made)


def test_a_file_that_is_broken_is_told(tmp_path):
    made = proposal(tmp_path, "read_config(args.file)", **{"conf/s.json": "{"})
    assert made.lacking == ["n", "scale"]
    assert made.notes[0].startswith("conf/s.json, a file of settings, cannot be read")


def test_a_file_of_data_behind_a_constant_is_declared(tmp_path):
    source = """
    from pathlib import Path
    HERE = Path(__file__).parent
    CATALOGUE = HERE / "data" / "catalogue.csv"

    def load(path=CATALOGUE):
        return open(path).read()

    def total(text):
        return len(text)

    def main():
        text = load()
        return total(text)
    """
    made = proposal(tmp_path, "", **{"pipe.py": source, "data/catalogue.csv": "1\n"})
    assert made.stages[0].files == ('Path("data/catalogue.csv")',)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("a.json", '{"a": [1, null]}', {"a": [1, None]}),
        ("a.toml", "a = 1979-05-27\n", {"a": "1979-05-27"}),
        ("a.yaml", "1: yes\nb: [1.5, x]\n", {"1": True, "b": [1.5, "x"]}),
        ("a.ini", "[s]\nn = 3\n", {"s": {"n": "3"}}),
        ("a.cfg", "[DEFAULT]\nk = 1\n[s]\nn = %x\n", {"DEFAULT": {"k": "1"}, "s": {"k": "1", "n": "%x"}}),
    ],
)
def test_settings_are_data(tmp_path, name, text, value):
    (tmp_path / name).write_text(text)
    assert settings_of(str(tmp_path / name)) == value


@pytest.mark.parametrize("name", ["a.json", "a.toml", "a.yaml", "a.ini", "none.json"])
def test_settings_that_cannot_be_read_are_refused(tmp_path, name):
    (tmp_path / name).write_text("{[:") if name != "none.json" else None
    with pytest.raises(ProjectError, match="cannot be read"):
        settings_of(str(tmp_path / name))
