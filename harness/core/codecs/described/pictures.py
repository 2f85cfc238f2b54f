"""Pictures: the bytes of a PNG and an image of Pillow are their pixels, those of an SVG its text and its numbers.

How a picture is compressed is no difference; what it shows is. The bytes are looked at, and are not made again: an
artifact or a test may hold them, and no output.
"""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part

_PNG, _SVG = b"\x89PNG\r\n\x1a\n", (b"<svg", b"<?xml")
_MODES = ("1", "L", "LA", "I", "I;16", "F", "RGB", "RGBA")
# The attributes of an SVG that say where things are, and the numbers in them.
_GEOMETRY = re.compile(
    r'(?<=\s)(d|points|transform|viewBox|width|height|[xy][12]?|[cfr]?[xy]|r|offset|opacity|stroke-width|font-size)="([^"]*)"'
)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LARGEST = 2**26  # pixels of a picture that is unpacked


def _pixels(image: Any) -> Parts:
    if image.width * image.height > _LARGEST:
        raise UnkeptError(f"a picture of {image.width} x {image.height} pixels", "give a smaller one")
    if image.mode not in _MODES:
        raise UnkeptError(f"a picture in mode {image.mode!r}", 'give x.convert("RGBA")')
    return {"pixels": np.array(image), "mode": image.mode}


def _split_png(value: bytes) -> Parts:
    try:
        with imported_library("PIL.Image", "").open(io.BytesIO(value), formats=("PNG",)) as image:
            return _pixels(image.convert("RGBA") if image.mode in ("P", "PA") else image)
    except (OSError, ValueError, SyntaxError) as error:
        raise UnkeptError(f"a PNG that cannot be read ({error!s:.80})", "give it whole") from error


def _is_png(value: Any) -> bool:
    return isinstance(value, bytes) and value.startswith(_PNG)


def _split_svg(value: bytes) -> Parts:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnkeptError("an SVG that is no UTF-8", "give it as text") from error
    numbers: list[float] = []

    def taken(found: re.Match[str]) -> str:
        numbers.extend(float(number) for number in _NUMBER.findall(found[2]))
        return f'{found[1]}="{_NUMBER.sub("#", found[2])}"'

    return {"text": _GEOMETRY.sub(taken, text), "numbers": np.array(numbers, np.float64)}


def _is_svg(value: Any) -> bool:
    return value.lstrip().startswith(_SVG) and b"<svg" in value[:4096]


def _restore_image(parts: Parts) -> Any:
    image = imported_library("PIL.Image", "").fromarray(part(parts, "pixels", np.ndarray))
    if image.mode != part(parts, "mode", str):
        raise ValueError("its pixels are not those of its mode")
    return image


def _picture(parts: Parts) -> NDArray[Any] | None:
    """Pixels as one plane: a picture in colours by its brightness."""
    pixels = parts.get("pixels")
    if not isinstance(pixels, np.ndarray):
        return None
    return pixels[..., :3].mean(axis=-1) if pixels.ndim == 3 and pixels.shape[-1] > 2 else pixels


CODECS = (
    Codec("image/png", ("bytes",), _split_png, takes=_is_png, picture=_picture),
    Codec("image/svg+xml", ("bytes",), _split_svg, takes=_is_svg),
    Codec("PIL.Image", ("PIL.Image",), _pixels, _restore_image, picture=_picture),
)
