"""How small a shift of one value is seen where values are judged together and each by its own interval as well.

A run's squared distance is a parabola in the shift of one value, ``a + 2 b u + c u^2`` with ``a = z' R^-1 z``,
``b = (R^-1 z)_i`` and ``c = (R^-1)_ii``: it reaches the limit at a root, and the value's own ``T`` reaches its limit on
a line. What is seen with a given probability is a quantile of the smaller one, over ensembles and runs that are drawn
from the normal distribution with the shrunk correlations, with a fixed seed, as the limit itself was.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from harness.judge.statistics.joint import Together, drawn_ensembles, standardised
from harness.judge.statistics.power import POWER

_DRAWS, _RUNS = 100, 20


def shifts_together(judged: Together, half_widths: Mapping[str, float], power: float = POWER) -> dict[str, float]:
    """The shift of each value, as it is judged, that the distance or its own interval catches at ``power``.

    ``half_widths``: of the values' own intervals, on their scales; a value without one is judged together alone.
    """
    n = len(judged.members)
    members = standardised(judged.members[None])
    unit = members.deviation[0]
    limits = np.array([half_widths.get(address, np.inf) for address in judged.addresses]) / (unit * np.sqrt(1 + 1 / n))
    found = []
    for drawn in drawn_ensembles(members.correlation(), n, _DRAWS, _RUNS):
        own = standardised(drawn[:, :n])
        z = own.scores(drawn[:, n:])
        solved, precision = own.solved(z), own.precision()[:, None]
        beyond = np.maximum(judged.limit - (z * solved).sum(axis=2, keepdims=True), 0.0)
        roots = (np.sqrt(solved**2 + precision * beyond) - solved) / precision
        shifts = np.maximum(np.minimum(roots, limits - z), 0.0)
        found.append((shifts * own.deviation[:, None] * np.sqrt(1 + 1 / n)).reshape(-1, len(limits)))
    seen = np.quantile(np.concatenate(found), power, axis=0) * unit
    return dict(zip(judged.addresses, map(float, seen), strict=True))
