"""What stages that are wrong on stored inputs share of own source that changed since their goldens.

It is read, and not guessed: what both lead to now, held against the source of the commits at which the goldens were
accepted. Where a commit is not in this clone, or a file is not of this repository, nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from harness.core import git, text
from harness.core.errors import HarnessError
from harness.core.ids import GoldenId
from harness.core.project import Project
from harness.run.fingerprints import Sources
from harness.run.pipeline_source import sources_of
from harness.run.source.modules import Module, Piece
from harness.store.goldens import Goldens

_NAMED = 3  # pieces of source that a sentence names

_Pieces = dict[tuple[Path, tuple[str, ...], str], Piece]


def shared_source(project: Project, scenario: str, stages: Sequence[str], sources: Sources | None = None) -> list[str]:
    """One sentence for each group of ``stages`` that leads to source that changed since their goldens.

    ``sources``: the pipeline's, as it ran; else each file is read now.
    A group is two stages or more. A single stage that is wrong is told as long as little changed.
    """
    try:
        commits = _commits(project, scenario, stages)
        reached = _reached(project, sources or sources_of(project.pipeline), commits)
    except HarnessError:
        return []  # source or a manifest that cannot be read has its own sentence elsewhere
    groups: dict[tuple[str, ...], list[str]] = {}
    for key, piece in {key: piece for pieces in reached.values() for key, piece in pieces.items()}.items():
        sharing = tuple(stage for stage in stages if key in reached.get(stage, {}))
        if len(sharing) < min(2, len(stages)):
            continue
        module = piece.module
        then = [_digests(project.root, commits[stage], module.path, module.home.name) for stage in sharing]
        if all(digests is not None and piece.digest not in digests for digests in then):
            groups.setdefault(sharing, []).append(_name(piece))
    told = {sharing: sorted(set(names)) for sharing, names in groups.items()}
    return [_sentence(sharing, names) for sharing, names in told.items() if len(sharing) > 1 or len(names) <= _NAMED]


def _commits(project: Project, scenario: str, stages: Iterable[str]) -> dict[str, str]:
    """The commit at which each stage's golden of the replay was accepted."""
    manifest, pipeline = Goldens.of(project).manifest(), project.pipeline
    ids = {stage: GoldenId(scenario, pipeline.replay_profile, pipeline.stage(stage).artifact) for stage in stages}
    return {stage: manifest[i].commit for stage, i in ids.items() if i in manifest and manifest[i].commit}


def _reached(project: Project, sources: Sources, stages: Iterable[str]) -> dict[str, _Pieces]:
    """What each stage leads to, such that what two of them lead to is found in both."""
    runs = {stage: sources.reach(project.pipeline.stage(stage).run).pieces for stage in stages}
    return {stage: {(p.module.path, p.names, p.digest): p for p in pieces} for stage, pieces in runs.items()}


@lru_cache(maxsize=4096)  # one scenario asks what another did, and a commit stays as it is
def _digests(root: Path, commit: str, path: Path, name: str) -> frozenset[str] | None:
    """The digests of a module's pieces at a commit, none where it was not there; None where nobody can know."""
    try:
        content = git.file_at(root, git.commit_of(root, commit), path)
        module = Module(name, path, content) if content else None
        return frozenset(piece.digest for piece in (*module.pieces, *module.script)) if module else frozenset()
    except (HarnessError, SyntaxError, ValueError):
        return None


def _name(piece: Piece) -> str:
    return f"{piece.module.home.name}:{piece.names[0] if piece.names else f'<line {piece.statement.lineno}>'}"


def _sentence(stages: Sequence[str], names: Sequence[str]) -> str:
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    what = text.joined([*names[:_NAMED], *more])
    if len(stages) == 1:
        return f"{stages[0]} leads to {what}, which changed since its golden was accepted"
    both = "both" if len(stages) == 2 else "all"
    return f"{text.joined(list(stages))} {both} lead to {what}, which changed since their goldens were accepted"
