"""The layout of a data file as options, the file itself and a bundle declare it; where they differ it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ptycho.config.experiment import MeasuredConfig
from ptycho.config.pipeline import PipelineConfig
from ptycho.config.reading import from_mapping, to_mapping
from ptycho.data import files
from ptycho.data.files import find_data_file
from ptycho.errors import BundleError, DataError

LAYOUT = ("quantity", "order", "centred", "flip_x", "flip_y", "transpose", "position_scale", "probe_scale")
DEFAULTS = {"quantity": "counts", "order": "xy", "centred": True, "refine_probe_sweeps": 0}
STATED = ("quantity", "order", "centred")  # arrays of one value that `ptycho simulate` writes into its file


def option_of(name: str, value: Any) -> str:
    """How a command line declares a setting of the layout."""
    if name == "centred":
        return "--centred" if value else "--corner"
    if isinstance(value, bool):
        return f"--{name.replace('_', '-')}" if value else f"no --{name.replace('_', '-')}"
    return f"--{name.replace('_', '-')} {value}"


def stated_by_file(path: str) -> dict[str, Any]:
    """What the file itself says of its layout: nothing, for most."""
    source = find_data_file(path)
    arrays = files.read_arrays(source, STATED)
    values = {name: np.ravel(arrays[name])[0] for name in STATED if arrays.get(name) is not None}
    words = {name: v.decode() if isinstance(v, bytes) else str(v) for name, v in values.items() if name != "centred"}
    return words | ({"centred": bool(values["centred"])} if "centred" in values else {})


def declared_layout(path: str, given: Mapping[str, Any], **settings: Any) -> MeasuredConfig:
    """The configuration of a data file: ``given`` options first, then what the file states, then the usual.

    ``settings`` are further keys, which an option overrides. Raises DataError where an option contradicts the file.
    """
    stated = stated_by_file(path)
    for name, value in stated.items():
        if name in given and given[name] != value:
            raise DataError(
                f"{path} states {name} = {value!r}, and {option_of(name, given[name])} contradicts it: leave it out"
            )
    return from_mapping(
        MeasuredConfig, DEFAULTS | settings | stated | dict(given) | {"path": path}, "the data's layout"
    )


def bundle_layout(config: PipelineConfig, path: str, given: Mapping[str, Any]) -> MeasuredConfig:
    """The layout of new data for a bundle trained under ``config``: that of its training data.

    Raises BundleError where an option contradicts it. Data from ``ptycho simulate`` have that command's layout.
    """
    trained = to_mapping(config.measured) if config.measured else DEFAULTS
    known = {name: value for name, value in trained.items() if name in LAYOUT and name != "probe_scale"}
    for name, value in given.items():
        if name in known and known[name] != value:
            raise BundleError(
                f"the bundle was trained on data with {option_of(name, known[name])}, and {option_of(name, value)} "
                f"contradicts it: leave the option out, or train on data of this layout"
            )
    scale = {"probe_scale": trained.get("probe_scale", "auto")}
    return declared_layout(path, known | dict(given) | scale)
