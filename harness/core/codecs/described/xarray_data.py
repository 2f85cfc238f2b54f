"""DataArray and Dataset of xarray: values, dimensions, coordinates, attributes. What files say (``encoding``) goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part, values_alone


def _split_array(value: Any) -> Parts:
    name = value.name
    if name is not None and not isinstance(name, str):
        raise UnkeptError(f"an array whose name {name!r:.40} is no text", "give x.rename(str(x.name))")
    return {"name": name, **_variable(value.variable, "values"), "coords": _coords(value)}


def _split_dataset(value: Any) -> Parts:
    variables = {name: _variable(each.variable, f"variables/{name}") for name, each in value.data_vars.items()}
    return {"variables": variables, "coords": _coords(value), "attributes": dict(value.attrs)}


def _coords(value: Any) -> dict[Any, Any]:
    """The coordinates; each that has the name of its dimension has xarray's own index, and no other has one."""
    for name, index in value.xindexes.items():
        if type(index).__name__ != "PandasIndex" or value.coords[name].dims != (name,):
            raise UnkeptError(
                "an index of several coordinates, or of a kind of its own", "give x.reset_index(...)", "coords"
            )
    for name, coord in value.coords.items():
        if coord.dims == (name,) and name not in value.xindexes:
            raise UnkeptError(f"a coordinate {name!r} without its index", "give x.set_xindex(...)", "coords")
    return {name: _variable(each.variable, f"coords/{name}") for name, each in value.coords.items()}


def _variable(variable: Any, at: str) -> dict[str, Any]:
    if not all(isinstance(dim, str) for dim in variable.dims):
        raise UnkeptError(f"the dimensions {variable.dims!r:.80}, which are no texts", "give x.rename(...)", at)
    indexed = type(variable).__name__ == "IndexVariable"
    values = variable.values if indexed else variable.data
    if isinstance(values, np.ndarray) and values.dtype.kind in "OT":
        raise UnkeptError(f"an array of {values.dtype}", "give x.astype('U') where it is text", at)
    return {"dims": list(variable.dims), "values": values, "attributes": dict(variable.attrs)}


def _made(xarray: Any, parts: Parts) -> Any:
    values, dims = parts["values"], part(parts, "dims", list)
    return xarray.Variable(dims, values, part(parts, "attributes", dict))


def _restore_array(parts: Parts) -> Any:
    xarray = imported_library("xarray", "xarray")
    coords = {name: _made(xarray, each) for name, each in part(parts, "coords", dict).items()}
    variable = _made(xarray, parts)
    return xarray.DataArray(variable.data, coords, variable.dims, parts["name"], variable.attrs)


def _restore_dataset(parts: Parts) -> Any:
    xarray = imported_library("xarray", "xarray")
    variables, coords = (
        {name: _made(xarray, each) for name, each in part(parts, group, dict).items()}
        for group in ("variables", "coords")
    )
    return xarray.Dataset(variables, coords, part(parts, "attributes", dict))


CODECS = (
    Codec("xarray.DataArray", ("xarray.DataArray",), _split_array, _restore_array, "xarray", picture=values_alone),
    Codec("xarray.Dataset", ("xarray.Dataset",), _split_dataset, _restore_dataset, "xarray"),
)
