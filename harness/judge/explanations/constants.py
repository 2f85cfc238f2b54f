"""Numbers that have a name: factors between units, and what else is multiplied in or left out by mistake."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from harness.judge.explanations.measures import digits

_SURE = 1e-6  # relative: a number that is known to less than this has no name
_ROUNDING = 1e-14  # relative: what some operations in double precision may make of a number
_PLAIN = 6  # digits: a number that has fewer speaks for itself
_LARGEST = 12  # of the numerator and the denominator of a fraction that is named by both

_CONSTANTS = {
    "π": math.pi,
    "2π": 2 * math.pi,
    "4π": 4 * math.pi,
    "π/2": math.pi / 2,
    "π/4": math.pi / 4,
    "π²": math.pi**2,
    "√π": math.sqrt(math.pi),
    "√(2π)": math.sqrt(2 * math.pi),
    "√2": math.sqrt(2),
    "√3": math.sqrt(3),
    "√(8 ln 2), the FWHM in standard deviations": math.sqrt(8 * math.log(2)),
    "8 ln 2": 8 * math.log(2),
    "4 ln 2": 4 * math.log(2),
    "ln 2": math.log(2),
    "ln 10": math.log(10),
    "2.5/ln 10, magnitudes for relative fluxes": 2.5 / math.log(10),
    "10/ln 10": 10 / math.log(10),
    "20/ln 10": 20 / math.log(10),
    "e": math.e,
    "180/π, degrees for radians": 180 / math.pi,
    "3600 · 180/π, arcseconds for radians": 3600 * 180 / math.pi,
    "1.4826, the standard deviation by the median of deviations": 1.482602218505602,
    "the elementary charge": 1.602176634e-19,
    "the speed of light": 299792458.0,
    "Planck's constant": 6.62607015e-34,
    "Boltzmann's constant": 1.380649e-23,
    "Avogadro's number": 6.02214076e23,
    "h c in keV Å": 12.398419843320026,
}
_INVERSE = {
    "180/π, degrees for radians": "π/180, radians for degrees",
    "3600 · 180/π, arcseconds for radians": "π/(180 · 3600), radians for arcseconds",
    "2.5/ln 10, magnitudes for relative fluxes": "ln 10/2.5, relative fluxes for magnitudes",
    "√(8 ln 2), the FWHM in standard deviations": "1/√(8 ln 2), standard deviations for the FWHM",
    "1.4826, the standard deviation by the median of deviations": "1/1.4826",
    "2π": "1/(2π)",
    "4π": "1/(4π)",
    "π/2": "2/π",
    "π/4": "4/π",
    "√(2π)": "1/√(2π)",
    "8 ln 2": "1/(8 ln 2)",
    "4 ln 2": "1/(4 ln 2)",
    "10/ln 10": "ln 10/10",
    "20/ln 10": "ln 10/20",
}
_WHOLE = (24, 60, 255, 256, 365.25, 512, 1000, 1024, 1440, 3600, 4096, 65535, 65536, 86400, 1048576, 206265)


def told(number: float, neutral: float = 0.0, unsure: float = 0.0, signed: bool = False) -> str:
    """A number as ``digits`` writes it, with its name where it has one and does not speak for itself."""
    written = digits(number, neutral, unsure, signed)
    speaks = len(written.rstrip(".").partition("e")[0].lstrip("+-0.").replace(".", "")) < _PLAIN
    name = "" if speaks else named(number, unsure)
    return f"{written} ({name})" if name else written


def named(number: float, unsure: float = 0.0) -> str:
    """The name of a number's size that is known to within ``unsure``; empty where it has none."""
    size = abs(number)
    precision = max(unsure / size, _ROUNDING) if size and math.isfinite(size) else math.inf
    if precision > _SURE:
        return ""
    for name, value in _named_numbers():
        if abs(size / value - 1) <= precision:
            return f"-({name})" if number < 0 else name
    return ""


def _named_numbers() -> Iterator[tuple[str, float]]:
    yield from _CONSTANTS.items()
    for name, value in _CONSTANTS.items():
        yield _INVERSE.get(name, f"1/{name}"), 1 / value
    yield from ((f"1/{whole}", 1 / whole) for whole in _WHOLE)
    for below in range(3, _LARGEST + 1):
        for above in range(1, _LARGEST + 1):
            if Fraction(above, below).denominator == below:
                yield f"{above}/{below}", above / below
