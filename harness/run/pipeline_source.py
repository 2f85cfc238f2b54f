"""The source and the libraries of a pipeline: what it declares of them, and what is found without being declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.core.protocol import Json, Pipeline, Stage, entry_name
from harness.run.fingerprints import Sources
from harness.run.source.distributions import distribution_names
from harness.run.source.modules import Piece
from harness.run.source.places import place_on_path


def sources_of(pipeline: Pipeline) -> Sources:
    """The source of a pipeline, each file read now: what its declared roots, its adapter and its stages lead to."""
    entries: list[str | Callable[..., Any] | None] = [
        e for stage in pipeline.stages for e in (stage.run, stage.observe)
    ]
    entries += (pipeline.scenarios, pipeline.load, pipeline.invariants, pipeline.reseed)
    named = [pipeline.home, *(entry_name(entry).partition(":")[0] for entry in entries if entry)]
    starts = [name for name in dict.fromkeys(named) if name and place_on_path(name.partition(".")[0]).own]
    customized = [name for name in ("sitecustomize", "usercustomize") if place_on_path(name).own]
    sources = Sources(
        pipeline.source_roots, (*customized, *([pipeline.home] if pipeline.home in starts else [])), also=starts
    )
    for path in sources.files():
        sources.territory.content(path)
    return sources


def calls_of(pipeline: Pipeline, sources: Sources) -> list[str]:
    """Everything of a pipeline that is called, by its name, as far as its source can be followed; the adapter first."""
    calls: list[str | Callable[..., Any] | None] = [e for stage in pipeline.stages for e in (stage.run, stage.observe)]
    calls += (pipeline.scenarios, pipeline.load, pipeline.invariants, pipeline.reseed)
    calls += (pipeline.analyze, pipeline.contrast, pipeline.explain)
    names = [name for call in calls if call and "<" not in (name := entry_name(call)) and ":" in name]
    return [name for name in dict.fromkeys(names) if sources.territory.counts(name.partition(":")[0])]


def handed_on_problem(pipeline: Pipeline, stage: Stage, sources: Sources) -> str:
    """What a stage uses that ``load`` or another stage sets when it is called, in one sentence; empty where nothing is.

    It is in no key, as neither the stage's source nor its settings tell it.
    """
    named = (("load", pipeline.load), ("scenarios", pipeline.scenarios), ("reseed", pipeline.reseed))
    setters = [(f"the adapter's {name}", entry) for name, entry in named if entry]
    others = [(f"stage {s.name}", e) for s in pipeline.stages if s.name != stage.name for e in (s.run, s.observe) if e]
    mine = [sources.reach(entry) for entry in (stage.run, stage.observe) if entry]
    used: set[Piece] = set().union(*(reach.pieces for reach in mine))
    read: set[tuple[str, str]] = set().union(*(reach.read for reach in mine))
    for setter, entry in (*setters, *others):
        module, _, name = entry_name(entry).partition(":")
        if not module or "<" in name or not sources.territory.counts(module):
            continue  # of a lambda the source does not tell which of its module's names it goes through
        # What both go through, as a memory of what was computed before, is no such name.
        shared = set().union(*(sources.sets(piece) & read for piece in sources.reach(entry).pieces - used))
        if shared:
            return (
                f"stage {stage.name} uses {':'.join(min(shared))}, which {setter} sets, so that its result depends on "
                "what ran before it: hand it over in the configuration, or as an output"
            )
    return ""


def named_in(settings: Json, sources: Sources) -> dict[str, str]:
    """The digests of the modules that settings name, as ``"heat.solvers:implicit"``: a stage may look that up."""
    found: dict[str, str] = {}
    todo = [settings]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list | tuple):
            todo += value
        elif isinstance(value, str) and value not in found and (digest := sources.of_text(value)):
            found[value] = digest
    return found


def libraries_of(pipeline: Pipeline, sources: Sources) -> tuple[str, ...]:
    """The distributions whose versions decide the numbers: the declared ones, NumPy, and what the source imports."""
    found = sorted({name for module in sources.territory.foreign for name in distribution_names(module)})
    names: dict[str, str] = {}
    for name in (*pipeline.libraries, "numpy", *found):
        names.setdefault(name.lower().replace("_", "-"), name)
    return tuple(names[key] for key in names if key != "harness" and key not in _harness())


def _harness() -> tuple[str, ...]:
    return tuple(name.lower() for name in distribution_names("harness"))
