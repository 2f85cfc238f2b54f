"""The products of a finished run: the objects of network and oracle, each with the probe that goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ptycho.output.products import Product, write_product


def write_products(folder: Path, name: str, outputs: Mapping[str, Any]) -> None:
    """Write ``network.h5`` and ``oracle.h5`` into a folder, from the stages' outputs of a run on measured data.

    Objects are in object units and probes in square roots of photons, at the positions that were reconstructed.
    """
    dataset, frames, reference = outputs["simulate"], outputs["group"].frames, outputs["oracle"]
    network = outputs["infer"].on(dataset.object_shape)
    moved = frames.positions if reference.positions is None else reference.positions
    sides = {
        "network": (network, outputs["probe"], frames.positions, outputs["train"].outcome.history["loss"]),
        "oracle": (reference.object, reference.probe, moved, reference.fourier_errors),
    }
    for side, (obj, probe, positions, losses) in sides.items():
        counted = probe * np.float32(dataset.photon_scale)
        about, photons, geometry = f"{name}: the object of the {side}", dataset.nphotons, dataset.geometry
        product = Product(name, about, obj, counted, positions, frames.ids, photons, losses, geometry)
        write_product(folder / f"{side}.h5", product)
