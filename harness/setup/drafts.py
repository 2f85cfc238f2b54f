"""Schemas and tolerances from a first run, as files; those that are there are kept, and held against the run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core import text
from harness.core.files import json_to_print, parse_json, write_file
from harness.host.project import HostedProject
from harness.judge.schema import SCHEMA_SUFFIX
from harness.run.runner import Watcher
from harness.setup.kept import misfit_rules, misfit_schemas
from harness.setup.measuring.document import tolerances_text
from harness.setup.measuring.samples import Measured, take_samples
from harness.setup.measuring.scatters import scatters
from harness.setup.measuring.schemas import drafted_schema, next_version
from harness.setup.measuring.terms import DraftedRule, draft_rules


@dataclass
class Drafts:
    """What became of each file, what is wrong with the stages, and the rules that a person has to write.

    ``fragile``: the rules under which another machine may fail. ``misfits``: where files that were kept do not fit what
    the stages give now, one sentence each.
    """

    files: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    lacking: list[DraftedRule] = field(default_factory=list)
    fragile: list[DraftedRule] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)


def draft_files(project: HostedProject, watcher: Watcher | None, force: bool = False) -> Drafts:
    """Run every scenario and write what is lacking; with ``force`` everything anew. Nothing where a stage fails."""
    drafts = Drafts()
    tolerances = project.goldens / "tolerances.toml"
    measured = take_samples(project, watcher, repeat=force or not tolerances.exists())
    drafts.problems = list(dict.fromkeys(measured.problems))
    if measured.failed or not measured.samples:
        return drafts
    kept = []
    for artifact, content in _schemas(project, measured, force).items():
        state = _write(project, drafts, project.schemas / f"{artifact}{SCHEMA_SUFFIX}", content, force)
        kept += [artifact] if state == "kept" else []
    drafts.misfits = misfit_schemas(project, measured.samples, kept)
    if tolerances.exists() and not force:
        drafts.files[_place(project, tolerances)] = "kept"
        drafts.misfits += misfit_rules(project, measured)
        return drafts
    rules = _explained(project, draft_rules(scatters(measured.samples)))
    drafts.lacking = [rule for rule in rules if rule.lacking]
    drafts.fragile = [rule for rule in rules if rule.fragile]
    names = sorted({sample.scenario for sample in measured.samples})
    shown = f"the scenario {names[0]}" if len(names) == 1 else f"{text.count(len(names), 'scenario')}"
    _write(project, drafts, tolerances, tolerances_text(rules, shown).encode(), force)
    return drafts


def _explained(project: HostedProject, rules: list[DraftedRule]) -> list[DraftedRule]:
    """The rules; of what follows from a stage that is not reproducible, that is the reason why it has none."""
    random = {rule.stage for rule in rules if rule.random}
    told = []
    for rule in rules:
        above = sorted((project.pipeline.leading_to(rule.stage) - {rule.stage}) & random)
        if rule.lacking and not rule.random and above:
            rule = replace(rule, remark=f"it follows from stage {above[0]}, which is not reproducible")
        told.append(rule)
    return told


def _schemas(project: HostedProject, measured: Measured, force: bool) -> dict[str, bytes]:
    """The drafts; one that takes the place of another is its next version, so that goldens can tell them apart."""
    contents = {}
    for stage in (s for s in project.pipeline.stages if s.main):
        examples = [t.base for t in measured.samples if t.stage.name == stage.name and not t.replayed]
        if examples:
            path = project.schemas / f"{stage.artifact}{SCHEMA_SUFFIX}"
            earlier = parse_json(path.read_bytes(), str(path)) if force and path.is_file() else None
            identity = f"{project.pipeline.name}/{stage.artifact}-1"
            schema = next_version(lambda name, e=examples: drafted_schema(e, name), identity, earlier)  # type: ignore[misc]
            contents[stage.artifact] = json_to_print(schema, sort=False)
    return contents


def _write(project: HostedProject, drafts: Drafts, path: Path, content: bytes, force: bool) -> str:
    there = path.exists()
    same = there and path.read_bytes() == content
    if not there or (force and not same):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content)
    state = "new" if not there else "kept" if not force else "unchanged" if same else "replaced"
    drafts.files[_place(project, path)] = state
    return state


def _place(project: HostedProject, path: Path) -> str:
    return path.relative_to(project.root).as_posix()
