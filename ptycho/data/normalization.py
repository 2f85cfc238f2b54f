"""Normalize: the scales, each computed once, applied once, and undone once.

docs/explanation/physics.md, "Scales that must never be mixed". Amplitudes of the data are in units of ``P * O``;
times ``gain`` they are *normalised*; times ``counts_scale`` they are square roots of photons.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ptycho.data.frames import Frames
from ptycho.errors import DataError

if TYPE_CHECKING:
    from ptycho.data.grouping import Groups  # which imports a good part of SciPy


@dataclass(frozen=True)
class Scales:
    """Every scale of a trained pipeline; they come from the training data and from nowhere else.

    ``gain``: ``sqrt((N/2)**2 / mean(sum X**2))``, brings the network's input to a fixed energy.
    ``counts_scale``: photons' square root per normalised unit, ``sqrt(nphotons / mean(sum (gain X)**2))``.
    ``dataset_intensity_scale``: the same per unit of ``P * O``, over all training frames; it differs
    from ``gain * counts_scale`` by how often the groups use each frame.
    ``closed_form_intensity_scale``: ``sqrt(nphotons) / (N/2)``, which ``counts_scale`` must equal
    on normalised data; a difference is a stale configuration.
    ``required_amplitude``: a normalised object's root-mean-square amplitude, ``(N/2) / ||P||``.
    """

    N: int
    nphotons: float
    gain: float
    counts_scale: float
    dataset_intensity_scale: float
    closed_form_intensity_scale: float
    required_amplitude: float

    @property
    def log_scale(self) -> float:
        """The intensity scalers' shared weight before training."""
        return math.log(self.counts_scale)

    def prediction_to_object_units(self, log_scale: float) -> float:
        """What a predicted amplitude is multiplied by, once: ``exp(log_scale) / (counts_scale * gain)``.

        ``1 / gain`` unless ``log_scale`` was trained away from where it started.
        """
        return math.exp(log_scale) / (self.counts_scale * self.gain)


def closed_form_scale(nphotons: float, N: float) -> float:
    """``sqrt(nphotons) / (N/2)``: the intensity scale of data normalised to ``(N/2)**2``."""
    return math.sqrt(nphotons) / (N / 2)


def compute_scales(train: Frames, groups: Groups, probe_norm: float, nphotons: float) -> Scales:
    """The scales of the grouped training data; ``probe_norm`` is ``||P||`` (``seen_norm`` where pixels are masked).

    All energies are those of valid pixels, of the data and of the probe alike: what a mask takes from one it
    takes from the other.

    Raises DataError when the data has no energy.
    """
    N = train.diffraction.shape[-1]
    energy = float(train.energy()[groups.members].mean())
    if not energy > 0:
        raise DataError("the training frames hold no photons: nothing can be normalised")
    gain = math.sqrt((N / 2) ** 2 / energy)
    return Scales(
        N=N,
        nphotons=nphotons,
        gain=gain,
        counts_scale=math.sqrt(nphotons / (gain**2 * energy)),
        dataset_intensity_scale=math.sqrt(nphotons / float(train.energy().mean())),
        closed_form_intensity_scale=closed_form_scale(nphotons, N),
        required_amplitude=float(N / 2 / probe_norm),
    )
