"""The illumination."""

import numpy as np

from ptycho import params as p


def get_default_probe():
    """A smooth round spot with a curved phase, whose energy is 1."""
    N = p.get("N")
    y, x = np.mgrid[:N, :N] - (N - 1) / 2
    r = np.hypot(x, y)
    spot = 1 / (1 + np.exp(r - p.get("probe_radius"))) * np.exp(0.02j * r**2)
    return spot / np.sqrt(np.sum(np.abs(spot) ** 2))
