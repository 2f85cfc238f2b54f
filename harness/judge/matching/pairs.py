"""As many pairs as there can be of golden and obtained rows that a tolerance lets pass, found the same way every time.

Sorted rows are paired first, which for one column of real numbers is best. Where some pair of these is out of
tolerance, a maximum matching of all pairs that are within it is sought: none is overlooked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.judge.elements import Array, Terms, measure_elements
from harness.judge.policies.elementwise import Elementwise

_SORTED_BY = 16  # columns
_AT_ONCE = 2**21  # elements that are compared at once
_MOST_PAIRS = 25_000_000

Pairs = list[tuple[int, int]]
"""Places of golden and obtained rows, in the order of the golden's."""


@dataclass(frozen=True)
class Columns:
    """Columns of numbers that one rule speaks of: ``golden`` and ``obtained`` are rows times columns."""

    golden: Array
    obtained: Array
    policy: Elementwise
    terms: Terms

    def within(self, golden: NDArray[np.intp], obtained: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Of each pair of rows: whether all of it is within tolerance."""
        one, other = self.golden[golden], self.obtained[obtained]
        if not one.size:
            return np.ones(len(golden), bool)
        with np.errstate(all="ignore"):
            out = measure_elements(one, other, self.policy, self.terms)[0]
        return np.asarray(~out.any(axis=1))


class TooManyRowsError(ValueError):
    """There are too many rows to look at every pair of them."""


def paired_rows(blocks: Sequence[Columns], golden: int, obtained: int) -> Pairs:
    """The pairs of ``golden`` and ``obtained`` rows; raises TooManyRowsError where sorting does not find them all."""
    if not blocks:
        return [(i, i) for i in range(min(golden, obtained))]
    by = [_sorted([(block.golden, block.obtained)[side] for block in blocks]) for side in (0, 1)]
    if golden == obtained and all(block.within(*by).all() for block in blocks):
        return sorted(zip(by[0].tolist(), by[1].tolist(), strict=True))
    if golden * obtained > _MOST_PAIRS:
        raise TooManyRowsError
    return _matched(blocks, *by)


def sorted_rows(array: Array) -> NDArray[np.intp]:
    """The places of an array's rows in ascending order."""
    return _sorted([array.reshape(len(array), -1)])


def _sorted(parts: Sequence[Array]) -> NDArray[np.intp]:
    columns = [part[:, i] for part in parts for i in range(min(part.shape[1], _SORTED_BY))][:_SORTED_BY]
    return np.lexsort(columns[::-1]) if columns else np.arange(len(parts[0]))


def _matched(blocks: Sequence[Columns], golden: NDArray[np.intp], obtained: NDArray[np.intp]) -> Pairs:
    """A maximum matching; rows are looked at in ascending order, so that the same rows give the same pairs."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    width = max(block.golden.shape[1] for block in blocks)
    step = max(1, _AT_ONCE // max(1, len(obtained) * width))
    rows, columns = [], []
    for start in range(0, len(golden), step):
        part = np.arange(start, min(start + step, len(golden)))
        i, j = (a.ravel() for a in np.meshgrid(part, np.arange(len(obtained)), indexing="ij"))
        for block in blocks:
            kept = block.within(golden[i], obtained[j])
            i, j = i[kept], j[kept]
        rows.append(i)
        columns.append(j)
    i, j = np.concatenate(rows), np.concatenate(columns)
    graph = coo_matrix((np.ones(len(i), np.int8), (i, j)), shape=(len(golden), len(obtained))).tocsr()
    partner = maximum_bipartite_matching(graph, perm_type="column")
    return sorted((int(golden[n]), int(obtained[m])) for n, m in enumerate(partner) if m >= 0)
