"""The source and the libraries of a pipeline: what it declares of them, and what is found without being declared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from harness.core.protocol import Json, Pipeline, entry_name
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


def handed_on_problems(pipeline: Pipeline, sources: Sources) -> dict[str, str]:
    """What a stage uses that ``load`` or another stage sets when it is called, in one sentence, by the stage's name.

    It is in no key, as neither the stage's source nor its settings tell it.
    """
    named = (("load", pipeline.load), ("scenarios", pipeline.scenarios), ("reseed", pipeline.reseed))
    setting = [("", f"the adapter's {name}", _set_by(entry, sources)) for name, entry in named if entry]
    for s in pipeline.stages:
        setting += [(s.name, f"stage {s.name}", _set_by(entry, sources)) for entry in (s.run, s.observe) if entry]
    found = {}
    for stage in pipeline.stages:
        mine = [sources.reach(entry) for entry in (stage.run, stage.observe) if entry]
        used: set[Piece] = set().union(*(reach.pieces for reach in mine))
        read: set[tuple[str, str]] = set().union(*(reach.read for reach in mine))
        for name, setter, sets in setting:
            # What both go through, as a memory of what was computed before, is no such name.
            shared = set().union(*(names & read for piece, names in sets.items() if piece not in used))
            if shared and name != stage.name:
                found[stage.name] = (
                    f"stage {stage.name} uses {':'.join(min(shared))}, which {setter} sets, so that its result depends "
                    "on what ran before it: hand it over in the configuration, or as an output"
                )
                break
    return found


def left_to_others(pipeline: Pipeline, sources: Sources, stage: str, names: Iterable[str]) -> list[str]:
    """The other stages that use what a stage changed in place of ``names``, one sentence each.

    A stage that sets such a name itself, as through a memory of what was computed before, does not depend on it.
    """
    left = {(home, name) for home, _, name in (text.partition(":") for text in names)}
    found = []
    for other in pipeline.stages:
        reaches = [sources.reach(entry) for entry in (other.run, other.observe) if entry and other.name != stage]
        own = {name for reach in reaches for piece in reach.pieces for name in sources.sets(piece)}
        read = {name for reach in reaches for name in reach.read}
        if shared := (left & read) - own:
            found.append(
                f"leaves {':'.join(min(shared))} changed, which stage {other.name} uses, so that its result depends on "
                "what ran before it: hand it over in the configuration, or as an output"
            )
    return found


def _set_by(entry: str | Callable[..., Any], sources: Sources) -> dict[Piece, frozenset[tuple[str, str]]]:
    """The pieces that an entry leads to whose functions set names of modules, each with those names."""
    module, _, name = entry_name(entry).partition(":")
    if not module or "<" in name or not sources.territory.counts(module):
        return {}  # of a lambda the source does not tell which of its module's names it goes through
    return {piece: names for piece in sources.reach(entry).pieces if (names := sources.sets(piece))}


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
