"""What an acceptance adds up to: many small steps, each within its tolerance, may lead far from the first golden."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from harness.core import text
from harness.core.errors import GoldenError
from harness.core.project import Project
from harness.store.approval_check import readable_approvals
from harness.store.approvals import Approval, Change
from harness.store.candidates import read_candidate
from harness.study.history.steps import Approved, ValueHistory, Version, histories, versions_of

_SHOWN = 5  # values of each golden, those that drifted furthest
_CANDIDATE = Approval("candidate", (), "", "", "", "", "", "", {})
_ALIKE = 0.05  # how far steps may be from each other that are said as one number


def drift_sentences(project: Project, ids: Iterable[str]) -> list[str]:
    """How far candidates lead from the first goldens, where steps add up; one sentence a value, the furthest first.

    Where earlier goldens cannot be read any more, one that says so.
    """
    approvals = readable_approvals(project)
    sentences: list[str] = []
    for identity in ids:
        before = sum(1 for a in approvals if identity in a.changes and a.changes[identity].after is not None)
        if before > 1:  # of fewer there is nothing that adds up
            sentences += _of_golden(project, identity, approvals)
    return sentences


def _of_golden(project: Project, identity: str, approvals: tuple[Approval, ...]) -> Iterator[str]:
    try:
        candidate = read_candidate(project, identity)[0]
    except GoldenError:
        return  # accepting it will say so
    last = Version(_CANDIDATE, Change("golden", None, "", "", "", ""), artifact=candidate)
    versions = chain(versions_of(project, identity, approvals), [last])
    moved = [h for h in histories(identity, versions, lambda path: True, lambda version, path: "") if _moves(h)]
    if unread := next((step for history in moved for step in history.unread), None):
        yield f"{identity}: how far it is from its first golden is not known: {unread.problem}"
        return
    adding = sorted(filter(_adds_up, moved), key=lambda history: -abs(history.drift or 0.0))
    yield from (_sentence(history) for history in adding[:_SHOWN])
    if len(adding) > _SHOWN:
        yield f"{identity}: {text.count(len(adding) - _SHOWN, 'more value')} drifted: `harness history {identity}`"


def _steps(history: ValueHistory) -> list[Approved]:
    """The steps that moved the value since its first golden, the candidate's last."""
    return [step for step in history.steps[_begun(history) :] if step.change]


def _begun(history: ValueHistory) -> int:
    """Where the first golden stands among the steps, that of a value which came anew being its own."""
    return max((n for n, step in enumerate(history.steps) if step.disposition in ("new", "removed")), default=0)


def _moves(history: ValueHistory) -> bool:
    last = history.steps[-1]
    return last.approval is _CANDIDATE and last.change != 0 and last.shown is not None


def _adds_up(history: ValueHistory) -> bool:
    """Whether the candidate's step is one of several that lead further than it does alone."""
    last = history.steps[-1]
    return bool(last.change and last.drift and len(_steps(history)) > 1 and abs(last.drift) > 1.001 * abs(last.change))


def _sentence(history: ValueHistory) -> str:
    steps = [step.change or 0.0 for step in _steps(history)]
    last, drift = steps[-1], history.drift or 0.0
    alike = all(abs(step - last) <= _ALIKE * abs(last) for step in steps)
    each = f"of {per_cent(last)}" if alike else f"(this one {per_cent(last)})"
    first = history.steps[_begun(history)]
    told = f"{history.address}: {len(steps)} accepted steps {each} make {per_cent(drift)} since the first golden"
    return f"{told}{_gaps(first.not_finite, history.steps[-1].not_finite)}"


def _gaps(first: int, last: int) -> str:
    """What to say of elements that are in no norm."""
    if first == last:
        return f", in what is finite: {text.count(last, 'element')} {'is' if last == 1 else 'are'} not" if last else ""
    return (
        f", in what is finite in both: {text.count(first, 'element')} {'was' if first == 1 else 'were'} not, {last} now"
    )


def per_cent(share: float) -> str:
    """A change in per cent with its sign, with three digits."""
    return f"{100 * share:+.3g} %"
