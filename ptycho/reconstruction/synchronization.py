"""Angular synchronisation: one global phase out of many groups' own.

Each group's loss is blind to its global phase. Where groups ``i`` and ``j`` overlap, the phase of
``h_ij = sum w_i w_j conj(O_i) O_j`` says how they differ; the phases ``z`` that agree best with all
of them at once are the leading eigenvector of the normalised Hermitian ``h`` (Singer 2011),
polished by the power method on unit phases. No group comes first, so no error accumulates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from scipy.spatial import KDTree

from ptycho.arrays import Complex, Integer, Real

Block = tuple[Complex, Real]  # canvases (B, M, M) and their weights
_CHUNK = 16  # groups held in memory together with as many neighbours
POLISH = 50


@dataclass(frozen=True)
class Synchronization:
    """``phases`` ``(G,)`` rad, to be *added* to the groups; disagreement is the weighted
    root-mean-square phase between overlapping groups, rad, before and after."""

    phases: Real
    disagreement_before: float
    disagreement_after: float
    overlapping_pairs: int
    components: int


def synchronize_phases(read: Callable[[slice], Block], centers: Integer, neighbors: int = 16) -> Synchronization:
    """Phases for all groups, each compared with its nearest ``neighbors``.

    ``read(part)`` gives the canvases and weights of some groups; ``centers`` ``(G, 2)`` are their
    whole-pixel positions. Two chunks of groups are in memory at one time.
    """
    G = len(centers)
    if G < 2:
        return Synchronization(np.zeros(G), 0.0, 0.0, 0, G)
    edges = _edges(centers, min(neighbors, G - 1))
    values = np.zeros(len(edges), np.complex128)
    for which, first, second in _blocks(edges, read):
        for k in which:
            i, j = edges[k]
            values[k] = _overlap_product(first[i % _CHUNK], second[j % _CHUNK], centers[j] - centers[i])
    kept = np.abs(values) > 1e-6 * np.abs(values).max()
    edges, values = edges[kept], values[kept]
    upper = sparse.coo_matrix((values, (edges[:, 0], edges[:, 1])), (G, G)).tocsr()
    hermitian = upper + upper.conj().T
    count, label = connected_components(abs(hermitian), directed=False)
    z = np.ones(G, np.complex128)
    for component in range(count):
        members = np.flatnonzero(label == component)
        if len(members) > 1:
            z[members] = _leading_phases(hermitian[members][:, members])
    angle_before, angle_after = np.angle(values), np.angle(values * z[edges[:, 0]].conj() * z[edges[:, 1]])
    share = np.abs(values) / np.abs(values).sum()
    return Synchronization(
        phases=np.angle(z),
        disagreement_before=float(np.sqrt(share @ angle_before**2)),
        disagreement_after=float(np.sqrt(share @ angle_after**2)),
        overlapping_pairs=len(edges),
        components=int(count),
    )


def _edges(centers: Integer, neighbors: int) -> Integer:
    """Pairs ``i < j`` of near groups, ``(E, 2)``."""
    near = KDTree(centers).query(centers, neighbors + 1)[1]
    i = np.repeat(np.arange(len(centers)), neighbors + 1)
    pairs = np.stack([i, near.ravel()], axis=-1)
    pairs.sort(axis=1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


def _blocks(edges: Integer, read: Callable[[slice], Block]) -> Iterator[tuple[Integer, Complex, Complex]]:
    """Edges chunk pair by chunk pair, and the two chunks' canvases times their weights."""

    def weighted(chunk: int) -> Complex:
        canvases, weights = read(slice(chunk * _CHUNK, (chunk + 1) * _CHUNK))
        return canvases * weights

    chunk = edges // _CHUNK
    order = np.lexsort((chunk[:, 1], chunk[:, 0]))
    new = np.any(np.diff(chunk[order], axis=0), axis=1)
    first, held = weighted(0), 0
    for which in np.split(order, np.flatnonzero(new) + 1):
        a, b = chunk[which[0]].tolist()
        if a != held:
            first, held = weighted(a), a
        yield which, first, first if b == a else weighted(b)


def _overlap_product(a: Complex, b: Complex, shift: Integer) -> complex:
    """``sum conj(a) b`` where two weighted canvases coincide, ``b`` lying ``shift`` ``[x, y]`` from ``a``."""
    M = a.shape[0]
    cut = []
    for s in (int(shift[1]), int(shift[0])):
        if abs(s) >= M:
            return 0j
        cut.append((slice(max(s, 0), M + min(s, 0)), slice(max(-s, 0), M - max(s, 0))))
    here, there = (cut[0][0], cut[1][0]), (cut[0][1], cut[1][1])
    return complex(np.vdot(a[here], b[there]))


def _leading_phases(hermitian: sparse.csr_matrix) -> Complex:
    """Unit ``z`` that makes ``sum conj(z_i) h_ij z_j`` largest, with a positive mean."""
    strength = np.sqrt(np.asarray(abs(hermitian).sum(axis=1)).ravel())
    scale = sparse.diags(1 / strength)
    normal = scale @ hermitian @ scale
    start = np.asarray(strength, np.complex128)
    if len(strength) > 3:
        vector = eigsh(normal, k=1, which="LA", v0=start)[1][:, 0]
    else:
        vector = np.linalg.eigh(normal.toarray())[1][:, -1]
    z = np.where(np.abs(vector) > 0, vector, 1)
    z = z / np.abs(z)
    for _ in range(POLISH):
        # Shifted by its row sums the matrix is positive, so every step climbs.
        z = hermitian @ z + strength**2 * z
        z /= np.abs(z)
    mean = z.mean()
    return np.asarray(z * (mean.conj() / abs(mean) if abs(mean) > 1e-12 else 1.0))
