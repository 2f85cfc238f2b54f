"""The order in which mutants are tried: every beginning of it is a stratified sample of them all.

Within a stratum mutants are in a random order, the ``i``-th of ``n`` at the place ``(i + u) / n`` between 0 and 1, with
one ``u`` for the stratum. By these places all strata are merged, so that wherever one stops, every stratum has given
nearly the same share of its mutants: the rates of the sample are those of all without weights (proportional
allocation; Cochran, "Sampling Techniques", section 5.5). The order is decided by a seed alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.files import sha256
from harness.study.prove.faults.mutant import Mutant


def sampling_order(mutants: Iterable[Mutant], seed: int) -> list[Mutant]:
    """Every mutant once, in the order for ``seed``."""
    strata: dict[tuple[str, ...], dict[str, Mutant]] = {}
    for mutant in mutants:
        strata.setdefault(mutant.stratum, {})[mutant.id] = mutant
    placed: list[tuple[float, str, Mutant]] = []
    for stratum, of in strata.items():
        offset = _draw(seed, "/".join(stratum))
        shuffled = sorted(of.values(), key=lambda mutant: _draw(seed, mutant.id))
        placed += [((i + offset) / len(shuffled), m.id, m) for i, m in enumerate(shuffled)]
    return [mutant for _, _, mutant in sorted(placed, key=lambda place: place[:2])]


def _draw(seed: int, words: str) -> float:
    """A number between 0 and 1, always the same one."""
    return int(sha256(f"{seed}:{words}".encode())[:13], 16) / 16**13
