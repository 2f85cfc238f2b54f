"""What the data are: a simulated or a measured experiment, its split and its groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ptycho.config.validation import require, require_seed


@dataclass(frozen=True)
class ObjectConfig:
    """A simulated object of ``size`` pixels a side (see ``ptycho.objects``)."""

    kind: Literal["lines", "gaussian_random_field", "points", "complex_field", "opaque_star"]
    size: int
    seed: int  # of the random objects; the star has no use for it
    correlation_px: float = 0.0  # used by the random fields only, and required there
    phase_std_rad: float = 0.0  # used by complex_field only, and required there
    transmission: float = 0.0  # amplitude of opaque_star's spokes; 0: they let nothing through

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
        require(0 <= self.transmission < 1, "object.transmission", self.transmission, "from 0 up to, not including, 1")


@dataclass(frozen=True)
class ProbeConfig:
    """A probe, normalised to ``scale`` (see ``ptycho.probes``)."""

    kind: Literal["idealized", "defocused", "file"]
    scale: float
    mask: bool
    width: float = 0.0  # idealized only, and required there
    path: str = ""  # file only, and required there
    second_mode: float = 0.0  # share of the light in a second incoherent mode; 0: the beam is coherent
    third_mode: float = 0.0  # and in a third

    def __post_init__(self) -> None:
        shares = self.second_mode, self.third_mode
        require(
            min(shares) >= 0 and sum(shares) < 0.5,
            "probe.second_mode",
            shares,
            "shares of the light, zero or more each and together less than half: the first mode is the strongest",
        )
        require(self.scale > 0, "probe.scale", self.scale, "a positive number")
        require(
            self.kind != "idealized" or self.width > 0,
            "probe.width",
            self.width,
            "an idealized probe needs a positive width (0.7 in gs2_ideal)",
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
class DetectorConfig:
    """What the detector does not see: a gap between modules, and hot or dead pixels at random places."""

    gap_px: int = 0  # columns of a vertical gap; 0: there is none
    gap_offset_px: int = 0  # from the frame's middle to the gap's first column
    bad_pixels: int = 0
    seed: int = 0  # of their places

    def __post_init__(self) -> None:
        require_seed("detector.seed", self.seed)
        require(self.gap_px >= 0, "detector.gap_px", self.gap_px, "zero or more columns")
        require(self.bad_pixels >= 0, "detector.bad_pixels", self.bad_pixels, "zero or more")


@dataclass(frozen=True)
class SimulateConfig:
    """Simulated data: what is illuminated, by what, where, and with how many photons an image."""

    object: ObjectConfig
    probe: ProbeConfig
    scan: ScanConfig
    nphotons: float
    noise_seed: int
    shift: Literal["bilinear", "fourier"] = "bilinear"  # how a scan position between pixels is met
    detector: DetectorConfig = DetectorConfig()

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
    probe: str = ""  # a file with the probe; empty: the data file has it
    mask: str = ""  # a file with a mask of valid pixels, besides the data file's own; empty: none
    flip_x: bool = False  # the file's x counts against the object's columns
    flip_y: bool = False  # the file's y counts against the object's rows
    transpose: bool = False  # rows and columns of every frame are exchanged
    position_scale: float = 1.0  # pixels of the object grid a unit of the file's positions
    level_energy: bool = False  # take a drift of the beam, over the frames' numbers, out of their energies
    probe_scale: Literal["auto", "data", "file"] = "auto"  # auto: the file's where it states its photon scale

    def __post_init__(self) -> None:
        require(self.position_scale > 0, "measured.position_scale", self.position_scale, "a positive number")
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
