"""The layout of a data file as options, the file itself and a bundle declare it; where they differ it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptycho.config.experiment import MeasuredConfig
from ptycho.config.pipeline import PipelineConfig
from ptycho.config.reading import from_mapping, to_mapping
from ptycho.data.files import find_data_file
from ptycho.data.formats import file_layout
from ptycho.errors import BundleError, DataError

LAYOUT = ("quantity", "order", "centred", "flip_x", "flip_y", "transpose", "position_scale", "probe_scale")
DEFAULTS = {"quantity": "counts", "order": "xy", "centred": True, "refine_probe_sweeps": 0}


def option_of(name: str, value: Any) -> str:
    """How a command line declares a setting of the layout."""
    if name == "centred":
        return "--centred" if value else "--corner"
    if isinstance(value, bool):
        return f"--{name.replace('_', '-')}" if value else f"no --{name.replace('_', '-')}"
    return f"--{name.replace('_', '-')} {value}"


def declared_layout(path: str, given: Mapping[str, Any], **settings: Any) -> MeasuredConfig:
    """The configuration of a data file: ``given`` options first, then what the file states, then its format's custom,
    then the usual.

    ``settings`` are further keys, which an option overrides. Raises DataError where an option contradicts what the
    file states; a custom of its format gives way.
    """
    values, stated = file_layout(find_data_file(path))
    for name, value in values.items():
        if name in stated and name in given and given[name] != value:
            raise DataError(
                f"{path} states {name} = {value!r}, and {option_of(name, given[name])} contradicts it: leave it out"
            )
    return from_mapping(
        MeasuredConfig, DEFAULTS | settings | values | dict(given) | {"path": path}, "the data's layout"
    )


def bundle_layout(config: PipelineConfig, path: str, given: Mapping[str, Any]) -> MeasuredConfig:
    """The layout of new data for a bundle trained under ``config``: that of its training data.

    Raises BundleError where an option contradicts it, and where the new file's format or statement does and no option
    says which of the two holds. A bundle of simulated data had no file, so that the new file's own layout holds.
    """
    if config.measured is None:
        return declared_layout(path, given)
    trained = to_mapping(config.measured)
    known = {name: value for name, value in trained.items() if name in LAYOUT and name != "probe_scale"}
    values, stated = file_layout(find_data_file(path))
    for name, value in known.items():
        if name in given and given[name] not in (value, values.get(name, value)):
            raise BundleError(
                f"the bundle was trained on data with {option_of(name, value)}, and {option_of(name, given[name])} "
                f"contradicts it: leave the option out, or train on data of this layout"
            )
        if name not in given and values.get(name, value) != value:
            its, either = option_of(name, values[name]), f" or {option_of(name, value)}"
            how, choice = ("states", "") if name in stated else ("is of a format with", either)
            raise BundleError(
                f"the bundle was trained on data with {option_of(name, value)}, and {path} {how} {its}: "
                f"say what holds for it with {its}{choice}"
            )
    return declared_layout(path, known | {"probe_scale": trained["probe_scale"]} | dict(given))
