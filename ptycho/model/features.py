"""What the network is given, group by group.

The reasons are in docs/explanation/physics.md, "What the network should be given".

``diffraction``: square roots of photons, ``counts_scale * gain * A``. ``estimate``: for
``conditioned`` features, the group's canvas after a few projection sweeps from a flat start, cut
at each patch. All in the same units, and each group alone: no group sees its neighbours in a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ptycho.arrays import Complex, Integer, Mask, Real
from ptycho.data.frames import Frames
from ptycho.data.grouping import Groups
from ptycho.data.normalization import Scales
from ptycho.model.machine import cpus
from ptycho.optics import probes
from ptycho.optics.projections import Correction, Projections, correction

_TOGETHER = 64  # frames projected together: their fields fit in a core's cache
MOMENTUM = 0.5


@dataclass(frozen=True)
class FeatureMaker:
    """Turns groups of frames into the model's inputs. ``window``: side of the predicted patch part."""

    probe: Complex
    scales: Scales
    window: int
    sweeps: int  # 0: amplitude features, no estimate

    def __call__(self, frames: Frames, groups: Groups) -> dict[str, Real]:
        """``diffraction`` ``(B, C, N, N)``, ``offsets`` ``(B, C, 2)`` and, when conditioned,
        ``estimate`` ``(B, C, 4, w, w)`` (real, imaginary, and the last sweep's change of both); with a detector
        mask also ``mask`` ``(B, N, N)``, 1 where a pixel is valid; all float32."""
        inputs: dict[str, Real] = {
            "diffraction": self.diffraction(frames, groups),
            "offsets": groups.offsets.astype(np.float32),
        }
        if frames.mask is not None:
            inputs["mask"] = np.broadcast_to(frames.mask.astype(np.float32), (len(groups), *frames.mask.shape))
        if self.sweeps:
            inputs["estimate"] = np.empty((*groups.members.shape, 4, self.window, self.window), np.float32)
            size = max(1, _TOGETHER // groups.members.shape[1])
            parts = [slice(i, i + size) for i in range(0, len(groups), size)]

            def fill(part: slice) -> None:
                inputs["estimate"][part] = self._estimate(groups.take(part), inputs["diffraction"][part], frames.mask)

            with ThreadPoolExecutor(cpus()) as pool:
                list(pool.map(fill, parts))
        return inputs

    def diffraction(self, frames: Frames, groups: Groups) -> Real:
        """The groups' amplitudes ``(B, C, N, N)`` float32, as square roots of photons."""
        unit = np.float32(self.scales.counts_scale * self.scales.gain)
        return np.asarray(frames.diffraction[groups.members] * unit)

    def _estimate(self, groups: Groups, amplitude: Real, mask: Mask | None) -> Real:
        canvas, change, corners = self.project(groups, amplitude, mask)
        axis = np.arange(self.window)
        batch = np.arange(len(groups))[:, None, None, None]
        rows, columns = corners[..., 0, None] + axis, corners[..., 1, None] + axis
        here = (batch, rows[..., :, None], columns[..., None, :])
        return np.stack([canvas[here].real, canvas[here].imag, change[here].real, change[here].imag], axis=2)

    def project(self, groups: Groups, amplitude: Real, mask: Mask | None = None) -> tuple[Complex, Complex, Integer]:
        """The groups' canvases ``(B, M, M)`` after the sweeps, what the last sweep changed, and each
        patch's corner. Between sweeps the canvas moves on by ``MOMENTUM`` (mPIE: Maiden, Johnson
        & Li 2017), which saves about half the sweeps."""
        w, N = self.window, self.probe.shape[-1]
        shifts = groups.shifts
        reach = int(np.abs(shifts).max())
        side = w + 2 * reach
        corners = shifts[..., ::-1] + reach
        crop = slice((N - w) // 2, (N + w) // 2)
        moved = probes.shift_probe(self.probe, groups.offsets - shifts)[..., crop, crop].astype(np.complex64)
        start = self.scales.counts_scale * self.scales.required_amplitude
        canvas = np.full((len(groups), side, side), start, np.complex64)
        modulus = N * np.fft.ifftshift(amplitude, axes=(-2, -1))
        projections = Projections(canvas, w, N, None if mask is None else np.fft.ifftshift(mask))
        conjugate, inverse = correction(moved, step=1.0)
        before, change, velocity = np.empty_like(canvas), np.empty_like(canvas), np.zeros_like(canvas)
        for last in range(self.sweeps - 1, -1, -1):
            np.copyto(before, canvas)
            for c in range(groups.members.shape[1]):
                by = Correction(conjugate[:, c], inverse[:, c])
                projections.update(corners[:, c], moved[:, c], by, modulus[:, c])
            np.subtract(canvas, before, out=change)
            velocity *= MOMENTUM
            velocity += change
            if last:
                canvas += np.multiply(MOMENTUM, velocity, out=before)
        return canvas, change, corners

    def batches(self, frames: Frames, groups: Groups, size: int) -> Iterator[tuple[slice, dict[str, Real]]]:
        """Inputs for ``size`` groups at a time, so that memory does not grow with the scan."""
        for start in range(0, len(groups), size):
            part = slice(start, start + size)
            yield part, self(frames, groups.take(part))
