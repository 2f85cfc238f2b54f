"""The steps of a value: what each approval made of it, read from the goldens in git's history.

A step that this clone cannot read any more is there, and says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.core.artifacts import describe_array, parse_artifact
from harness.core.errors import GoldenError
from harness.core.protocol import Artifact, Json
from harness.core.trees import leaves, numeric_json, plain_json
from harness.judge.elements import same_elements
from harness.store.approvals import Approval, Change
from harness.store.chain import Claim
from harness.store.manifest import Entry
from harness.store.repository.past import Past
from harness.store.repository.versions import Versions, found_entries

Kept: TypeAlias = "Json | NDArray[Any]"
"""A scalar of an artifact's values, or one of its arrays."""


@dataclass(frozen=True)
class Version:
    """What one approval made of a golden. ``artifact`` is None where it was removed, or cannot be read any more.

    ``problem``: why it cannot be read; empty where it can.
    """

    approval: Approval
    change: Change
    entry: Entry | None = None
    artifact: Artifact | None = None
    problem: str = ""


@dataclass(frozen=True)
class Approved:
    """What one approval made of one value.

    ``shown``: the value, and of an array the L2 norm of its finite elements; None where there is none. ``change`` and
    ``drift``: relative to the step before and to the first golden, of an array by the L2 norm of the difference; None
    where there is no such ratio. ``not_finite``: how many elements of an array are not finite. ``tolerance``: the rule
    of the time. ``problem``: why it cannot be read.
    """

    approval: Approval
    disposition: str
    shown: Json = None
    change: float | None = None
    drift: float | None = None
    tolerance: str = ""
    problem: str = ""
    not_finite: int = 0


@dataclass(frozen=True)
class ValueHistory:
    """All steps of the value at ``path`` of a golden, the oldest first."""

    identity: str
    path: str
    steps: tuple[Approved, ...] = ()

    @property
    def address(self) -> str:
        """The golden's id and the path."""
        return f"{self.identity}/{self.path}"

    @property
    def drift(self) -> float | None:
        """How far the last step is from the first golden, where both can be read and have a ratio."""
        return self.steps[-1].drift if self.steps else None

    @property
    def unread(self) -> list[Approved]:
        """The steps that cannot be read any more."""
        return [step for step in self.steps if step.problem]

    def numbers(self) -> list[float]:
        """What a line through the steps shows: numbers, and norms of arrays, without what cannot be read."""
        return [
            float(s.shown) for s in self.steps if isinstance(s.shown, int | float) and not isinstance(s.shown, bool)
        ]


RuleThen = Callable[[Version, str], str]
"""The rule of the time of the value at a path, as it was written."""


@dataclass
class _Line:
    """A value on its way through the versions."""

    first: Kept = None
    last: Kept = None
    begun: bool = False
    origin: bool = True  # whether ``first`` is the first golden, and not what came after some that nobody can read
    steps: list[Approved] = field(default_factory=list)


EntriesThen: TypeAlias = Mapping[tuple[str, str], Entry]
"""The manifest's entries, by the id and that of the approval."""


def entries_of_goldens(past: Past, identities: Iterable[str], approvals: Sequence[Approval]) -> EntriesThen:
    """What the manifests knew of goldens after each of ``approvals``, as far as this clone has it."""
    return found_entries(past, [(i, claim) for i in identities for claim in _claims(i, approvals)])


def _claims(identity: str, approvals: Sequence[Approval]) -> list[Claim]:
    return [Claim(a, a.changes[identity]) for a in approvals if identity in a.changes]


def versions_of(past: Past, identity: str, approvals: Sequence[Approval], entries: EntriesThen) -> Iterator[Version]:
    """What each of ``approvals`` made of a golden, in their order; one version at a time is held."""
    claims = _claims(identity, approvals)
    mine = (entries.get((identity, claim.approval.id)) for claim in claims)
    kept = Versions(past, identity, filter(None, mine))
    for claim in claims:
        approval, change, entry = claim.approval, claim.change, entries.get((identity, claim.approval.id))
        if change.after is None:
            yield Version(approval, change)
        elif entry is None:
            yield Version(approval, change, problem=f"no commit here has the manifest that approval {approval.id} made")
        else:
            try:
                artifact = parse_artifact(kept.files(entry), identity)[0]
                yield Version(approval, change, entry, artifact)
            except GoldenError as error:
                yield Version(approval, change, entry, problem=str(error))


def histories(
    identity: str, versions: Iterator[Version], wanted: Callable[[str], bool], rule_then: RuleThen
) -> list[ValueHistory]:
    """The history of every value of a golden whose path is ``wanted``, in the order in which they first came."""
    lines: dict[str, _Line] = {}
    blind: list[Approved] = []  # what could not be read before a value was first seen
    for version in versions:
        if version.problem:
            step = Approved(version.approval, version.change.disposition, problem=version.problem)
            blind.append(step)
            for line in lines.values():
                line.steps.append(step)
                line.last = None
            continue
        values = {p: v for p, v in values_of(version.artifact).items() if wanted(p)} if version.artifact else {}
        for path in values.keys() - lines.keys():
            lines[path] = _Line(steps=list(blind))
        for path, line in lines.items():
            if path in values:
                line.steps.append(_step(line, version, values[path], rule_then(version, path)))
            elif line.begun:
                line.steps.append(Approved(version.approval, "removed"))
                line.first, line.last, line.begun = None, None, False
    return [ValueHistory(identity, path, tuple(line.steps)) for path, line in sorted(lines.items())]


def _step(line: _Line, version: Version, value: Kept, tolerance: str) -> Approved:
    if not line.begun:
        line.first, line.begun = value, True
        line.origin = not (line.steps and line.steps[-1].problem)
    change = None if line.last is None else relative(line.last, value)
    drift = relative(line.first, value) if line.origin else None
    line.last = value
    shown, odd = shown_value(value), count_gaps(value)
    return Approved(version.approval, version.change.disposition, shown, change, drift, tolerance, not_finite=odd)


def values_of(artifact: Artifact) -> dict[str, Kept]:
    """Every scalar and array of an artifact by its path."""
    scalars = {path: value for path, value in leaves(numeric_json(artifact.values)) if path}
    return {**scalars, **artifact.arrays}


def shown_value(value: Kept) -> Json:
    """A value in a table or in JSON: an array of numbers by the L2 norm of its finite elements.

    Another array, or one that has no finite element, by its type and shape.
    """
    if isinstance(value, np.ndarray):
        numbers = value.dtype.kind in "biufc" and count_gaps(value) < max(value.size, 1)
        return plain_json(_norm(value[np.isfinite(value)])) if numbers else describe_array(value)
    return plain_json(value) if not isinstance(value, dict | list) else str(value)


def count_gaps(value: Kept) -> int:
    """How many elements of an array are NaN or infinite; 0 of what is none."""
    counted = isinstance(value, np.ndarray) and value.dtype.kind in "fc"
    return int(np.count_nonzero(~np.isfinite(value))) if counted else 0


def relative(before: Kept, after: Kept) -> float | None:
    """How far ``after`` is from ``before``, as a share of it; of arrays by L2 norms, without a sign.

    Of arrays, over the elements that are finite in both. None where there is no such share: other kinds of values,
    other shapes, a zero, and what is or was not finite, unless it is not finite in the same way.
    """
    if isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
        if before.shape != after.shape or before.dtype.kind not in "biufc" or after.dtype.kind not in "biufc":
            return None
        return _relative_arrays(_wide(before), _wide(after))
    numbers = [v for v in (before, after) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < 2:
        return None
    if any(isinstance(n, float) and not math.isfinite(n) for n in numbers):
        return 0.0 if repr(float(numbers[0])) == repr(float(numbers[1])) else None
    try:
        return _ratio(float(numbers[1] - numbers[0]), abs(float(numbers[0])))
    except OverflowError:  # an integer beyond every float
        return None


def _relative_arrays(before: NDArray[Any], after: NDArray[Any]) -> float | None:
    with np.errstate(all="ignore"):
        both = np.isfinite(before) & np.isfinite(after)
        share = _ratio(_norm(after[both] - before[both]), _norm(before[both]))
        return share if share or same_elements(before, after)[~both].all() else None


def _ratio(amount: float, size: float) -> float | None:
    if amount == 0:
        return 0.0
    share = amount / size if size else math.inf
    return share if math.isfinite(share) else None


def _wide(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _norm(array: NDArray[Any]) -> float:
    return float(np.linalg.norm(np.ravel(_wide(array))))
