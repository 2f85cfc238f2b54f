"""What no golden can hold: values that their own rules refuse, whatever is obtained.

A value that is compared with itself and fails anyway, such as a NaN under a rule that forbids it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core import text
from harness.core.protocol import Artifact
from harness.core.trees import leaves, non_finite_name, numeric_json
from harness.core.verdicts import Verdict

_SHOWN = 5  # single values that are told one by one
_FORBIDDEN = 'nan = "forbid"'  # stands in the message of what is not finite and may not be
_REMEDY = ', which its rule does not allow: where that is right, add nan="match" to the rule'


def refusals(artifact: Artifact, itself: Iterable[Verdict]) -> list[str]:
    """A sentence for each value that fails when ``artifact`` is judged against itself, with the remedy.

    ``itself``: the verdicts of that.
    """
    return list(_sentences(artifact, [v for v in itself if v.status.failed]))


def _sentences(artifact: Artifact, failing: list[Verdict]) -> Iterator[str]:
    numbers = {p: v for p, v in leaves(numeric_json(artifact.values)) if isinstance(v, float)}
    alone = [v for v in failing if not math.isfinite(numbers.get(v.path, 0.0)) and _FORBIDDEN in v.message]
    for verdict in (v for v in failing if v not in alone):
        array = artifact.arrays.get(verdict.path)
        if array is not None and _FORBIDDEN in verdict.message:
            yield f"{verdict.path}: {_not_finite(array)} of {text.count(array.size, 'element')}{_REMEDY}"
        else:
            yield f"{verdict.path or 'it'}: {verdict.message or verdict.status.value}"
    for verdict in alone[:_SHOWN]:
        yield f"{verdict.path} is {non_finite_name(numbers[verdict.path])}{_REMEDY}"
    if len(alone) > _SHOWN:
        yield f"{text.count(len(alone) - _SHOWN, 'more value')} likewise"


def _not_finite(array: NDArray[Any]) -> str:
    """How many elements of an array are NaN, and how many infinite."""
    nan = np.isnan(array)
    found = {"NaN": int(nan.sum()), "infinite": int((np.isinf(array) & ~nan).sum())}
    return " and ".join(f"{n:,} {name}" for name, n in found.items() if n)
