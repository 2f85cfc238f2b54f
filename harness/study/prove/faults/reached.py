"""Which lines of the source a verification can tell of: those that lead to a stage's result, and to which stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.core.ids import CONFIGURATION, INVARIANTS
from harness.core.protocol import Pipeline, entry_name
from harness.run.fingerprints import Sources


class Span(NamedTuple):
    """Lines of a file, from first to last, and the stages that they lead to."""

    first: int
    last: int
    stages: tuple[str, ...]


def reached_source(
    pipeline: Pipeline, sources: Sources, artifacts: Sequence[tuple[str, str]]
) -> dict[Path, list[Span]]:
    """The reached lines of every file; ``artifacts``: what is verified, by track and name."""
    spans: dict[Path, dict[tuple[int, int], list[str]]] = {}
    for stage, entry in _entries(pipeline, artifacts):
        name = entry_name(entry)
        if not sources.territory.counts(name.partition(":")[0]):
            continue
        for piece in sources.reach(entry).pieces:
            if piece.module.path.suffix == ".py":
                lines = piece.statement.lineno, piece.statement.end_lineno or piece.statement.lineno
                spans.setdefault(piece.module.path.resolve(), {}).setdefault(lines, []).append(stage)
    return {
        path: [Span(*lines, tuple(dict.fromkeys(stages))) for lines, stages in sorted(of.items())]
        for path, of in spans.items()
    }


def _entries(pipeline: Pipeline, artifacts: Sequence[tuple[str, str]]) -> list[tuple[str, str | Callable[..., Any]]]:
    """Whose source decides what is verified, in the order of the pipeline: the stage's name, and the function."""
    found: list[tuple[str, str | Callable[..., Any]]] = [(CONFIGURATION, pipeline.load)]
    for stage in pipeline.stages:
        tracks = [track for track, artifact in artifacts if artifact == stage.artifact]
        if tracks:
            found.append((stage.name, stage.run))
        if stage.observe is not None and any(track != pipeline.replay_profile for track in tracks):
            found.append((stage.name, stage.observe))
    if any(artifact == INVARIANTS for _, artifact in artifacts):
        found.append((INVARIANTS, pipeline.invariants))
    return [(stage, entry) for stage, entry in found if entry_name(entry)]
