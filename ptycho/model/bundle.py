"""The bundle: a trained model in one ``.npz`` that needs no unpickling.

Weights, probe, the configuration, every scale and the versions that made it.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ptycho.arrays import Complex, Mask, Real
from ptycho.config.pipeline import PipelineConfig
from ptycho.config.reading import config_digest, from_mapping, to_mapping
from ptycho.data.normalization import Scales
from ptycho.errors import BundleError, ConfigError
from ptycho.optics import probes
from ptycho.output import artifacts

_FORMAT = 1
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Bundle:
    """A trained model as data. ``log_scale`` is the trained one, ``scales`` are the training data's,
    and ``photon_scale`` says in which units that data was: ``A = sqrt(counts) / photon_scale``.
    ``given_probe`` is the data's own, before ``probe`` was refined from it. ``mask`` ``(N, N)``: True where the
    training's detector pixels were valid; None: all were. The layout of the data is ``config.measured``, their mean
    photons a frame ``scales.nphotons``."""

    config: PipelineConfig
    scales: Scales
    log_scale: float
    photon_scale: float
    probe: Complex
    given_probe: Complex
    weights: list[Real]
    versions: dict[str, str]
    mask: Mask | None = None

    def check(self, N: int, gridsize: int, probe: Complex | None = None) -> None:
        """Raise BundleError unless the bundle was trained for this ``N``, ``gridsize`` and ``probe``.

        A probe fits when it is, but for a factor, the model's or the one that this was refined from.
        """
        for name, mine, other in (("N", self.config.N, N), ("gridsize", self.config.gridsize, gridsize)):
            if mine != other:
                raise BundleError(
                    f"the bundle was trained with {name} = {mine} and cannot be used with {name} = {other}"
                )
        if probe is None:
            return
        overlap = max(_overlap(self.probe, probe), _overlap(self.given_probe, probe))
        if overlap < 0.999:
            widths = f"{probes.rms_width(self.given_probe):.2f}", f"{probes.rms_width(probe):.2f}"
            raise BundleError(
                f"the bundle was trained with another probe (rms width {widths[0]} px) than this one "
                f"(rms width {widths[1]} px): their overlap is {overlap:.4f}, at least 0.999 is needed"
            )


def _overlap(a: Complex, b: Complex) -> float:
    """``|<a, b>| / (||a|| ||b||)``: 1 when two probes differ by a constant factor only."""
    return float(abs(np.vdot(a, b)) / (np.linalg.norm(a) * np.linalg.norm(b))) if a.shape == b.shape else 0.0


def save_bundle(path: Path, bundle: Bundle) -> None:
    """Write the bundle, whole or not at all."""
    about = {
        "format": _FORMAT,
        "config": to_mapping(bundle.config),
        "config_digest": config_digest(bundle.config),
        "scales": dataclasses.asdict(bundle.scales),
        "log_scale": bundle.log_scale,
        "photon_scale": bundle.photon_scale,
        "versions": bundle.versions,
    }
    arrays = {f"weight_{i:03d}": weight for i, weight in enumerate(bundle.weights)}
    if bundle.mask is not None:
        arrays["mask"] = bundle.mask
    text = np.frombuffer(json.dumps(about, allow_nan=False).encode(), np.uint8)
    artifacts.write_npz(path, {"about": text, "probe": bundle.probe, "given_probe": bundle.given_probe, **arrays})


def load_bundle(path: Path) -> Bundle:
    """Read a bundle; raises BundleError when the file is not one, is damaged, or is of another format."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            if about["format"] != _FORMAT:
                raise BundleError(
                    f"{path} is a bundle of format {about['format']}, this version reads format {_FORMAT}"
                )
            pipeline = from_mapping(PipelineConfig, about["config"], f"bundle {path}")
            if config_digest(about["config"]) != about["config_digest"]:  # as written: it may lack a newer key
                raise BundleError(f"{path}: the configuration inside does not match its digest: the bundle was altered")
            return Bundle(
                config=pipeline,
                scales=Scales(**about["scales"]),
                log_scale=about["log_scale"],
                photon_scale=about["photon_scale"],
                probe=file["probe"],
                given_probe=file["given_probe"],
                weights=[file[name] for name in sorted(file) if name.startswith("weight_")],
                versions=about["versions"],
                mask=file.get("mask"),
            )
    except FileNotFoundError:
        raise BundleError(f"no bundle at {path}") from None
    except ConfigError as error:
        raise BundleError(str(error)) from error
    except UNREADABLE as error:
        raise BundleError(f"{path} is not a bundle, or is damaged ({error})") from error
