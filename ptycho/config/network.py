"""The network, its loss, its training and its inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ptycho.config.validation import require, require_seed


@dataclass(frozen=True)
class ModelConfig:
    """The network and the physics around it (see ``ptycho.model``)."""

    features: Literal["conditioned", "amplitude"]
    sweeps: int  # of projections within the group, for conditioned features
    amplitude_head: Literal["positive", "sigmoid", "softplus", "swish", "relu"]
    window: Literal["half", "full"]  # the part of a patch where the object is predicted
    filters: int
    log_scale_trainable: bool
    probe_trainable: bool
    init_seed: int
    precision: Literal["float32", "mixed_bfloat16"] = "float32"  # that the U-Net computes in; all else is float32
    sweeps_on: Literal["host", "device"] = "host"  # NumPy, transforms in float64; or Keras, all of it in float32
    init_rounding: int = 0  # seed of a rounding of the initial weights, 1e-7 of each; 0: they are as drawn

    def __post_init__(self) -> None:
        require_seed("model.init_seed", self.init_seed)
        require_seed("model.init_rounding", self.init_rounding)
        require(self.sweeps >= 1, "model.sweeps", self.sweeps, "at least 1")
        require(self.filters >= 4, "model.filters", self.filters, "at least 4")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss components (see ``ptycho.losses``); zero switches a component off."""

    nll_weight: float
    mae_weight: float
    realspace_weight: float  # over both real-space terms
    tv_weight: float
    realspace_mae_weight: float
    amplitude_l2_mae: Literal["off", "sample", "patch"] = "off"  # unit energy before the amplitude MAE, and over what

    def __post_init__(self) -> None:
        for name in ("nll_weight", "mae_weight", "realspace_weight", "tv_weight", "realspace_mae_weight"):
            value = getattr(self, name)
            require(value >= 0, f"loss.{name}", value, "zero or more")
        require(
            self.amplitude_l2_mae == "off" or self.mae_weight > 0,
            "loss.amplitude_l2_mae",
            self.amplitude_l2_mae,
            "it normalises what mae_weight weighs, and that is zero: give mae_weight, or say off",
        )
        require(
            self.nll_weight + self.mae_weight > 0,
            "loss.nll_weight",
            self.nll_weight,
            "nll_weight and mae_weight cannot both be zero, nothing would see the data",
        )


@dataclass(frozen=True)
class TrainConfig:
    """The optimisation."""

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["constant", "cosine", "plateau"]
    seed: int  # of the batch order
    validation_fraction: float  # of the groups, held out together with all their frames
    clip_norm: float

    def __post_init__(self) -> None:
        require_seed("train.seed", self.seed)
        require(self.epochs >= 1, "train.epochs", self.epochs, "at least 1")
        require(self.batch_size >= 1, "train.batch_size", self.batch_size, "at least 1")
        require(self.learning_rate > 0, "train.learning_rate", self.learning_rate, "a positive number")
        require(self.clip_norm > 0, "train.clip_norm", self.clip_norm, "a positive number")
        require(
            0 <= self.validation_fraction < 1,
            "train.validation_fraction",
            self.validation_fraction,
            "from 0 up to, not including, 1",
        )


@dataclass(frozen=True)
class InferConfig:
    """Inference and stitching."""

    batch_size: int
    frames: Literal["test", "all"]
    synchronize: bool  # align the groups' phases over their overlaps

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "infer.batch_size", self.batch_size, "at least 1")
