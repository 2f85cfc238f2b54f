"""Arrays as coloured PNG images inside a page: a table of colours and a look-up, no figure."""

from __future__ import annotations

import base64
import io
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLOURS = 255  # odd, so that zero has a colour of its own on a diverging scale; the 256th is for what is not finite
NOT_FINITE = (255, 0, 200)
DIVERGING = "RdBu_r"

# Anchors at equal distances; between them colours are interpolated. Kept here since the import of
# matplotlib takes longer than the whole report.
ANCHORS = {
    "gray": "000000 ffffff",
    "viridis": "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b "
    "addc30 d8e219 fde725",
    "magma": "000004 0a0822 1d1147 36106b 51127c 6a1c81 832681 9c2e7f b73779 d0416f e75263 f56b5c fc8961 fea772 "
    "fec488 fde2a3 fcfdbf",
    "inferno": "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 d24644 e45a31 f1731d f98e09 fcac11 "
    "f9cb35 f2ea69 fcffa4",
    "twilight": "e2d9e2 c4ced4 95b5c7 7297c1 6276ba 5e51ad 592a8f 45135c 2f1436 4a1342 741e4f 983550 b25652 c27c63 "
    "cca389 d8c7be e2d9e2",
    "RdBu_r": "053061 2065ab 4393c3 90c4dd d1e5f0 f7f6f6 fddbc7 f3a481 d6604d b1182b 67001f",
}


@cache
def colour_table(name: str) -> NDArray[np.uint8] | None:
    """The colours of a colour map, ``(256, 3)``, the last for what is not finite; None for an unknown name."""
    if name in ANCHORS:
        anchors = np.array([list(bytes.fromhex(text)) for text in ANCHORS[name].split()], float)
        places = np.linspace(0, 1, len(anchors))
        colours = np.stack([np.interp(np.linspace(0, 1, COLOURS), places, c) for c in anchors.T], axis=1)
    else:
        try:
            import matplotlib

            colours = matplotlib.colormaps[name](np.linspace(0, 1, COLOURS))[:, :3] * 255
        except (ImportError, KeyError, ValueError):
            return None
    return np.concatenate([np.rint(colours), [NOT_FINITE]]).astype(np.uint8)


def gradient(name: str) -> str:
    """The colour map as a CSS gradient from left to right."""
    colours = colour_table(name)
    assert colours is not None, name
    stops = colours[np.linspace(0, COLOURS - 1, 13).astype(int)]
    return f"linear-gradient(90deg,{','.join('#' + bytes(c).hex() for c in stops)})"


def indices(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Places in a table of colours: ``low`` is the first, ``high`` the last, clipped beyond."""
    finite = np.isfinite(values)
    span = high / 2 - low / 2  # halves, which do not overflow
    if span <= 0:
        places = np.full(values.shape, (COLOURS - 1) / 2)
    else:
        shares = (np.where(finite, values, low) / 2 - low / 2) / span
        places = np.clip(shares * (COLOURS - 1), 0, COLOURS - 1)
    return np.where(finite, np.rint(places), COLOURS).astype(np.uint8)


def encode(places: NDArray[np.uint8], colours: NDArray[np.uint8]) -> bytes:
    """A PNG of ``places`` (rows, columns) in a table of colours ``(256, 3)``."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(places), mode="L")
    image.putpalette(colours.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def uri(content: bytes) -> str:
    """A PNG as an address that needs no network."""
    return "data:image/png;base64," + base64.b64encode(content).decode()
