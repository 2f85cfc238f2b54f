"""What the stages hand on to one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ptycho.arrays import Complex, Mask, Real
from ptycho.data.frames import Dataset, Frames
from ptycho.data.grouping import Groups
from ptycho.data.splitting import Split
from ptycho.model.features import FeatureMaker
from ptycho.model.network import PtychoModel
from ptycho.training.training import TrainingOutcome


@dataclass(frozen=True)
class Grouped:
    """Groups of the training frames, and of the frames that will be reconstructed."""

    train: Groups
    frames: Frames
    infer: Groups

    @property
    def reach(self) -> int:
        """The largest whole-pixel shift of any member of any group."""
        return max(self.train.reach, self.infer.reach)


@dataclass(frozen=True)
class Prepared:
    """Everything before normalisation: the data, its parts, the model's probe, and the groups."""

    dataset: Dataset
    split: Split
    probe: Complex
    groups: Grouped


@dataclass(frozen=True)
class Trained:
    """A trained model and how its training went."""

    model: PtychoModel
    maker: FeatureMaker
    outcome: TrainingOutcome
    initial: list[Real]
    seconds: float


@dataclass(frozen=True)
class Reference:
    """The oracle's object and how it got there: what ``Iterate`` has, and the Fourier error of every sweep."""

    object: Complex
    probe: Complex
    fourier_errors: list[float]
    seconds: float
    positions: Real | None = None
    levels: Real | None = None


@dataclass(frozen=True)
class Comparison:
    """Quality figures, the support they are over, and the aligned objects for the figures."""

    metrics: dict[str, Any]
    support: Mask
    network: Complex
    oracle: Complex


@dataclass(frozen=True)
class Telemetry:
    """What every scale did: ``intensity`` is the content of ``intensity_stats.json``, ``inference`` that
    of ``inference_outputs/stats.json``; ``unmoved`` names weights that training should have moved."""

    intensity: dict[str, Any]
    inference: dict[str, Any]
    unmoved: list[str]
