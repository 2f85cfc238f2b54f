"""tike's NPZ: counts with the zero frequency at the corner, positions in pixels with the row first."""

from __future__ import annotations

from ptycho.data.containers.archive import Archive
from ptycho.data.formats import checks
from ptycho.data.formats.record import DataFile, Format

_DATA, _PROBE, _SCAN = "data", "probe", "scan"
_FEWEST_AXES = 5  # of tike's probes: eigen probes, modes and pixels, and more before them


def _recognises(source: Archive) -> bool:
    return all(name in source for name in (_DATA, _PROBE, _SCAN)) and len(source.header(_PROBE).shape) >= _FEWEST_AXES


def _read(source: Archive) -> DataFile:
    path, header = source.path, source.header(_DATA)
    frames = source.stack(_DATA, checks.frames_shape(header.shape, header.dtype, path))
    return DataFile(
        path,
        "tike",
        frames,
        checks.probe_modes(source.array(_PROBE), path),
        checks.two_columns(source.array(_SCAN), len(frames), path),
        quantity="counts",
        order="yx",
        centred=False,
    )


TIKE = Format("tike", _recognises, _read)
