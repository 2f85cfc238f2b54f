"""Correlated values judged together: how far a run is from an ensemble, by what its members' values have in common.

The members' values are standardised, and the matrix of their correlations is shrunk towards the identity, by as much
as its own error asks for (Ledoit & Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
J. Multivariate Analysis 88 (2004) 365), as there are often fewer members than values. The squared distance of a run is
Hotelling's with that matrix: ``z' R^-1 z / (1 + 1/N)``. Values that always move together and once do not are far
apart by it, though each lies within its own interval.

Its limit is no textbook quantile, which the shrinkage invalidates: ensembles of as many members, and further runs,
are drawn from the normal distribution with the shrunk correlations, with a fixed seed, and the limit is such that
their distances exceed it at the rate that was asked for. Where values are not normal, or depend on each other by a
curve, that is too low: so the limit is at least the prediction limit of the members' own distances, each from the
others, whose logarithms are about normal (``benchmarks/ensembles.py`` measures how calm that is).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from harness.core.protocol import Json
from harness.judge.ensemble import as_judged, logarithmic_of, on_scale, quantile

Floats = NDArray[np.float64]

SMALLEST_JOINT = 16  # members: with eight it sees next to nothing, as benchmarks/ensembles.py measures
LEAST_SHRINKAGE = 0.02  # so that no relation between values is taken for exact
TOGETHER = "statistical_values_together"
"""What stands for all of them where a single value has its address."""
FEWEST_VALUES = 3
JOINT_SHARE = 0.5  # of the false-alarm rate
_DRAWS, _RUNS, _BYTES = 500, 48, 2**24  # ensembles drawn for the limit, runs of each, and memory for them at a time


@dataclass(frozen=True)
class Standardised:
    """What distances need of ``B`` ensembles at once: the singular vectors of their standardised members.

    ``mean``, ``deviation``: (B, p); ``vectors``: (B, k, p), orthonormal rows; ``strengths``: (B, k), eigenvalues of the
    correlations; ``shrinkage``: (B,); ``members``: N.
    """

    mean: Floats
    deviation: Floats
    vectors: Floats
    strengths: Floats
    shrinkage: Floats
    members: int

    @property
    def shrunk(self) -> Floats:
        """The eigenvalues of the shrunk correlations along ``vectors``, (B, k)."""
        floor = self.shrinkage[:, None]
        return np.asarray((1 - floor) * self.strengths + floor)

    def scores(self, runs: Floats) -> Floats:
        """Standardised runs, (B, M, p) as the ``runs``, so that each has about unit variance."""
        away = (runs - self.mean[:, None]) / self.deviation[:, None]
        return np.asarray(away / np.sqrt(1 + 1 / self.members))

    def distances(self, runs: Floats) -> Floats:
        """The squared distance of each of (B, M, p) runs: (B, M)."""
        z = self.scores(runs)
        parts = np.einsum("bmp,bkp->bmk", z, self.vectors)
        outside = (z**2).sum(axis=2) - (parts**2).sum(axis=2)
        within = (parts**2 / self.shrunk[:, None]).sum(axis=2)
        return np.asarray(np.maximum(outside, 0) / self.shrinkage[:, None] + within)

    def solved(self, z: Floats) -> Floats:
        """``R^-1 z`` of (B, M, p) scores: (B, M, p)."""
        parts = np.einsum("bmp,bkp->bmk", z, self.vectors)
        floor = self.shrinkage[:, None, None]
        beyond = parts / self.shrunk[:, None] - parts / floor
        return np.asarray(z / floor + np.einsum("bmk,bkp->bmp", beyond, self.vectors))

    def precision(self) -> Floats:
        """The diagonal of ``R^-1``: (B, p)."""
        floor = self.shrinkage[:, None]
        return np.asarray(1 / floor + np.einsum("bk,bkp->bp", 1 / self.shrunk - 1 / floor, self.vectors**2))

    def shares(self, run: Floats) -> Floats:
        """How much of a run's squared distance each value accounts for, (p,): z_i (R^-1 z)_i, of the first ensemble."""
        z = self.scores(run[None, None])
        return np.asarray((z * self.solved(z))[0, 0])

    def correlation(self) -> Floats:
        """The shrunk correlations of the first ensemble, (p, p)."""
        floor = float(self.shrinkage[0])
        own = (self.vectors[0].T * self.strengths[0]) @ self.vectors[0]
        return np.asarray((1 - floor) * own + floor * np.eye(own.shape[0]))


def one_thread() -> AbstractContextManager[object]:
    """Within it NumPy's linear algebra has one thread.

    The matrices are small: more threads only wait for one another, and on a busy machine for whatever else runs.
    """
    return threadpool_limits(1, "blas")


def standardised(ensembles: Floats) -> Standardised:
    """What distances need of (B, N, p) members; no value may be equal in all members."""
    _, n, p = ensembles.shape
    mean, deviation = ensembles.mean(axis=1), ensembles.std(axis=1, ddof=1)
    z = (ensembles - mean[:, None]) / deviation[:, None]
    gram = z @ z.transpose(0, 2, 1)
    # Ledoit & Wolf's lemma 3.2 to 3.5, by the Gram matrix: |S|^2 is that of the Gram matrix, whose trace S shares.
    size = (gram**2).sum(axis=(1, 2)) / n**2
    level = np.trace(gram, axis1=1, axis2=2) / n / p
    off = np.maximum(size - level**2 * p, 1e-12)
    error = ((np.diagonal(gram, axis1=1, axis2=2) ** 2).sum(axis=1) / n - size) / n
    shrinkage = np.clip(error / off, LEAST_SHRINKAGE, 1.0)
    values, u = np.linalg.eigh(gram)
    known = values > 1e-9 * values[:, -1:]
    values = np.where(known, values, 1.0)
    vectors = np.where(known[:, :, None], u.transpose(0, 2, 1) @ z / np.sqrt(values)[:, :, None], 0.0)
    return Standardised(mean, deviation, vectors, np.where(known, values / (n - 1), 0.0), shrinkage, n)


def left_out_distances(members: Floats) -> Floats:
    """The squared distance of each of (N, p) members from the ensemble of the others, (N,)."""
    n = len(members)
    others = np.stack([np.delete(members, i, axis=0) for i in range(n)])
    return standardised(others).distances(members[:, None])[:, 0]


def drawn_ensembles(correlation: Floats, members: int, ensembles: int, runs: int, seed: int = 0) -> Iterator[Floats]:
    """Ensembles that are drawn normally, and healthy runs after them, (B, members + runs, p), some at a time."""
    rng = np.random.default_rng(seed)
    strengths, axes = np.linalg.eigh(correlation)
    root = (axes * np.sqrt(np.clip(strengths, 0, None))).T
    p = len(root)
    block = max(1, _BYTES // (8 * p * (members + runs)))
    for start in range(0, ensembles, block):
        count = min(block, ensembles - start)
        yield rng.standard_normal((count, members + runs, p)) @ root


def drawn_distances(correlation: Floats, members: int, ensembles: int, runs: int, seed: int = 0) -> Floats:
    """Squared distances of healthy runs, of ensembles drawn normally: ``ensembles * runs`` of them."""
    every = drawn_ensembles(correlation, members, ensembles, runs, seed)
    return np.concatenate([standardised(d[:, :members]).distances(d[:, members:]).ravel() for d in every])


def joint_limit(members: Floats, rate: float) -> float:
    """The squared distance from (N, p) members that a healthy run exceeds at ``rate``, at most."""
    with one_thread():
        own = standardised(members[None])
        drawn = np.sort(drawn_distances(own.correlation(), len(members), _DRAWS, _RUNS))
        return max(_quantile_beyond(drawn, rate), _left_out_limit(members, rate))


def _left_out_limit(members: Floats, rate: float) -> float:
    """The upper prediction limit of one more distance, of those that the members have from one another."""
    logs = np.log(np.maximum(left_out_distances(members), 1e-300))
    n = len(logs)
    half = quantile(n - 1, 2 * rate) * np.sqrt(1 + 1 / n) * logs.std(ddof=1)
    return float(np.exp(logs.mean() + half))


def _quantile_beyond(ordered: Floats, rate: float) -> float:
    """The value that ordered draws exceed at ``rate``: beyond the last few by the slope of the tail's logarithm."""
    n = len(ordered)
    if (place := rate * n) >= 10:
        return float(ordered[n - 1 - int(place)])
    k = max(20, n // 200)  # Hill's estimate of how the tail falls
    base = ordered[n - 1 - k]
    slope = float(np.mean(np.log(ordered[n - k :] / base)))
    return float(base * (k / max(place, 1e-12)) ** slope)


@dataclass(frozen=True)
class Together:
    """The values of an ensemble that are judged together: ``members`` is (N, p), in the order of ``addresses``.

    Those of ``logarithmic`` addresses are logarithms.
    """

    addresses: tuple[str, ...]
    members: Floats
    limit: float
    rate: float
    logarithmic: frozenset[str] = frozenset()

    def judged(self, run: Mapping[str, float]) -> Floats:
        """The values of a run, (p,), as they are judged: not finite where one is none that a member could have."""
        return np.array([on_scale(run.get(a, np.nan), a in self.logarithmic) for a in self.addresses], np.float64)

    def distance(self, run: Mapping[str, float]) -> tuple[float, dict[str, float]]:
        """The squared distance of a run, and the share of it that each value accounts for, the largest first.

        Infinite, without shares, for a run with a value that no member could have.
        """
        x = self.judged(run)
        if not np.isfinite(x).all():
            return np.inf, {}
        with one_thread():
            own = standardised(self.members[None])
            total = float(own.distances(x[None, None])[0, 0])
            shares = own.shares(x)
        order = np.argsort(-shares, kind="stable")
        return total, {self.addresses[i]: float(shares[i] / total) if total else 0.0 for i in order}


def joint_document(
    draws: Mapping[str, Sequence[float]],
    alone: Sequence[str],
    alpha: float,
    values: int,
    logarithmic: Collection[str] = (),
) -> dict[str, Json]:
    """What an ensemble says of its values together; empty for too few members or values.

    Its rate is ``JOINT_SHARE`` of what the scenario's values may spend of ``alpha``, which ``values`` share.
    """
    names, members = joinable(draws, alone, logarithmic)
    if len(names) < FEWEST_VALUES or len(members) < SMALLEST_JOINT:
        return {}
    rate = alpha * JOINT_SHARE * len(draws) / values
    apart = sorted(set(draws) - set(names))
    return {"share": JOINT_SHARE, "rate": rate, "limit": joint_limit(members, rate), "alone": apart}


def together(about: Mapping[str, Any]) -> Together | None:
    """The values that an ensemble judges together; None where it judges each alone."""
    if "joint" not in about:
        return None
    joint, logarithmic = about["joint"], logarithmic_of(about)
    names, members = joinable(about["draws"], joint["alone"], logarithmic)
    return Together(names, members, float(joint["limit"]), float(joint["rate"]), logarithmic)


def joinable(
    draws: Mapping[str, Sequence[float]], alone: Sequence[str], logarithmic: Collection[str] = ()
) -> tuple[tuple[str, ...], Floats]:
    """The addresses that can be judged together, and their members, (N, p): not those ``alone``, nor what is still."""
    left = set(alone)
    judged = {a: as_judged(d, a in logarithmic)[0] for a, d in draws.items() if a not in left and np.isfinite(d).all()}
    names = tuple(a for a, d in judged.items() if np.std(d) > 0)
    return names, np.array([judged[a] for a in names], dtype=np.float64).reshape(len(names), -1).T
