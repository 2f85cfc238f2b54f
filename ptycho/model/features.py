"""What the network is given, group by group.

The reasons are in docs/explanation/physics.md, "What the network should be given".

``diffraction``: square roots of photons, ``counts_scale * gain * A``. ``estimate``: for
``conditioned`` features, the group's canvas after a few projection sweeps from a flat start, cut
at each patch. All in the same units, and each group alone: no group sees its neighbours in a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from ptycho.arrays import Complex, Integer, Mask, Real
from ptycho.data.frames import Frames
from ptycho.data.grouping import Groups
from ptycho.data.normalization import Scales
from ptycho.model.machine import cpus
from ptycho.optics import probes
from ptycho.optics.projections import Correction, Projections, correction

if TYPE_CHECKING:
    from ptycho.model.sweeps import Sweeps

_TOGETHER = 64  # frames projected together: their fields fit in a core's cache
_PIXELS_TOGETHER = 2**22  # of frames, on the device: enough to keep one busy, and 32 MiB a field
_REACH_STEP = 4  # pixels: canvases have few sizes, so that few are compiled
MOMENTUM = 0.5


@dataclass(frozen=True)
class FeatureMaker:
    """Turns groups of frames into the model's inputs. ``window``: side of the predicted patch part.

    ``sweeps_on``: where the estimate is computed, by NumPy on the ``host`` or by Keras on its ``device``.
    """

    probe: Complex
    scales: Scales
    window: int
    sweeps: int  # 0: amplitude features, no estimate
    sweeps_on: Literal["host", "device"] = "host"

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
        if self.sweeps and self.sweeps_on == "host":
            inputs["estimate"] = self._host_estimate(groups, inputs["diffraction"], frames.mask)
        elif self.sweeps:
            inputs["estimate"] = self._device_estimate(groups, inputs)
        return inputs

    def diffraction(self, frames: Frames, groups: Groups) -> Real:
        """The groups' amplitudes ``(B, C, N, N)`` float32, as square roots of photons."""
        unit = np.float32(self.scales.counts_scale * self.scales.gain)
        return np.asarray(frames.diffraction[groups.members] * unit)

    def _host_estimate(self, groups: Groups, amplitude: Real, mask: Mask | None) -> Real:
        estimate = np.empty((*groups.members.shape, 4, self.window, self.window), np.float32)

        def fill(part: slice) -> None:
            estimate[part] = self._projected(groups.take(part), amplitude[part], mask)

        with ThreadPoolExecutor(cpus()) as pool:
            list(pool.map(fill, _parts(len(groups), _TOGETHER // groups.members.shape[1])))
        return estimate

    def _device_estimate(self, groups: Groups, inputs: dict[str, Real]) -> Real:
        """In parts whose size is a power of two, the last one padded, so that a backend compiles few shapes."""
        reach = -(-groups.reach // _REACH_STEP) * _REACH_STEP
        sweeps = self._device_sweeps(self.window + 2 * reach)
        most = max(1, _PIXELS_TOGETHER // inputs["diffraction"][0].size)
        size = min(most, 1 << (len(groups) - 1).bit_length())
        estimates = [
            sweeps.predict_on_batch({name: padded(value[part], size) for name, value in inputs.items()})
            for part in _parts(len(groups), size)
        ]
        return np.concatenate(estimates)[: len(groups)]

    @cached_property
    def _device_sweeps(self) -> Callable[[int], Sweeps]:
        """By the side of the canvas; each is compiled at its first batch, and only here is a backend loaded."""
        from ptycho.model.sweeps import Sweeps

        return cache(
            lambda side: Sweeps(self.probe, self.window, side, start=self._start, count=self.sweeps, momentum=MOMENTUM)
        )

    @property
    def _start(self) -> float:
        """The amplitude of the flat canvas that the sweeps start from."""
        return self.scales.counts_scale * self.scales.required_amplitude

    def _projected(self, groups: Groups, amplitude: Real, mask: Mask | None) -> Real:
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
        canvas = np.full((len(groups), side, side), self._start, np.complex64)
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
        """Inputs for ``size`` groups at a time, so that memory does not grow with the scan.

        The host makes the next ones while these are used; a device would do so in its own order.
        """

        def made(part: slice) -> tuple[slice, dict[str, Real]]:
            return part, self(frames, groups.take(part))

        parts = _parts(len(groups), size)
        if self.sweeps_on == "device":
            yield from map(made, parts)
            return
        with ThreadPoolExecutor(1) as ahead:
            ready = None
            for part in parts:
                ready, last = ahead.submit(made, part), ready
                if last:
                    yield last.result()
            if ready:
                yield ready.result()


def padded(values: Real, count: int) -> Real:
    """``count`` values along the first axis: the last one again and again behind those that there are."""
    short = count - len(values)
    return np.concatenate([values, np.repeat(values[-1:], short, 0)]) if short else values


def _parts(length: int, size: int) -> list[slice]:
    return [slice(i, i + max(1, size)) for i in range(0, length, max(1, size))]
