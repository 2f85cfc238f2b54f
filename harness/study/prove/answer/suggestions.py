"""Tighter rules that would have caught survivors, drafted; somebody looks at them, and accepts them like any.

A rule is only drafted where right values of this machine use a tenth of it at most: what others' machines do to a value
is not known here, and shows when they verify.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.study.prove.proof import Proof
from harness.study.prove.trial.outcome import MutantOutcome, Slack

CALM = 0.1  # share of the drafted rule that a right value may use


@dataclass(frozen=True)
class Suggestion:
    """A line for a file of rules. ``instead``: the rule that judges there now; ``catches``: ids of the survivors.

    ``calm``: the share of the drafted rule that the right value uses on this machine.
    """

    file: str
    rule: str
    instead: str
    catches: tuple[str, ...]
    calm: float


def suggestions(proof: Proof) -> list[Suggestion]:
    """One line for each address that has to be judged more sharply, by file and rule."""
    chosen: dict[tuple[str, str], list[tuple[MutantOutcome, Slack, float]]] = {}
    for outcome in proof.of("survived"):
        for slack, calm in _usable(proof, outcome.slack):
            file = proof.baseline.files.get(slack.scenario, "")
            chosen.setdefault((file, slack.address), []).append((outcome, slack, calm))
            break
    found = []
    for (file, _), several in chosen.items():
        _, slack, _ = min(several, key=lambda each: each[1].used or 0.0)  # which catches the others as well
        calm = max(each[2] for each in several)
        ids = tuple(sorted({outcome.mutant.id for outcome, _, _ in several}))
        found.append(Suggestion(file, slack.tightest, slack.rule, ids, calm))
    return sorted(found, key=lambda s: (s.file, s.rule))


def _usable(proof: Proof, slack: Iterable[Slack]) -> Iterator[tuple[Slack, float]]:
    """What a tighter rule could catch in calm, that which is nearest to its limit first."""
    for each in slack:
        if each.tightest and each.used:
            # The same address may be right by less in another scenario of the same file.
            files = proof.baseline.files
            alike = [name for name, file in files.items() if file == files.get(each.scenario)]
            right = max((proof.baseline.used.get(name, {}).get(each.address, 0.0) for name in alike), default=0.0)
            if right <= CALM * each.used:
                yield each, right / each.used


def drafted_rules(drafts: Iterable[Suggestion]) -> str:
    """The lines as TOML, under the name of the file that each is for."""
    lines: list[str] = []
    file = None
    for draft in drafts:
        if draft.file != file:
            file = draft.file
            lines += ["", f"# {file}", "[rules]"] if lines else [f"# {file}", "[rules]"]
        lines += [f"# instead of {draft.instead}", draft.rule]
    return "\n".join(lines) + ("\n" if lines else "")
