"""PtychoPINN's NPZ: amplitudes ``diff3d`` with the zero frequency in the middle, coordinates in pixels."""

from __future__ import annotations

import numpy as np

from ptycho.data.containers.archive import Archive, array_stack
from ptycho.data.containers.stack import FrameStack
from ptycho.data.formats import checks
from ptycho.data.formats.record import DataFile, Format
from ptycho.errors import DataError

_DATA = ("diff3d", "diffraction")
_X, _Y, _PROBE, _OBJECT = "xcoords", "ycoords", "probeGuess", "objectGuess"
_UNITS = {"count_intensity": "counts", "normalized_amplitude": "amplitude"}  # of its measurement_domain


def _recognises(source: Archive) -> bool:
    return source.first(_DATA) is not None and _X in source and _Y in source


def _read(source: Archive) -> DataFile:
    path = source.path
    key = source.first(_DATA) or _DATA[0]
    x, y = source.array(_X), source.array(_Y)
    frames = _frames(source, key, np.size(x))
    probe, obj = (source.array(name) if name in source else None for name in (_PROBE, _OBJECT))
    if probe is not None and probe.ndim == 3 and probe.shape[-1] == 1:
        probe = probe[..., 0]
    domain = source.text("measurement_domain")
    quantity = _UNITS.get(domain or "normalized_amplitude")
    if quantity is None:
        raise DataError(f"{path.name}: measurement_domain is {domain!r}, expected one of {', '.join(sorted(_UNITS))}")
    return DataFile(
        path,
        "PtychoPINN",
        frames,
        None if probe is None else checks.probe_modes(probe, path),
        checks.from_axes(x, y, (_X, _Y), len(frames), path),
        quantity="counts" if quantity == "counts" else "amplitude",
        order="xy",
        centred=True,
        reconstruction=obj,
        stated=frozenset() if domain is None else frozenset(["quantity"]),
        lacks={"probe": f"{path.name} has no {_PROBE!r}: give a probe with --probe FILE"},
    )


def _frames(source: Archive, key: str, count: int) -> FrameStack:
    """Frames by their first axis; where only the last axis counts them, as in older files, by that one."""
    header = source.header(key)
    shape = header.shape
    if len(shape) == 3 and shape[0] != count and shape[2] == count and shape[0] == shape[1]:
        return array_stack(np.ascontiguousarray(np.moveaxis(source.array(key), -1, 0)))
    return source.stack(key, checks.frames_shape(shape, header.dtype, source.path))


PINN = Format("PtychoPINN", _recognises, _read)
