"""The configuration: frozen dataclasses that say everything a run depends on.

Nothing here has a default for a physical quantity: a scenario states it, or the load fails. A value
that cannot work is refused when the dataclass is made, naming the field, the value and the remedy.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Union

from ptycho.errors import ConfigError, choices

T = TypeVar("T")
PATCH_SIDES = (64, 128, 256)


def require(ok: bool, field: str, value: object, allowed: str) -> None:
    """Raise ConfigError naming ``field``, its ``value`` and what is ``allowed``, unless ``ok``."""
    if not ok:
        raise ConfigError(f"{field} = {value!r} is not possible: {allowed}")


def require_seed(field: str, seed: int) -> None:
    """Raise ConfigError unless ``seed`` seeds every generator that is used."""
    require(0 <= seed < 2**32 - 1, field, seed, "a seed from 0 to 2**32 - 2")


@dataclass(frozen=True)
class ObjectConfig:
    """A simulated object of ``size`` pixels a side (see ``ptycho.objects``)."""

    kind: Literal["lines", "gaussian_random_field", "points", "complex_field"]
    size: int
    seed: int
    correlation_px: float = 0.0  # used by the random fields only, and required there
    phase_std_rad: float = 0.0  # used by complex_field only, and required there

    def __post_init__(self) -> None:
        require_seed("object.seed", self.seed)
        require(self.size >= 32, "object.size", self.size, "at least 32 pixels")
        if self.kind in ("gaussian_random_field", "complex_field"):
            require(
                self.correlation_px > 0,
                "object.correlation_px",
                self.correlation_px,
                "a random field needs a positive length",
            )
        if self.kind == "complex_field":
            require(0 < self.phase_std_rad < math.pi, "object.phase_std_rad", self.phase_std_rad, "between 0 and pi")


@dataclass(frozen=True)
class ProbeConfig:
    """A probe, normalised to ``scale`` (see ``ptycho.probes``)."""

    kind: Literal["idealized", "defocused", "file"]
    scale: float
    mask: bool
    width: float = 0.0  # idealized only, and required there
    path: str = ""  # file only, and required there

    def __post_init__(self) -> None:
        require(self.scale > 0, "probe.scale", self.scale, "a positive number")
        require(
            self.kind != "idealized" or self.width > 0,
            "probe.width",
            self.width,
            "an idealized probe needs a positive width (0.7 in the seeds)",
        )
        require(
            self.kind != "file" or bool(self.path), "probe.path", self.path, "a probe from a file needs the file's path"
        )


@dataclass(frozen=True)
class ScanConfig:
    """Positions drawn uniformly at random, at least ``margin_px`` inside the object."""

    images: int
    seed: int
    margin_px: float

    def __post_init__(self) -> None:
        require_seed("scan.seed", self.seed)
        require(self.images >= 2, "scan.images", self.images, "at least 2, one to train and one to test")
        require(self.margin_px >= 0, "scan.margin_px", self.margin_px, "zero or more pixels")


@dataclass(frozen=True)
class SimulateConfig:
    """Simulated data: what is illuminated, by what, where, and with how many photons an image."""

    object: ObjectConfig
    probe: ProbeConfig
    scan: ScanConfig
    nphotons: float
    noise_seed: int

    def __post_init__(self) -> None:
        require_seed("simulate.noise_seed", self.noise_seed)
        require(1 <= self.nphotons <= 1e12, "simulate.nphotons", self.nphotons, "between 1 and 1e12")
        require(
            2 * self.scan.margin_px < self.object.size,
            "scan.margin_px",
            self.scan.margin_px,
            f"less than half the object's {self.object.size} pixels",
        )


@dataclass(frozen=True)
class MeasuredConfig:
    """Measured data from a file (see ``ptycho.data``)."""

    path: str
    quantity: Literal["counts", "amplitude"]
    centred: bool  # True: zero frequency in the middle of a frame; False: at its corner
    order: Literal["xy", "yx"]  # what the two columns of the scan positions are
    refine_probe_sweeps: int  # of ePIE on the training frames, to correct the file's probe; 0: none
    frames: int = 0  # only the first so many of the scan; 0: all of it

    def __post_init__(self) -> None:
        require(self.refine_probe_sweeps >= 0, "measured.refine_probe_sweeps", self.refine_probe_sweeps, "zero or more")
        require(self.frames >= 0, "measured.frames", self.frames, "zero (all) or more")


@dataclass(frozen=True)
class SplitConfig:
    """Train and test frames, apart along one axis: the lower ``fraction`` trains."""

    axis: Literal["x", "y"]
    fraction: float

    def __post_init__(self) -> None:
        require(0 < self.fraction < 1, "split.fraction", self.fraction, "between 0 and 1, both excluded")


@dataclass(frozen=True)
class GroupConfig:
    """Groups of ``gridsize**2`` frames: a seed and some of its ``neighbors`` nearest frames."""

    neighbors: int
    train_groups: int
    oversample: bool  # allow more groups than frames, by choosing neighbours in several ways
    seed: int

    def __post_init__(self) -> None:
        require_seed("group.seed", self.seed)
        require(self.neighbors >= 1, "group.neighbors", self.neighbors, "at least 1")
        require(self.train_groups >= 1, "group.train_groups", self.train_groups, "at least 1")


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

    def __post_init__(self) -> None:
        require_seed("model.init_seed", self.init_seed)
        require(self.sweeps >= 1, "model.sweeps", self.sweeps, "at least 1")
        require(self.filters >= 4, "model.filters", self.filters, "at least 4")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the loss components (see ``ptycho.losses``); zero switches a component off."""

    nll_weight: float
    mae_weight: float
    realspace_weight: float  # over both real-space terms, as in the seeds
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
    validation_fraction: float
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


@dataclass(frozen=True)
class ReferenceConfig:
    """The oracle (see ``ptycho.reference``)."""

    sweeps: int
    step: float
    seed: int
    update_probe_from: int  # first sweep (counted from 1) that updates the probe; 0: never

    def __post_init__(self) -> None:
        require_seed("reference.seed", self.seed)
        first = self.update_probe_from
        require(first >= 0, "reference.update_probe_from", first, "a sweep from 1 on, or 0 for never")
        require(self.sweeps >= 1, "reference.sweeps", self.sweeps, "at least 1")
        require(0 < self.step <= 1, "reference.step", self.step, "in (0, 1]")


@dataclass(frozen=True)
class CompareConfig:
    """Where and after which alignments quality is measured."""

    support_threshold: float  # share of the probe's peak intensity that covers a pixel
    align_plane: bool
    align_shift: bool

    def __post_init__(self) -> None:
        require(
            0 < self.support_threshold < 1,
            "compare.support_threshold",
            self.support_threshold,
            "between 0 and 1, both excluded",
        )


@dataclass(frozen=True)
class PipelineConfig:
    """Everything a run depends on. Exactly one of ``simulate`` and ``measured`` is given."""

    N: int
    gridsize: int
    split: SplitConfig
    group: GroupConfig
    model: ModelConfig
    loss: LossConfig
    train: TrainConfig
    infer: InferConfig
    reference: ReferenceConfig
    compare: CompareConfig
    simulate: SimulateConfig | None = None
    measured: MeasuredConfig | None = None

    def __post_init__(self) -> None:
        require(self.N in PATCH_SIDES, "N", self.N, f"one of {PATCH_SIDES}")
        require(self.gridsize in (1, 2, 3), "gridsize", self.gridsize, "1, 2 or 3")
        given = [name for name in ("simulate", "measured") if getattr(self, name) is not None]
        require(len(given) == 1, "data source", given, "give exactly one of [simulate] and [measured]")
        wanted = self.gridsize**2 - 1
        require(
            self.group.neighbors >= wanted,
            "group.neighbors",
            self.group.neighbors,
            f"a group of {wanted + 1} needs at least {wanted} neighbours beside its seed",
        )

    @property
    def group_size(self) -> int:
        """``C = gridsize**2``, the number of patches in a group."""
        return self.gridsize**2

    @property
    def window_px(self) -> int:
        """Side of the part of a patch where the network predicts the object."""
        return self.N // 2 if self.model.window == "half" else self.N


def from_mapping(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build a (nested) dataclass from plain data; unknown keys, missing keys and wrong types raise.

    ``where`` names the place in messages, e.g. a scenario's file.
    """
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise ConfigError(f"{where}: unknown key {key!r}; {choices(key, fields)}")
    needed = {n for n, f in fields.items() if f.default is dataclasses.MISSING}
    if missing := sorted(needed - values.keys()):
        raise ConfigError(f"{where}: missing {', '.join(missing)}; {cls.__name__} cannot be guessed, please state it")
    made = {key: _convert(hints[key], value, f"{where}: {key}") for key, value in values.items()}
    try:
        return cls(**made)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


class Unknown:
    """A part of a configuration that is not given: whoever touches it is told its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, attribute: str) -> Any:
        raise ConfigError(f"[{self.name}] is read without being declared: declare it")

    def __bool__(self) -> bool:
        raise ConfigError(f"[{self.name}] is read without being declared: declare it")


def from_parts(values: Mapping[str, Any], where: str) -> PipelineConfig:
    """A configuration of which only some parts are given; touching another raises ConfigError."""
    made = object.__new__(PipelineConfig)
    for name, hint in typing.get_type_hints(PipelineConfig).items():
        part = _convert(hint, values[name], f"{where}: {name}") if name in values else Unknown(name)
        object.__setattr__(made, name, part)
    return made


def _convert(hint: Any, value: Any, where: str) -> Any:
    if typing.get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a table, got {value!r}")
        return from_mapping(typing.cast(type, hint), value, where)
    if typing.get_origin(hint) is Literal:
        allowed = typing.get_args(hint)
        if value not in allowed:
            raise ConfigError(f"{where}: {value!r} is unknown; {choices(str(value), allowed)}")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where}: expected {hint.__name__}, got {value!r}")
    if hint is float and not math.isfinite(value):
        raise ConfigError(f"{where}: expected a finite number, got {value!r}")
    return value


def to_mapping(config: object) -> dict[str, Any]:
    """The configuration as plain data, the inverse of ``from_mapping``."""
    return dataclasses.asdict(config)  # type: ignore[call-overload]


def digest(value: Any) -> str:
    """SHA-256 of plain data (or a configuration) in canonical JSON."""
    plain = to_mapping(value) if dataclasses.is_dataclass(value) else value
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
