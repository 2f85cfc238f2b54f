"""``harness history``: the values that addresses name, each over all approvals, and all of that as JSON."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from functools import partial

from harness.core import globs
from harness.core.errors import ProjectError
from harness.core.ids import GoldenId
from harness.core.project import Project
from harness.core.protocol import Json
from harness.store.approval_check import readable_approvals
from harness.store.approvals import Approval
from harness.store.chain import Chain
from harness.store.repository.past import Past
from harness.study.history.rules_then import RulesThen
from harness.study.history.steps import Approved, ValueHistory, entries_of_goldens, histories, versions_of

_VERSION = 1
_PARTS = 3  # of a golden's id, at the start of an address


def look_up(project: Project, addresses: Sequence[str]) -> list[ValueHistory]:
    """The history of every value that an address names: a golden's id and the path in it, with wildcards as in rules.

    An id alone names all of its values. Raises ProjectError for an address that names nothing.
    """
    approvals = readable_approvals(project)
    known = sorted({i for a in approvals for i, change in a.changes.items() if change.kind == "golden"})
    found: dict[str, ValueHistory] = {}
    with Past(project) as past:
        rules = RulesThen(past, Chain(approvals))
        for address in addresses:
            named = list(_named(past, address, known, approvals, rules))
            if not any(history.steps for history in named):
                raise ProjectError(
                    f"{address} names no value of any golden that was ever accepted; {_hint(address, known)}"
                )
            found |= {history.address: history for history in named}
    return list(found.values())


def _named(
    past: Past, address: str, known: Sequence[str], approvals: Sequence[Approval], rules: RulesThen
) -> Iterator[ValueHistory]:
    if problem := globs.address_problem(address):
        raise ProjectError(problem)
    start, regex = globs.address_patterns(address)
    asked = [identity for identity in known if start.fullmatch(f"{identity}/")]
    entries = entries_of_goldens(past, asked, approvals)
    for identity in asked:

        def is_named(path: str, identity: str = identity) -> bool:
            return regex.fullmatch(f"{identity}/{path}/") is not None

        versions = versions_of(past, identity, approvals, entries)
        yield from histories(identity, versions, is_named, partial(rules.rule, GoldenId.parse(identity)))


def _hint(address: str, known: Sequence[str]) -> str:
    if not known:
        return "nothing was accepted yet: see `harness pending`"
    identity = "/".join(address.split("/")[:_PARTS])
    if identity in known:
        return f"`harness history {identity}` shows all values of it"
    near = difflib.get_close_matches(identity, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"the first of {len(known)} is {known[0]}"


def histories_to_json(project: Project, found: Sequence[ValueHistory]) -> dict[str, Json]:
    """The histories as strict JSON, by ``schemas/harness/history.schema.json``."""
    return {"version": _VERSION, "project": project.pipeline.name, "values": [_history(h) for h in found]}


def _history(history: ValueHistory) -> dict[str, Json]:
    return {
        "address": history.address,
        "id": history.identity,
        "path": history.path,
        "drift": history.drift,
        "unread": len(history.unread),
        "steps": [_step(step) for step in history.steps],
    }


def _step(step: Approved) -> dict[str, Json]:
    about = step.approval
    return {
        "approval": about.id,
        "when": about.when,
        "commit": about.commit,
        "reason": about.reason,
        "issue": about.issue,
        "approver": about.approver,
        "disposition": step.disposition,
        "value": step.shown,
        "not_finite": step.not_finite,
        "change": step.change,
        "drift": step.drift,
        "tolerance": step.tolerance,
        "problem": step.problem,
    }
