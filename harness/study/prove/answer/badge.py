"""A badge for a README: the detection rate, as an SVG that needs nothing else."""

from __future__ import annotations

from html import escape

from harness.study.prove.answer.document import percentage
from harness.study.prove.answer.rates import Rate

_LABEL = "faults caught"
_GOOD, _FAIR = 0.95, 0.8  # the lower end of the interval from which the colour is green, or yellow
_COLOURS = {"good": "#2e7d32", "fair": "#9a6700", "poor": "#b3261e", "none": "#6b7280"}
_CHARACTER, _PAD, _HEIGHT = 6.6, 12, 20  # pixels


def badge_svg(rate: Rate) -> str:
    """The badge of a detection rate; its colour is by the lower end of the interval, so that few mutants earn none."""
    words, colour = percentage(rate.value), _COLOURS[_state(rate)]
    left, right = (round(len(part) * _CHARACTER + _PAD) for part in (_LABEL, words))
    title = escape(f"{_LABEL}: {words} of {rate.of}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<clipPath id="r"><rect width="{left + right}" height="{_HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="{_HEIGHT}" fill="#444c56"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="{colour}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{_LABEL}</text><text x="{left + right / 2:g}" y="14">{escape(words)}</text>'
        "</g></svg>\n"
    )


def _state(rate: Rate) -> str:
    low = rate.interval[0]
    return "none" if not rate.of else "good" if low >= _GOOD else "fair" if low >= _FAIR else "poor"
