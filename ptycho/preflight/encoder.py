"""Positions as a stage's encoder or a file's type stored them: whole numbers that ran over their bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho.arrays import Real
from ptycho.preflight.findings import Observation
from ptycho.preflight.survey import Survey

BITS = (8, 16)
JUMP, ACROSS = 4.0, 2.0  # times the widest other gap: of the widest, and of the one across the limits


def check_wrapped(seen: Survey) -> Iterator[Observation]:
    """Whole positions whose two ends meet at the limits of a type, with a gap in between."""
    if seen.scan.file.unit != "px":
        return
    columns = np.asarray(seen.scan.file.require("positions"), np.float64)[: seen.count]
    for number, column in enumerate(columns.T):
        bits = wrapped_bits(column)
        if bits:
            sentence = (
                f"the positions' column {number} was stored in {bits} bits and ran over: its values end at both limits "
                f"and leave a gap in between; add {2**bits} to those below the gap"
            )
            yield Observation("positions_wrapped", "error", bits, 0, sentence)


def wrapped_bits(column: Real) -> int:
    """Bits of the type in which whole numbers ``(M,)`` ran over, or 0.

    Modulo ``2**bits`` the numbers lie on a circle. Those that ran over touch where the type begins and ends, and their
    widest gap is elsewhere; those that did not leave the type's limits alone.
    """
    values = np.unique(column)
    if len(values) < 3 or not np.array_equal(values, np.rint(values)):
        return 0
    for bits in BITS:
        period = 2**bits
        low = -period // 2 if values[0] < 0 else 0
        gaps = np.diff(values)
        across = period - (values[-1] - values[0])
        usual = float(np.delete(gaps, gaps.argmax()).max())
        fits = low <= values[0] and values[-1] < low + period
        if fits and across <= ACROSS * usual and gaps.max() > JUMP * max(usual, across):
            return bits
    return 0
