"""What an ensemble draws: each member's numbers and lengths under an interval rule, and what they have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.core.errors import GoldenError
from harness.core.protocol import Artifact, Json
from harness.core.trees import FLOAT, leaves
from harness.judge.elements import Array
from harness.judge.ensemble import RELATIVE_RESOLUTION, are_positive, as_judged, fits_logarithms, pooled
from harness.judge.kinds import as_number, kind_of
from harness.judge.policies.interval import rms_difference
from harness.judge.statistics.joint import SMALLEST_JOINT
from harness.verify.examination import Examination


@dataclass(frozen=True)
class Drawn:
    """One run's numbers by address, the step at which each could differ, and the lengths of its lists.

    Of the ``arrays`` the numbers are their distance from the scenario's own run.
    """

    numbers: dict[str, float] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    arrays: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Pooled:
    """All members' draws and steps by address, in their order, and the lengths of those lists that vary in length.

    ``logarithmic``: the addresses that are judged by their logarithms.
    """

    draws: dict[str, list[float]]
    steps: dict[str, float]
    lengths: dict[str, list[int]]
    logarithmic: frozenset[str] = frozenset()

    def as_judged(self, address: str) -> tuple[Sequence[float], float]:
        """The draws of a value, or of a length, and its resolution, as they are judged."""
        if address in self.lengths:
            return self.lengths[address], 1.0
        return as_judged(self.draws[address], address in self.logarithmic, self.steps[address])


def member_draws(examination: Examination, base: Mapping[str, Artifact], artifacts: Mapping[str, Artifact]) -> Drawn:
    """One run's numbers under an interval rule; what is not finite is one too, and an array that has another shape."""
    drawn = Drawn()
    for name, artifact in artifacts.items():
        prefix = examination.prefix(examination.profile, name)
        for path, value in leaves(artifact.values):
            address = (prefix + path).removesuffix(f"/{FLOAT}")
            rule = examination.rules.find(address)
            if rule and rule.policy.ensemble and kind_of(value) in ("integer", "float"):
                number = _as_float(value)
                drawn.numbers[address] = number
                step = 1.0 if kind_of(value) == "integer" else RELATIVE_RESOLUTION * abs(number)
                drawn.steps[address] = float(rule.terms.get("resolution", step))
        for path, array in artifact.arrays.items():
            rule = examination.rules.find(prefix + path)
            if rule and rule.policy.ensemble:
                known = base[name].arrays.get(path)
                same = known is not None and known.shape == array.shape
                drawn.numbers[prefix + path] = rms_difference(known, array) if known is not None and same else math.nan
                drawn.steps[prefix + path] = float(rule.terms.get("resolution", _array_step(array)))
                drawn.arrays.add(prefix + path)
        drawn.lengths.update((prefix + path, n) for path, n in _lists(artifact.values))
    return drawn


def pool(examination: Examination, own: Drawn, members: Mapping[int, Drawn]) -> Pooled:
    """What all members drew; ``own`` is the scenario's own run.

    A list under an interval rule may vary in length: that is drawn as a value, and of its items those that every
    member has. Raises GoldenError where a member lacks another value.
    """
    runs = [*members.values()]
    lengths: dict[str, list[int]] = {}
    beyond: list[tuple[str, int]] = []
    for path in sorted({p for run in (own, *runs) for p in run.lengths}, key=lambda p: (p.count("/"), p)):
        known = [run.lengths[path] for run in (own, *runs) if path in run.lengths]
        if len(set(known)) < 2 or _is_beyond(path, beyond) or not _statistical(examination, path, (own, *runs)):
            continue
        if missing := next((n for n, run in members.items() if path not in run.lengths), None):
            raise GoldenError(f"member {missing} of the ensemble has no list {path!r}, and others have one")
        lengths[path] = [run.lengths[path] for run in runs]
        beyond.append((path, min(lengths[path])))
    drawn = {n: {a: x for a, x in run.numbers.items() if not _is_beyond(a, beyond)} for n, run in members.items()}
    draws = pooled(drawn)
    steps = {address: max(_step(run.steps[address]) for run in runs) for address in draws}
    if len(runs) < SMALLEST_JOINT:  # fewer do not tell how a value is skewed
        return Pooled(draws, steps, lengths)
    logarithmic = {a for a, d in draws.items() if (are_positive(d) if a in own.arrays else fits_logarithms(d))}
    return Pooled(draws, steps, lengths, frozenset(logarithmic))


def _step(step: float) -> float:
    return step if math.isfinite(step) else 0.0


def _statistical(examination: Examination, path: str, runs: tuple[Drawn, ...]) -> bool:
    """Whether a list, or a value in it, is under an interval rule."""
    rule = examination.rules.find(path)
    inside = f"{path}/"
    return bool(rule and rule.policy.ensemble) or any(a.startswith(inside) for run in runs for a in run.numbers)


def _is_beyond(address: str, shortest: list[tuple[str, int]]) -> bool:
    """Whether an address is of an item that not every member's list has."""
    for path, length in shortest:
        if address.startswith(f"{path}/"):
            item = address[len(path) + 1 :].partition("/")[0]
            if item.isdigit() and int(item) >= length:
                return True
    return False


def _lists(value: Json, path: str = "") -> Iterator[tuple[str, int]]:
    """Every list of a JSON tree with its length."""
    if isinstance(value, list | tuple):
        yield path, len(value)
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in items:
        yield from _lists(item, f"{path}/{key}" if path else str(key))


def _as_float(value: Json) -> float:
    try:
        return float(as_number(value))
    except OverflowError:
        return math.inf


def _array_step(array: Array) -> float:
    """The distance of two arrays that differ as little as their kind can: one element by one, or all relatively."""
    if array.size == 0 or array.dtype.kind not in "iufc":
        return 0.0
    if array.dtype.kind in "iu":
        return 1.0 / math.sqrt(array.size)
    size = float(np.sqrt(np.mean(np.abs(array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)) ** 2)))
    return RELATIVE_RESOLUTION * size
