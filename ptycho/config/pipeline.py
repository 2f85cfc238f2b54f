"""Everything that a run depends on, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ptycho.config.experiment import GroupConfig, MeasuredConfig, SimulateConfig, SplitConfig
from ptycho.config.network import InferConfig, LossConfig, ModelConfig, TrainConfig
from ptycho.config.validation import require, require_seed

PATCH_SIDES = (64, 128, 256)


@dataclass(frozen=True)
class ReferenceConfig:
    """The oracle (see ``ptycho.reconstruction.engines``)."""

    sweeps: int
    step: float
    seed: int
    update_probe_from: int  # first sweep (counted from 1) that updates the probe; 0: never
    damping: float = 1.0  # of the object's update where the probe is weak (alpha of rPIE); 1: ePIE
    softness: float = 0.0  # of the modulus constraint where the wave has a node; 0: hard, as ePIE has it
    oracle: Literal["builtin", "ptychi"] = "builtin"  # the engine; pty-chi is an optional extra
    probe_modes: int = 1  # incoherent ones; the built-in engine has one
    correct_positions: bool = False  # of the scan, in the reconstruction; not by the built-in engine
    level_frames: bool = False  # an intensity of each frame's own; not by the built-in engine

    def __post_init__(self) -> None:
        require_seed("reference.seed", self.seed)
        first = self.update_probe_from
        require(first >= 0, "reference.update_probe_from", first, "a sweep from 1 on, or 0 for never")
        require(self.sweeps >= 1, "reference.sweeps", self.sweeps, "at least 1")
        require(0 < self.step <= 1, "reference.step", self.step, "in (0, 1]")
        require(0 < self.damping <= 1, "reference.damping", self.damping, "in (0, 1]")
        require(0 <= self.softness <= 10, "reference.softness", self.softness, "from 0 to 10")
        require(1 <= self.probe_modes <= 3, "reference.probe_modes", self.probe_modes, "1, 2 or 3")
        self._require_what_the_oracle_can()

    def _require_what_the_oracle_can(self) -> None:
        if self.oracle == "ptychi":
            remedy = "pty-chi has no softness: set it to 0, or reference.oracle to 'builtin'"
            require(self.softness == 0, "reference.softness", self.softness, remedy)
            remedy = "further modes are found by correcting the probe: set reference.update_probe_from to 1 or more"
            found = self.probe_modes == 1 or self.update_probe_from > 0
            require(found, "reference.probe_modes", self.probe_modes, remedy)
            return
        for key, plain in (("probe_modes", 1), ("correct_positions", False), ("level_frames", False)):
            value = getattr(self, key)
            remedy = f"the built-in oracle leaves it at {plain!r}: set reference.oracle to 'ptychi'"
            require(value == plain, f"reference.{key}", value, remedy)

    def builtin(self) -> ReferenceConfig:
        """These settings for the built-in oracle, without what only another one can."""
        return replace(self, oracle="builtin", probe_modes=1, correct_positions=False, level_frames=False)


@dataclass(frozen=True)
class CompareConfig:
    """Where and after which alignments quality is measured."""

    support_threshold: float  # share of the scan's typical dose that covers a pixel
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
        require(1 <= self.gridsize <= 4, "gridsize", self.gridsize, "1, 2, 3 or 4")
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
