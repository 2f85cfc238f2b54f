"""The files of ptypy: ``.ptyd``, frames in chunks, positions in metres with the row first, energies in keV; and the
probes of ``.ptyr``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ptycho.arrays import Mask, Real
from ptycho.data.containers import units
from ptycho.data.containers.stack import FrameStack
from ptycho.data.containers.tree import Tree
from ptycho.data.formats import checks, geometry
from ptycho.data.formats.record import DataFile, Format
from ptycho.errors import DataError

_KEV_J = 1e3 * units.ELECTRON_VOLT_J
_ABOUT = ("meta", "info", "common")  # where ptypy keeps a value, the most reliable first


def _recognises(tree: Tree) -> bool:
    return tree.group("chunks") is not None and tree.group("meta") is not None


def _read(tree: Tree) -> DataFile:
    path = tree.path
    chunks = sorted((name for name in tree.names("chunks") if name.isdigit()), key=int)
    chunks = [f"chunks/{name}" for name in chunks if tree.is_array(f"chunks/{name}/data")]
    frames = _joined([_chunk(tree, name) for name in chunks], tree) if chunks else None
    count, side = (None, None) if frames is None else frames.shape[:2]
    positions = _positions(tree, chunks, count)
    energy, distance = (_one(tree, name, scale) for name, scale in (("energy", _KEV_J), ("distance", 1.0)))
    detector = _pixel(tree)
    absent = [n for n, v in (("energy", energy), ("distance", distance), ("psize", detector)) if v is None]
    return DataFile(
        path,
        "ptypy",
        frames,
        None,
        positions,
        "m",
        _mask(tree, chunks, side),
        quantity="counts",
        order="yx",
        centred=True,
        energy_j=energy,
        distance_m=distance,
        detector_pixel_m=detector,
        pixel_size_m=geometry.object_pixels(energy, distance, side, detector),
        lacks={
            "frames": f"{path.name} has no data in its chunks: let ptypy write it to the end, with save = 'append'",
            "probe": f"{path.name} has no probe, as the files of ptypy have none: give one with --probe FILE",
            "positions": f"{path.name} has no positions in its chunks: add chunks/0/positions in metres",
            "pixel_size_m": f"{path.name} lacks {', '.join(f'meta/{name}' for name in absent)}: add them in SI units",
        },
    )


def _chunk(tree: Tree, chunk: str) -> FrameStack:
    item = tree.dataset(f"{chunk}/data")
    if item is None or item.shape is None:
        raise DataError(f"{tree.path.name} has no {chunk}/data")
    return tree.stack(f"{chunk}/data", checks.frames_shape(item.shape, item.dtype, tree.path))


def _joined(stacks: list[FrameStack], tree: Tree) -> FrameStack:
    """Chunk after chunk as one stack."""
    first = stacks[0]
    if any(stack.shape[1:] != first.shape[1:] for stack in stacks):
        raise DataError(f"{tree.path.name}: its chunks hold frames of different sizes, expected one")
    ends = np.cumsum([len(stack) for stack in stacks])

    def read(start: int, stop: int) -> Real:
        parts = [first[0:0]]
        for stack, end in zip(stacks, ends.tolist(), strict=True):
            begin = end - len(stack)
            if begin < stop and start < end:
                parts.append(stack[max(start, begin) - begin : min(stop, end) - begin])
        return np.concatenate(parts)

    return FrameStack((int(ends[-1]), *first.shape[1:]), first.dtype, read)


def _positions(tree: Tree, chunks: list[str], count: int | None) -> Real | None:
    parts = [tree.array(f"{chunk}/positions") for chunk in chunks]
    if not parts or any(part is None for part in parts):
        whole = next((tree.array(f"{place}/positions_scan") for place in _ABOUT[1:]), None)
        return None if whole is None else checks.two_columns(whole, count, tree.path)
    return checks.two_columns(np.concatenate([np.atleast_2d(part) for part in parts]), count, tree.path)


def _one(tree: Tree, name: str, scale: float) -> float | None:
    for place in _ABOUT:
        if (values := geometry.positive(tree, f"{place}/{name}", {}, scale)) is not None:
            return geometry.one(values, f"{place}/{name}", tree)
    return None


def _pixel(tree: Tree) -> tuple[float, float] | None:
    """The detector's pixel ``(x, y)``, which ptypy keeps as one number or as height and width."""
    for place in _ABOUT:
        values = geometry.positive(tree, f"{place}/psize", {}, 1.0)
        if values is not None and len(values) in (1, 2):
            return float(values[-1]), float(values[0])
    return None


def _mask(tree: Tree, chunks: list[str], side: int | None) -> Mask | None:
    """Pixels of positive weight, in the weights of all frames where there are any and else in the common one."""
    valid: Mask | None = None
    for weights in _weights(tree, chunks):
        if weights.shape[-2:] != (side, side):
            raise DataError(
                f"{tree.path.name}: its weights have shape {weights.shape}, expected frames of {side} pixels"
            )
        here = np.asarray(np.all(weights.reshape(-1, *weights.shape[-2:]) > 0, axis=0))
        valid = here if valid is None else valid & here
    return valid


def _weights(tree: Tree, chunks: list[str]) -> Iterator[Real]:
    found = False
    for chunk in chunks:
        item = tree.dataset(f"{chunk}/weights")
        if item is not None and item.ndim == 3 and item.size:
            found = True
            stack = tree.stack(f"{chunk}/weights", (item.shape[0], item.shape[1], item.shape[2]))
            yield from (block for _, block in stack.blocks())
        elif item is not None and item.ndim == 2 and item.size:
            found = True
            yield tree.array(f"{chunk}/weights")
    common = (tree.array(f"{place}/weight2d") for place in _ABOUT)
    if not found and (whole := next((a for a in common if a is not None and a.ndim == 2 and a.size), None)) is not None:
        yield whole


def _is_result(tree: Tree) -> bool:
    return tree.group("content/probe") is not None


def _read_result(tree: Tree) -> DataFile:
    """A reconstruction (``.ptyr``) has a probe and an object, and no frames."""
    path = tree.path
    places = {
        part: [f"content/{part}/{name}/data" for name in tree.names(f"content/{part}")] for part in ("probe", "obj")
    }
    probe, obj = (next((a for p in at if (a := tree.array(p)) is not None), None) for at in places.values())
    frames = f"{path.name} is a reconstruction of ptypy without frames: name the file that it was made from"
    return DataFile(
        path,
        "ptypy",
        None,
        None if probe is None else checks.probe_modes(probe, path),
        reconstruction=obj[0] if obj is not None and obj.ndim == 3 else obj,
        lacks={"frames": frames, "positions": frames, "probe": f"{path.name} has no probe in content/probe"},
    )


PTYPY = Format("ptypy", _recognises, _read)
PTYPY_RESULT = Format("ptypy", _is_result, _read_result)
