"""Infer and stitch: a trained model on new frames, in batches, with bounded memory.

Groups lie on whole pixels of the object grid, so stitching adds and never interpolates. With
synchronisation the groups' canvases wait on disk until their phases are known.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from ptycho.arrays import Complex, Mask, Real
from ptycho.data.frames import Frames
from ptycho.data.grouping import Groups
from ptycho.errors import PtychoError
from ptycho.model.backend import host
from ptycho.model.features import FeatureMaker, padded
from ptycho.model.network import PtychoModel
from ptycho.optics.geometry import Canvas, required_canvas
from ptycho.progress import Progress
from ptycho.reconstruction.synchronization import Synchronization, synchronize_phases


@dataclass(frozen=True)
class Reconstruction:
    """An object in object units. ``origin``: the object coordinate ``[x, y]`` of its first pixel."""

    object: Complex
    weight: Real
    origin: tuple[int, int]
    synchronization: Synchronization | None
    groups_per_second: float

    def on(self, shape: tuple[int, int]) -> Complex:
        """The object laid on a grid of ``shape`` that starts at coordinate (0, 0); zero where unknown."""
        return _cut(self.object, self.origin, shape)

    def support(self, shape: tuple[int, int]) -> Mask:
        """Where on that grid anything was reconstructed."""
        return _cut(self.weight, self.origin, shape) > 0

    def filled(self, shape: tuple[int, int], within: Mask | None = None) -> Complex:
        """The object on that grid; where it is unknown, the mean amplitude of what is known (``within`` a mask)."""
        obj, known = self.on(shape), self.support(shape)
        seen = known if within is None else within & known
        return np.where(known, obj, np.abs(obj[seen]).mean()).astype(np.complex64)


def _cut(array: Real | Complex, origin: tuple[int, int], shape: tuple[int, int]) -> Real | Complex:
    out = np.zeros(shape, array.dtype)
    x, y = origin
    height, width = array.shape
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + height, shape[0]), min(x + width, shape[1])
    if bottom > top and right > left:
        out[top:bottom, left:right] = array[top - y : bottom - y, left - x : right - x]
    return out


def predict(
    model: PtychoModel, maker: FeatureMaker, frames: Frames, groups: Groups, batch_size: int
) -> Iterator[tuple[slice, Complex, Real]]:
    """Yield ``(which groups, canvases (B, M, M) normalised, weights (B, M, M))`` batch by batch.

    The last batch is padded to the common size, so that a backend compiles one shape only.
    """
    for which, inputs in maker.batches(frames, groups, batch_size):
        count = len(inputs["offsets"])
        output = model.predict_on_batch({name: padded(value, batch_size) for name, value in inputs.items()})
        pair, weight = output["object"][:count], output["weight"][:count]
        yield which, pair[:, 0] + 1j * pair[:, 1], weight


def stitch_object(
    model: PtychoModel,
    maker: FeatureMaker,
    frames: Frames,
    groups: Groups,
    *,
    batch_size: int,
    align_phases: bool,
    progress: Progress | None = None,
) -> Reconstruction:
    """Predict every group, align the groups' phases, stitch by weighted average, and divide by the gain."""
    side = model.window + 2 * groups.reach + 2
    model = model.with_canvas(max(side, model.architecture.canvas))
    M = model.architecture.canvas
    needed = required_canvas(frames.positions, model.window)
    middle = np.rint(frames.positions.mean(axis=0)).astype(int)
    extent = needed + M - model.window
    extent += extent % 2
    x, y = (middle - extent // 2).tolist()
    canvas = Canvas((extent, extent), (x, y))
    sync: Synchronization | None = None
    with tempfile.TemporaryFile() as scratch:
        store = _Store(scratch, M) if align_phases else None
        started = time.perf_counter()
        for which, obj, weight in predict(model, maker, frames, groups, batch_size):
            if store is None:
                canvas.add(obj, weight, groups.centers[which])
            else:
                store.append(obj, weight)
            if progress:
                progress(min(which.stop, len(groups)), len(groups), "groups")
        if store is not None:
            sync = synchronize_phases(store.read, groups.centers)
            for start in range(0, len(groups), batch_size):
                part = slice(start, start + batch_size)
                obj, weight = store.read(part)
                canvas.add(obj * np.exp(1j * sync.phases[part, None, None]), weight, groups.centers[part])
        elapsed = time.perf_counter() - started
    log_scale = float(host(model.scaler.log_scale))
    back = maker.scales.prediction_to_object_units(log_scale)
    return Reconstruction(
        object=(canvas.average() * np.float32(back)).astype(np.complex64),
        weight=canvas.weight,
        origin=(x, y),
        synchronization=sync,
        groups_per_second=len(groups) / elapsed,
    )


class _Store:
    """Canvases and weights in a scratch file, so that memory does not grow with their number."""

    def __init__(self, file: BinaryIO, side: int) -> None:
        self.file, self.side = file, side
        self.record = np.dtype([("object", np.complex64, (side, side)), ("weight", np.float32, (side, side))])
        self.count = 0

    def append(self, obj: Complex, weight: Real) -> None:
        records = np.empty(len(obj), self.record)
        records["object"], records["weight"] = obj, weight
        try:
            self.file.seek(0, 2)
            self.file.write(records.tobytes())
        except OSError as error:
            raise PtychoError(
                f"the temporary folder {tempfile.gettempdir()} is full ({error.strerror}): set TMPDIR to one with room"
            ) from error
        self.count += len(obj)

    def read(self, part: slice) -> tuple[Complex, Real]:
        start, stop, _ = part.indices(self.count)
        self.file.seek(start * self.record.itemsize)
        records = np.frombuffer(self.file.read((stop - start) * self.record.itemsize), self.record)
        return records["object"], records["weight"]
