"""Entry points: what a name leads to is followed, and what no name tells is refused with the remedy."""

from __future__ import annotations

import functools
import importlib
import sys
import types

import pytest

from harness.core.errors import ProjectError
from harness.core.project import read_table
from harness.core.protocol import Pipeline, Stage, entry_name, entry_problem, ill_formed
from harness.run.fingerprints import Sources

STAGES = """
import functools, operator

GAIN = 1

def run(config, progress): return {}
def base(gain, config, progress): return {}
def make(gain):
    def inner(config, progress): return gain
    return inner
def by(gain):
    def wrap(f):
        @functools.wraps(f)
        def inner(*a): return f(*a)
        return inner
    return wrap

class Solver:
    def __init__(self, gain=1): self.gain = gain
    def run(self, config, progress): return self.gain
    def __call__(self, config, progress): return self.gain
    @staticmethod
    def fixed(config, progress): return {}
    @classmethod
    def of_class(cls, config, progress): return {}
class Other(Solver): pass
class Named(Solver):
    def __init__(self, gain):
        super().__init__(gain)
        self.__qualname__ = self.__name__ = "run"

configured = functools.partial(base, 2)
solver = Solver(2)
bound = solver.run
by_lambda = lambda config, progress: {}
held = functools.lru_cache(run)
@by(2)
def decorated(config, progress): return {}
@functools.lru_cache
def cached(config, progress): return {}
def again(config, progress): return 1
first = again
def again(config, progress): return 2
gone = make(1)
def going(config, progress): return {}
kept = [going]
del going
"""


@pytest.fixture
def stages(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "plant_stages.py").write_text(STAGES)
    yield importlib.import_module("plant_stages")
    del sys.modules["plant_stages"]


REFUSED = {
    "a lambda": lambda m: lambda config, progress: {},
    "a lambda of the module": lambda m: m.by_lambda,
    "a closure": lambda m: m.make(2),
    "a closure of the module": lambda m: m.gone,
    "a partial": lambda m: functools.partial(m.base, 2),
    "a partial of the module": lambda m: m.configured,
    "a partial that looks like a function": lambda m: functools.update_wrapper(functools.partial(m.base, 2), m.run),
    "a closure that looks like a function": lambda m: functools.wraps(m.run)(m.make(2)),
    "a bound method of an instance": lambda m: m.Solver(2).run,
    "a bound method of the module": lambda m: m.bound,
    "an instance that can be called": lambda m: m.Solver(2),
    "an instance of the module": lambda m: m.solver,
    "an instance with a function's name": lambda m: m.Named(2),
    "a bound method of call": lambda m: m.Solver(2).__call__,
    "a cached function of another name": lambda m: m.held,
    "a class's method, of a class that inherits it": lambda m: m.Other.of_class,
    "a definition that was made anew": lambda m: m.first,
    "a definition that was deleted": lambda m: m.kept[0],
    "a copy of a function": lambda m: types.FunctionType(m.run.__code__, {"GAIN": 2}, "run"),
    "another decoration": lambda m: m.by(3)(m.run),
    "a method that is bound by hand": lambda m: types.MethodType(m.Solver.run, m.solver),
    "a function of text": lambda m: eval("lambda config, progress: {}", {"__name__": "plant_stages"}),
}
ACCEPTED = {
    "a function": lambda m: m.run,
    "a decorated function": lambda m: m.decorated,
    "a cached function": lambda m: m.cached,
    "a static method": lambda m: m.Solver.fixed,
    "a class's method": lambda m: m.Solver.of_class,
    "a class": lambda m: m.Solver,
    "the later definition": lambda m: m.again,
}
NAMED = ("configured", "solver", "bound", "by_lambda", "held", "first", "gone", "run", "Solver.fixed", "solver.run")


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_name_leads_to_is_refused_with_the_remedy(what, stages):
    entry = REFUSED[what](stages)
    problem = entry_problem(entry)
    assert problem.endswith('give it a name at the top of a module, and write it as "module:name"')
    assert "\n" not in problem
    for stage in (Stage("heat", "heated", entry), Stage("heat", "heated", "a:b", entry)):
        assert ill_formed(Pipeline("plant", (stage,), dict, print)) == f"stage 'heat': {problem}"


@pytest.mark.parametrize("what", ACCEPTED)
def test_what_its_name_leads_to_is_the_same_as_its_name(what, stages):
    entry = ACCEPTED[what](stages)
    assert entry_problem(entry) == ""
    assert ill_formed(Pipeline("plant", (Stage("heat", "heated", entry, entry),), dict, print)) == ""
    assert Sources([]).fingerprint(entry) == Sources([]).fingerprint(entry_name(entry))


@pytest.mark.parametrize("name", NAMED)
def test_the_remedy_works(name, stages):
    assert entry_problem(f"plant_stages:{name}") == ""
    assert len(Sources([]).fingerprint(f"plant_stages:{name}")) == 64


@pytest.mark.parametrize(
    "text", ["", "run", "plant_stages.run", "plant_stages:", ":run", "a:b c", "a:1", "a:b()", "a/b:c"]
)
def test_text_that_names_nothing_is_refused(text):
    assert entry_problem(text) == f'{text!r} names no function: write it as "module:function"'


def test_a_name_that_the_source_does_not_have_is_an_error(stages):
    with pytest.raises(ProjectError, match="plant_stages defines no such name"):
        Sources([]).fingerprint("plant_stages:going_on")


def test_an_adapter_is_refused_when_it_is_opened(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    text = (
        "from functools import partial\nfrom harness import Pipeline, Stage\ndef base(gain, config, progress): pass\n"
    )
    text += "pipeline = Pipeline('p', (Stage('heat', 'heated', partial(base, 2)),), dict, print)\n"
    (tmp_path / "plant_adapter.py").write_text(text)
    project = read_table(tmp_path, {"adapter": "plant_adapter:pipeline"})
    problem = "adapter 'plant_adapter:pipeline': stage 'heat': the source does not tell how an instance of partial is"
    with pytest.raises(ProjectError, match=problem):
        _ = project.pipeline
    monkeypatch.delitem(sys.modules, "plant_adapter")
    (tmp_path / "plant_adapter.py").write_text(text.replace("partial(base, 2)", "base"))
    importlib.invalidate_caches()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for cached in tmp_path.rglob("*.pyc"):
        cached.unlink()
    assert project.pipeline.home == "plant_adapter"
    monkeypatch.delitem(sys.modules, "plant_adapter")
