"""Quantities with a unit, of Pint and Astropy: the numbers, and the unit as a text.

Another unit is a difference, and nothing is converted: the number that the next stage is given would be another.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from harness.core.codecs.codec import Codec, Parts, UnkeptError, imported_library, part, values_alone

_NAME = r"[^\W\d]\w{0,99}"
_FACTOR = re.compile(rf"({_NAME})(?: \*\* (-?\d{{1,9}}(?:\.\d{{1,20}})?))?")


def _named(numbers: Any) -> Parts:
    """The numbers under the name that says whether there are several."""
    return {"values" if isinstance(numbers, np.ndarray) else "value": numbers}


def _numbers(parts: Parts) -> Any:
    return parts["values"] if "values" in parts else parts["value"]


def _split_pint(value: Any) -> Parts:
    pint = imported_library("pint", "units")
    if value._REGISTRY is not _registry(pint):
        remedy = "call pint.set_application_registry(ureg), so that it can come back in the same registry"
        raise UnkeptError("a quantity of another registry than the application's", remedy)
    factors = {str(name): float(power) for name, power in value._units.items()}
    text = _unit_text(factors)
    if _factors(text) != factors:
        raise UnkeptError(
            f"a quantity in {value.units!s:.80}, which has no exact name", "convert it, x.to_base_units()"
        )
    return {**_named(value.magnitude), "unit": text}


def _registry(pint: Any) -> Any:
    """The application's registry itself, behind the proxy that stands for it."""
    registry = pint.get_application_registry()
    return registry.get() if hasattr(registry, "get") else registry


def _unit_text(factors: dict[str, float]) -> str:
    """``meter * second ** -2``; ``dimensionless`` for no factor at all."""
    words = [name if power == 1 else f"{name} ** {power:.17g}" for name, power in sorted(factors.items())]
    return " * ".join(words) or "dimensionless"


def _factors(text: str) -> dict[str, float]:
    """Each factor's power; the text is read here, since a parser of expressions would calculate what it says."""
    if text == "dimensionless":
        return {}
    matches = [_FACTOR.fullmatch(word) for word in text.split(" * ")]
    if None in matches:
        raise ValueError(f"{text[:80]!r} is no unit")
    return {found[1]: float(found[2] or 1) for found in matches if found}


def _restore_pint(parts: Parts) -> Any:
    pint = imported_library("pint", "units")
    registry, factors = _registry(pint), _factors(part(parts, "unit", str))
    if unknown := [name for name in factors if name not in registry]:
        raise ValueError(f"{unknown[0]!r} is no unit of the application's registry")
    whole = {name: int(power) if power == int(power) else power for name, power in factors.items()}
    return registry.Quantity(_numbers(parts), registry.Unit(registry.UnitsContainer(whole)))


def _split_astropy(value: Any) -> Parts:
    units, text = imported_library("astropy.units", "units"), value.unit.to_string()
    try:
        same = units.Unit(text) == value.unit
    except ValueError:
        same = False
    if not same:
        raise UnkeptError(f"a quantity in {text[:80]!r}, a unit of its own", "convert it, x.si")
    return {"values": np.asarray(value.value), "unit": text}


def _restore_astropy(parts: Parts) -> Any:
    units, text = imported_library("astropy.units", "units"), part(parts, "unit", str)
    if len(text) > 200:
        raise ValueError("its unit is no unit")
    values = part(parts, "values", np.ndarray)
    return units.Quantity(values, units.Unit(text), dtype=values.dtype)


CODECS = (
    Codec("pint.Quantity", ("pint.Quantity",), _split_pint, _restore_pint, "units", picture=values_alone),
    Codec("astropy.Quantity", ("astropy.Quantity",), _split_astropy, _restore_astropy, "units", picture=values_alone),
)
