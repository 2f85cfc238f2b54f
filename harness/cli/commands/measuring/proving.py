"""The command that measures a guard: prove."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.console import print_json, show_notes, show_page
from harness.cli.options import (
    ExecutorOption,
    JsonOption,
    ProfileOption,
    ScenariosArgument,
    SchedulerOption,
    WorkersOption,
    chosen_engine,
    out_option,
)
from harness.cli.progress import watching
from harness.core.errors import ProjectError
from harness.core.files import dump_json, write_file

if TYPE_CHECKING:
    from harness.study.prove.proof import Proof
    from harness.study.prove.tries import MutantTold

_KindsOption = Annotated[
    list[str] | None,
    typer.Option("--kind", help="Mutants of this kind alone: output, source, setting, configuration. Repeatable."),
]

_OnlyOption = Annotated[
    list[str] | None, typer.Option(help="Mutants in these places or stages alone, such as 'heat.py:*'. Repeatable.")
]


def prove(
    scenarios: ScenariosArgument = None,
    profile: ProfileOption = "",
    mutants: Annotated[int, typer.Option(min=1, help="How many to try at most: a stratified sample.")] = 200,
    budget: Annotated[float | None, typer.Option(help="Minutes; what is left is tried when it is run again.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    kind: _KindsOption = None,
    only: _OnlyOption = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = "processes",
    scheduler: SchedulerOption = "",
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Whether to train for what nothing cheaper catches.")
    ] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Draft tighter rules for what survived.")] = False,
    at_least: Annotated[float, typer.Option(min=0, max=1, help="Exit with 1 where a smaller share is caught.")] = 0.0,
    history: Annotated[
        Path | None, typer.Option(help="File of the history (default: .harness/prove/history.jsonl).")
    ] = None,
    out: Annotated[Path | None, out_option("Folder of what is written (default: .harness/prove).")] = None,
    json: JsonOption = False,
) -> None:
    """Make faults on purpose; say how many of them this guard catches, in which stage, and what lets others pass."""
    from harness.cli.tables.proving import show_proof
    from harness.store.approval_check import chain_problems
    from harness.study.prove.answer.document import overall, proof_to_json
    from harness.study.prove.answer.history import blunter, commit_of_tree, proof_record, remember
    from harness.study.prove.answer.suggestions import drafted_rules, suggestions
    from harness.study.prove.faults.mutant import MUTANT_KINDS
    from harness.study.prove.proof import ProofQuestion, prove_guard

    if budget is not None and not budget > 0:
        raise ProjectError(f"--budget {budget:g} leaves no time: give minutes above 0")
    engine, project = chosen_engine(workers, executor, scheduler)
    question = ProofQuestion(
        tuple(scenarios or ()),
        profile,
        training,
        tuple(kind or MUTANT_KINDS),
        tuple(only or ()),
        mutants,
        seed,
        None if budget is None else 60 * budget,
    )
    past = history or project.state / "prove" / "history.jsonl"
    commit = commit_of_tree(project.root, past)
    with watching(project, json) as progress:
        proof = prove_guard(project, question, engine, progress, _told_to(progress))
    folder, records = out or project.state / "prove", remember(past, proof_record(proof, commit))
    blunt, drafts = blunter(records), drafted_rules(suggestions(proof)) if suggest else None
    answer = proof_to_json(proof, records)
    _write(folder, proof, answer, blunt, drafts)
    show_notes([f"{problem}; proven is what lies there" for problem in chain_problems(project)], json)
    if json:
        print_json(answer)
    else:
        show_proof(proof, blunt, drafts)
        show_page(folder / "prove.html")
    rate = overall(proof).detection.value
    raise typer.Exit(1 if at_least and (rate is None or rate < at_least) else 0)


def _write(folder: Path, proof: Proof, answer: Mapping[str, Any], blunt: list[str], drafts: str | None) -> None:
    """The proof as data, its page, its table, its badge, and the rules that were asked for."""
    from harness.study.prove.answer.badge import badge_svg
    from harness.study.prove.answer.document import overall
    from harness.study.prove.answer.page import proof_html, proof_markdown

    pages = {"json": dump_json(answer), "html": proof_html(proof, answer["history"], blunt).encode()}
    pages |= {"md": proof_markdown(proof, blunt).encode(), "svg": badge_svg(overall(proof).detection).encode()}
    for suffix, content in pages.items():
        write_file(folder / f"prove.{suffix}", content)
    if drafts is not None:
        write_file(folder / "tighter.toml", drafts.encode())


def _told_to(progress: Any) -> MutantTold:
    """One bar for all mutants, among those of the stages."""
    survived = 0

    def told(done: int, total: int, last: Any) -> None:
        nonlocal survived
        survived += last is not None and last.fate == "survived"
        progress("mutants", "", "", done, max(total, 2), f"{done} of {total}, {survived} survived")

    return told
