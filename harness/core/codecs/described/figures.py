"""Figures of Matplotlib: the arrays behind what they draw, and their words.

How a version of the library renders is no difference. A figure that draws what has no arrays here is refused, since a
difference there would not be seen. It is looked at, and not made again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, UnkeptError


def _split(value: Any) -> Parts:
    axes = {str(i): _axes(each, f"axes/{i}") for i, each in enumerate(value.axes)}
    if not any(parts[group] for parts in axes.values() for group in ("lines", "images", "drawn", "bars")):
        raise _unknown("that draws nothing", "")
    words = [text.get_text() for text in value.texts]
    return {"axes": axes, "texts": words, "size_inches": [float(n) for n in value.get_size_inches()]}


def _unknown(what: str, at: str) -> UnkeptError:
    return UnkeptError(f"a figure {what}", "give the arrays that it shows, or its PNG, fig.savefig(buffer)", at)


def _axes(axes: Any, at: str) -> dict[str, Any]:
    """The words of a pair of axes, and the arrays behind what it draws."""
    if axes.name not in ("rectilinear", "polar"):
        raise _unknown(f"with axes of the kind {axes.name!r}", at)
    for patch in axes.patches:
        if type(patch).__name__ != "Rectangle":
            raise _unknown(f"with a {type(patch).__name__}, which has no arrays here", at)
    boxes = [[*bar.get_xy(), bar.get_width(), bar.get_height()] for bar in axes.patches]
    return {
        "title": axes.get_title(),
        "labels": [axes.get_xlabel(), axes.get_ylabel()],
        "scales": [axes.get_xscale(), axes.get_yscale()],
        "texts": [text.get_text() for text in axes.texts],
        "lines": {str(i): _line(line) for i, line in enumerate(axes.lines)},
        "images": {str(i): _plain(image.get_array()) for i, image in enumerate(axes.images)},
        "drawn": {str(i): _collection(each, at) for i, each in enumerate(axes.collections)},
        "bars": {"boxes": np.array(boxes, np.float64)} if boxes else {},
    }


def _line(line: Any) -> dict[str, Any]:
    label = str(line.get_label())
    given = {} if label.startswith("_") else {"label": label}  # else it is a number that Matplotlib gave
    return {**given, "x": np.asarray(line.get_xdata(orig=False)), "y": np.asarray(line.get_ydata(orig=False))}


def _collection(drawn: Any, at: str) -> dict[str, Any]:
    """Points, a mesh or many lines: where they are, and the numbers that colour them."""
    kind = type(drawn).__name__
    if kind == "PathCollection":
        places = {"places": _plain(drawn.get_offsets())}
    elif kind == "QuadMesh":
        places = {"places": np.asarray(drawn.get_coordinates())}
    elif kind == "LineCollection":
        segments = [np.asarray(segment, np.float64).reshape(-1, 2) for segment in drawn.get_segments()]
        places = {"places": np.concatenate(segments) if segments else np.zeros((0, 2))}
    else:
        raise _unknown(f"with a {kind}, which has no arrays here", at)
    coloured = drawn.get_array()
    return places if coloured is None else {**places, "values": _plain(coloured)}


def _plain(array: Any) -> Any:
    """An array, masked only where something is."""
    masked = np.ma.MaskedArray(array)
    return masked if np.ma.getmaskarray(masked).any() else np.asarray(masked.data)


CODECS = (Codec("matplotlib.Figure", ("matplotlib.Figure",), _split),)
