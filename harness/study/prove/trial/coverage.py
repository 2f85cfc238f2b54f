"""The job that finds which lines of the source the verified stages run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.protocol import Json, Stage
from harness.run.cache import Cache
from harness.run.fingerprints import Sources
from harness.run.runner import Runner
from harness.run.source.reach import start_of
from harness.study.prove.faults.covered import idle_lines, instrumented, lines_that_ran, told_lines
from harness.study.prove.trial.jobs import Setting, copied, opened_copy, without_bytecode
from harness.verify.examination import Examination


def find_idle_lines(setting: Mapping[str, Json], files: Sequence[str]) -> dict[str, list[int]] | None:
    """By file, the lines that nothing runs; None where that cannot be told. The job of a worker process.

    It cannot be told where a stage does not go through with the source that tells its lines, or where nothing is heard
    of a function that a stage is: then what it prints is lost, and nobody knows of what else.
    """
    common = Setting(**setting)
    with without_bytecode(), copied(common) as copy:
        before = {name: (copy / name).read_bytes() for name in files}
        for name, content in before.items():
            (copy / name).write_bytes(instrumented(content, name))
        try:
            with opened_copy(copy, common) as project:
                runner = Runner(project.pipeline, Cache(Path(common.cache), common.cache_bytes))
                stages: dict[str, Stage] = {}
                for scenario in common.scenarios:
                    examination = Examination(project, runner, scenario, common.profile, training=common.training)
                    for track, artifact in examination.artifacts:
                        if examination.obtained(track, artifact) is None:
                            return None
                        stages |= {s.name: s for s in project.pipeline.stages if s.artifact == artifact}
                entries = [_entry_lines(stage, runner.sources) for stage in stages.values()]
                log = project.log
        except HarnessError:
            return None
        ran = lines_that_ran(log.read_bytes()) if log.is_file() else {}
    heard = {(name, line) for name, lines in ran.items() for line in lines}
    if any(lines and not lines & heard for lines in entries):
        return None
    return {name: sorted(idle_lines(content, ran.get(name, set()))) for name, content in before.items()}


def _entry_lines(stage: Stage, sources: Sources) -> set[tuple[str, int]]:
    """What a stage's own function tells when it runs, by file and line; nothing where its source is not of the copy."""
    start = start_of(stage.run)
    module = sources.territory.module(start.module) if sources.territory.counts(start.module) else None
    pieces = module.names.get(start.chain[0], ()) if module and start.chain else ()
    return {told for piece in pieces for told in told_lines(piece.statement, piece.module.path.read_bytes())}
