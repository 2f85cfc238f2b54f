"""Whatever leads to a stage's result is in its fingerprint: one test for each way that ``indirections`` lists.

Each way is shown to be one: the edit really changes what the stage returns.
"""

from __future__ import annotations

import functools
import importlib
import sys

import pytest
from indirections import COMMENTS, WAYS

from harness.core.protocol import Pipeline, Stage
from harness.run.pipeline_source import sources_of


class Plant:
    """A repository of one way, in a folder that Python searches."""

    def __init__(self, root, way):
        self.root, self.way, self.entry = root, way, way.get("entry", "heat.stages:run")
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
        importlib.import_module("adapter")
        module, _, name = self.entry.partition(":")
        try:
            return repr(functools.reduce(getattr, name.split("."), importlib.import_module(module))())
        finally:
            self.forget()

    def forget(self):
        importlib.invalidate_caches()
        for name, module in [*sys.modules.items()]:
            if (getattr(module, "__file__", None) or "").startswith(str(self.root)) or name.split(".")[0] in (
                "heat",
                "tools",
            ):
                del sys.modules[name]


@pytest.fixture
def plant(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
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


def test_there_are_enough_of_them():
    assert len(WAYS) + len(COMMENTS) >= 120
