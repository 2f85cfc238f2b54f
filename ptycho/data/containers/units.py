"""Units of lengths and energies as files spell them, and the pixel of the object grid."""

from __future__ import annotations

HC_JOULE_METRE = 1.98644586e-25  # Planck constant times speed of light
ELECTRON_VOLT_J = 1.602176634e-19

_PREFIXES = {"": 1.0, "c": 1e-2, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12}
_WORDS = {"metre": 1.0, "meter": 1.0, "micron": 1e-6, "angstrom": 1e-10, "å": 1e-10, "a": 1e-10}
_WORDS |= {f"{p}{w}": s for p, s in (("milli", 1e-3), ("micro", 1e-6), ("nano", 1e-9)) for w in ("metre", "meter")}
LENGTHS_M = {f"{prefix}m": scale for prefix, scale in _PREFIXES.items()} | _WORDS
ENERGIES_J = {"j": 1.0, "joule": 1.0} | {
    f"{prefix}ev": scale * ELECTRON_VOLT_J for prefix, scale in (("", 1.0), ("k", 1e3))
}
HIGHEST_PHOTON_J = 1e-10  # 0.6 GeV: more than any photon of an experiment has
LOWEST_PHOTON_EV = 20.0  # less than any X-ray, and more than X-rays have keV at any source that is coherent


def unit_scale(unit: str, scales: dict[str, float]) -> float | None:
    """What a number in ``unit`` is multiplied by, from ``LENGTHS_M`` or ``ENERGIES_J``; None for another unit."""
    word = unit.strip().lower()
    return scales.get(word, scales.get(word.removesuffix("s")))


def object_pixel_m(energy_j: float, distance_m: float, side: int, detector_pixel_m: float) -> float:
    """``wavelength * distance / (n * pixel)``: the object grid's pixel, for ``n`` detector pixels in the far field."""
    return HC_JOULE_METRE / energy_j * distance_m / (side * detector_pixel_m)
