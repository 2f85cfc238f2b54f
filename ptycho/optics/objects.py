"""Test objects: complex transmission functions with known amplitude and phase.

Every generator returns a ``(size, size)`` complex64 array. Randomness comes from the seed given
and from nowhere else. ``RandomState`` is used on purpose: its stream is frozen by NumPy, and the
``lines`` object is defined by it (docs/explanation/physics.md, "Conformance figures").
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.draw import line

from ptycho.arrays import Complex, Real


def lines(size: int, seed: int, count: int = 400) -> Complex:
    """Blurred random lines on a canvas of twice the size, centre kept; real and positive.

    Each line takes four uniform draws, in the order row 0, column 0, row 1, column 1. The image
    is ``G(1) + 2 G(5) + 5 G(10)`` of the lines (Gaussian blurs, sigma in pixels).
    """
    rng = np.random.RandomState(seed)
    canvas = np.zeros((2 * size, 2 * size))
    for _ in range(count):
        r0, c0, r1, c1 = (int(2 * size * rng.uniform()) for _ in range(4))
        canvas[line(r0, c0, r1, c1)] = 1.0
    blurred = sum(w * gaussian_filter(canvas, s) for w, s in ((1, 1), (2, 5), (5, 10)))
    start = size // 2
    return np.asarray(blurred)[start : start + size, start : start + size].astype(np.complex64)


def gaussian_random_field(size: int, seed: int, correlation_px: float) -> Complex:
    """A positive real object: ``1 + 0.25 f`` with ``f`` a unit-variance field, kept above 0.1."""
    field = _unit_field(np.random.RandomState(seed), size, correlation_px)
    return np.maximum(1.0 + 0.25 * field, 0.1).astype(np.complex64)


def points(size: int, seed: int, count: int = 2000) -> Complex:
    """Bright points of random strength, blurred by one pixel, on a flat background of 0.5."""
    rng = np.random.RandomState(seed)
    canvas = np.zeros((size, size))
    rows, columns = rng.randint(0, size, count), rng.randint(0, size, count)
    np.add.at(canvas, (rows, columns), rng.uniform(0.5, 1.5, count))
    return (0.5 + 4.0 * gaussian_filter(canvas, 1.0)).astype(np.complex64)


def complex_field(size: int, seed: int, correlation_px: float, phase_std_rad: float) -> Complex:
    """The ``lines`` amplitude with an independent Gaussian random field as its phase."""
    phase = phase_std_rad * _unit_field(np.random.RandomState(seed + 1), size, correlation_px)
    return (lines(size, seed) * np.exp(1j * phase)).astype(np.complex64)


def opaque_star(size: int, transmission: float, spokes: int = 18) -> Complex:
    """A Siemens star in an absorber: ``transmission`` in its spokes, 1 between them and around it.

    Its edges are a pixel soft. Thirteen sixteenths of the object are star; nothing of it is random.
    """
    rows, columns = np.indices((size, size)) - (size - 1) / 2
    radius, angle = np.hypot(rows, columns), np.arctan2(rows, columns)
    dark = (np.cos(spokes * angle + 1.0) > 0) & (radius > size / 32) & (radius < 13 * size / 32)
    return (1.0 - (1.0 - transmission) * gaussian_filter(dark.astype(float), 0.7)).astype(np.complex64)


def _unit_field(rng: np.random.RandomState, size: int, correlation_px: float) -> Real:
    """A periodic Gaussian random field of zero mean and unit variance."""
    field = gaussian_filter(rng.standard_normal((size, size)), correlation_px, mode="wrap")
    centred = field - field.mean()
    return centred / centred.std()
