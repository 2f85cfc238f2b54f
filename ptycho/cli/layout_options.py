"""The options that declare a data file's layout, written once for every command that takes measured data."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_type_hints

import typer

_ELSE = "Default: as the file or its format has it, else"
Given = dict[str, Any]
"""The ``[measured]`` keys that a command line gives; what it leaves out is not among them."""

BUNDLE_OPTIONS: dict[str, Any] = {
    "quantity": Annotated[str | None, typer.Option(help=f"What the frames hold: counts or amplitude. {_ELSE} counts.")],
    "order": Annotated[
        str | None, typer.Option(help=f"What the two columns of the positions are: xy or yx. {_ELSE} xy.")
    ],
    "centred": Annotated[
        bool | None,
        typer.Option("--centred/--corner", help=f"Where a frame's zero frequency is. {_ELSE} in its middle."),
    ],
    "flip_x": Annotated[bool | None, typer.Option("--flip-x/--no-flip-x", help="The positions' x counts backwards.")],
    "flip_y": Annotated[bool | None, typer.Option("--flip-y/--no-flip-y", help="The positions' y counts backwards.")],
    "transpose": Annotated[
        bool | None, typer.Option("--transpose/--no-transpose", help="Exchange rows and columns of frames.")
    ],
    "position_scale": Annotated[
        float | None, typer.Option("--position-scale", help="Pixels of the object grid a unit of the positions.")
    ],
    "level_energy": Annotated[
        bool | None, typer.Option("--level-energy/--no-level-energy", help="Take the beam's drift out.")
    ],
    "probe": Annotated[
        str | None, typer.Option("--probe", help="A file with the probe: a product, a data file or a .npy.")
    ],
    "mask": Annotated[str | None, typer.Option("--mask", help="A file with a mask, True where a pixel is valid.")],
}
DATA_OPTIONS: dict[str, Any] = BUNDLE_OPTIONS | {
    "probe_scale": Annotated[
        str | None, typer.Option(help="Whose scale the probe has: data (an empty object is 1) or file.")
    ]
}


def with_layout(command: Callable[..., None]) -> Callable[..., None]:
    """A command for new data, with all options of the layout; its ``given`` holds those that were given."""
    return _with_options(command, DATA_OPTIONS)


def with_layout_of_a_bundle(command: Callable[..., None]) -> Callable[..., None]:
    """The same for data of a bundle, which has the probe's scale."""
    return _with_options(command, BUNDLE_OPTIONS)


def _with_options(command: Callable[..., None], options: Mapping[str, Any]) -> Callable[..., None]:
    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        given: Given = {name: value for name in options if (value := arguments.pop(name)) is not None}
        command(given=given, **arguments)

    hints = get_type_hints(command, include_extras=True)
    kind = inspect.Parameter.KEYWORD_ONLY
    own = [p.replace(annotation=hints[p.name], kind=kind) for p in inspect.signature(command).parameters.values()]
    more = [inspect.Parameter(name, kind, default=None, annotation=hint) for name, hint in options.items()]
    shown = [p for p in own if p.name != "given"] + more
    with_options.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in shown}
    return with_options
