"""Whatever leads to a stage's result is in its fingerprint: one test for each way that ``indirections`` lists.

Each way is shown to be one: the edit really changes what the stage returns.
"""

from __future__ import annotations

import functools
import importlib
import sys

import pytest
from indirections import COMMENTS, UNSEEN, WITH_COMMENTS
from indirections import WAYS as FIRST_WAYS
from indirections_on_import import BY_LANGUAGE

from harness.core.protocol import Pipeline, Stage
from harness.run.pipeline_source import handed_on_problems, named_in, sources_of

WAYS = {**FIRST_WAYS, **BY_LANGUAGE}


class Plant:
    """A repository of one way, in a folder that Python searches."""

    def __init__(self, root, way):
        self.root, self.way, self.entry = root, way, way.get("entry", "heat.stages:run")
        self.others = {*sys.modules}
        for name, text in way["files"].items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

    def edit(self, path, old, new):
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new, 1))

    def fingerprint(self):
        """As a process that has imported nothing finds it."""
        self.forget()
        stage = Stage("heat", "heated", self.entry)
        sources = sources_of(Pipeline("plant", (stage,), dict, print, home="adapter"))
        assert "heat" not in sys.modules
        return sources.fingerprint(self.entry)

    def result(self):
        """What the stage returns."""
        self.forget()
        path = [*sys.path]
        importlib.import_module("adapter")
        module, _, name = self.entry.partition(":")
        try:
            return repr(functools.reduce(getattr, name.split("."), importlib.import_module(module))())
        finally:
            sys.path[:] = path
            self.forget()

    def forget(self):
        importlib.invalidate_caches()
        named = {name for name in sys.modules if name.partition(".")[0] in ("heat", "gadgets")}
        for name in {*sys.modules} - self.others:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(self.root)):
                named.add(name)
        for name in named:
            del sys.modules[name]


@pytest.fixture
def plant(tmp_path, monkeypatch):
    # Two edits within a second leave files of one size and time, which is another test's subject.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    made = []

    def make(way):
        made.append(Plant(tmp_path, way))
        return made[-1]

    yield make
    for one in made:
        one.forget()


@pytest.mark.parametrize("name", [*WAYS, *COMMENTS])
def test_an_edit_that_changes_the_result_changes_the_fingerprint(name, plant):
    way = {**WAYS, **COMMENTS}[name]
    repository = plant(way)
    result, before = repository.result(), repository.fingerprint()
    assert repository.fingerprint() == before
    repository.edit(*way["edit"])
    assert repository.result() != result
    assert repository.fingerprint() != before


@pytest.mark.parametrize("name", WAYS)
def test_a_comment_changes_no_fingerprint(name, plant):
    way = WAYS[name]
    repository = plant(way)
    before = repository.fingerprint()
    path, *_ = way["edit"]
    (repository.root / path).write_text(f"# Why it is so.\n\n{(repository.root / path).read_text()}\n\n# more\n")
    (repository.root / "unheard_of.py").write_text("K = 1\n")
    assert (repository.fingerprint() != before) is (name in WITH_COMMENTS)


@pytest.mark.parametrize("name", UNSEEN)
def test_what_the_source_does_not_tell_is_listed(name, plant):
    _, way = UNSEEN[name]
    repository = plant(way)
    result, before = repository.result(), repository.fingerprint()
    repository.edit(*way["edit"])
    assert repository.result() != result
    assert repository.fingerprint() == before


def test_at_most_five_stay_open():
    assert len(WAYS) + len(COMMENTS) >= 200
    assert len([name for name, (seen_by, _) in UNSEEN.items() if seen_by == "open"]) <= 5


STATE = {
    "load sets a module's name": ("from heat import stages\ndef load(*a):\n    stages.GAIN = 2\n", "GAIN = 1\n", True),
    "load sets a module's name by setattr": (
        "from heat import stages\ndef load(*a): setattr(stages, 'GAIN', 2)\n",
        "GAIN = 1\n",
        True,
    ),
    "load imports late what it sets": (
        "def load(*a):\n    import heat.stages as s\n    s.GAIN = 2\n",
        "GAIN = 1\n",
        True,
    ),
    "load calls what sets it": (
        "from heat.stages import set_gain\ndef load(*a): set_gain(2)\n",
        "GAIN = 1\ndef set_gain(g):\n    global GAIN\n    GAIN = g\n",
        True,
    ),
    "load makes the name": (
        "from heat.stages import set_gain\ndef load(*a): set_gain(2)\n",
        "def set_gain(g):\n    global GAIN\n    GAIN = g\n",
        True,
    ),
    "load sets an item": ("from heat.stages import GAIN\ndef load(*a): GAIN['x'] = 2\n", "GAIN = {}\n", True),
    "load changes a table": ("from heat.stages import GAIN\ndef load(*a): GAIN.update(x=2)\n", "GAIN = {}\n", True),
    "load sets a class's attribute": (
        "from heat.stages import GAIN\ndef load(*a): GAIN.x = 2\n",
        "class GAIN:\n    x = 1\n",
        True,
    ),
    "load sets what nobody reads": (
        "from heat import stages\ndef load(*a):\n    stages.X = 2\n",
        "GAIN = X = 1\n",
        False,
    ),
    "load sets its own": ("SEEN = []\ndef load(*a): SEEN.append(a)\n", "GAIN = 1\n", False),
    "load sets a local variable": ("def load(*a):\n    GAIN = {}\n    GAIN['x'] = 1\n", "GAIN = 1\n", False),
    "both remember": (
        "from heat.stages import remember\ndef load(*a): remember(2)\n",
        "SEEN = {}\ndef remember(x):\n    SEEN[x] = x\n    return SEEN\nGAIN = 1\ndef more(): return remember(1)\n",
        False,
    ),
}


@pytest.mark.parametrize("how", STATE)
def test_what_load_sets_and_a_stage_reads_is_refused(how, plant):
    load, stages, refused = STATE[how]
    extra = "more()" if "def more" in stages else "0"
    way = {
        "files": {
            "heat/__init__.py": "",
            "adapter.py": load,
            "heat/stages.py": f"{stages}def run(): return GAIN, {extra}\n",
        }
    }
    plant(way)
    adapter = importlib.import_module("adapter")
    stage = Stage("heat", "heated", "heat.stages:run")
    pipeline = Pipeline("plant", (stage,), dict, adapter.load, home="adapter")
    problem = handed_on_problems(pipeline, sources_of(pipeline)).get("heat", "")
    expected = "stage heat uses heat.stages:GAIN, which the adapter's load sets, so that its result depends on what ran"
    assert problem.startswith(expected) if refused else not problem


def test_stages_may_count_and_remember(plant):
    text = "COUNTS, SEEN, RAN = {}, {}, []\n"
    text += "def remember(x):\n    global LAST\n    LAST = SEEN[x] = x\n    return SEEN\n"
    for name in ("one", "two"):
        text += (
            f"def {name}():\n    COUNTS['{name}'] = COUNTS['{name}'] = 1\n    RAN.append('{name}')\n    remember(1)\n"
        )
    plant({"files": {"heat/__init__.py": "", "adapter.py": "", "heat/stages.py": text}})
    stages = tuple(Stage(name, f"{name}_", f"heat.stages:{name}") for name in ("one", "two"))
    pipeline = Pipeline("plant", stages, dict, print, home="adapter")
    assert not handed_on_problems(pipeline, sources_of(pipeline))


def test_what_another_stage_sets_is_refused(plant):
    text = "GAIN = 1\ndef first():\n    global GAIN\n    GAIN = 2\ndef run(): return GAIN\n"
    plant({"files": {"heat/__init__.py": "", "adapter.py": "", "heat/stages.py": text}})
    stages = tuple(Stage(name, f"{name}ed", f"heat.stages:{name}") for name in ("first", "run"))
    pipeline = Pipeline("plant", stages, dict, print, home="adapter")
    problems = handed_on_problems(pipeline, sources_of(pipeline))
    assert [*problems] == ["run"]
    assert problems["run"].startswith("stage run uses heat.stages:GAIN, which stage first sets")


@pytest.mark.parametrize("text", ["heat.lib:f", "heat.lib.f", "heat.lib", "heat.lib:nothing"])
def test_what_a_setting_names_counts(text, plant):
    repository = plant(WAYS["a default"])
    stage = Stage("heat", "heated", "heat.stages:run")

    def named(settings):
        repository.forget()
        return named_in(settings, sources_of(Pipeline("plant", (stage,), dict, print, home="adapter")))

    before = named({"solver": [{"name": text}]})
    assert [*before] == [text]
    assert named({"solver": ["heat", "numpy.linalg", "a.b", "no text", 3, "stranger:f", ""]}) == {}
    repository.edit("heat/lib.py", "GAIN = 1", "GAIN = 2")
    assert named({"solver": [{"name": text}]}) != before
