"""Charts as inline SVG: a curve over the golden's, and a ladder of gains.

Every chart is drawn in pixels of a phone's width and coloured by the page's style sheet
(``.golden``, ``.obtained``, ``.mark``, ``.axis``), so that it follows light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape

from harness.core import text

_WIDTH, _HEIGHT = 360, 216  # pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 10, 26, 24
_MOST_POINTS = 400  # more than a curve is wide
_RUNG, _STEPS = 46, 196  # height of a ladder's rung, and the left edge of its steps, in pixels
_LONGEST_NAME = 30  # of a rung, in characters

Numbers = Sequence[float]


@dataclass(frozen=True)
class Axis:
    """Values to pixels, linear or logarithmic; ``ticks`` are values within ``low`` and ``high``."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of ``value``."""
        low, high, at = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (self.stop - self.start) * (at - low) / (high - low)

    def ticks(self, most: int = 5) -> list[float]:
        """A few round values."""
        if self.log and (decades := math.floor(math.log10(self.high)) - math.ceil(math.log10(self.low)) + 1) >= 2:
            first, step = math.ceil(math.log10(self.low)), -(-decades // most)
            return [math.pow(10, e) for e in range(first, first + decades, step)]
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)))
            round_values = [m * math.pow(10, e) for e in powers for m in (1, 2, 5)]
            within = [v for v in round_values if self.low <= v <= self.high]
            if len(within) >= 3:
                return within
        rough = (self.high - self.low) / most
        unit = 10 ** math.floor(math.log10(rough))
        step = unit * next(m for m in (1, 2, 5, 10) if m * unit >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [step * i for i in range(first, last + 1)]


def draw_curve(
    golden: Numbers | None, obtained: Numbers | None, label: str, log: bool = False, marks: Collection[int] = ()
) -> str:
    """Obtained over golden against the index; ``marks`` are the indices that failed. ``log`` needs values > 0."""
    series = [(n, s) for n, s in (("golden", golden), ("obtained", obtained)) if s]
    finite = [v for _, s in series for v in s if math.isfinite(v)]
    log = log and bool(finite) and min(finite) > 0
    x = Axis(0, max([len(s) for _, s in series] + [2]) - 1, _LEFT, _WIDTH - _RIGHT)
    y = _padded(finite or [0.0], _HEIGHT - _BOTTOM, _TOP, log)
    parts = [_axes(x, y)]
    for name, values in series:
        parts += [f'<path class="{name}" d="{d}"/>' for d in [_line(values, x, y)] if d]
        parts += [_dot(x(i), y(v), name) for i, v in _alone(values)]
    for i in sorted(marks)[:_MOST_POINTS]:
        if obtained and 0 <= i < len(obtained) and math.isfinite(obtained[i]):
            parts.append(_dot(x(i), y(obtained[i]), "mark"))
    legend = [(n, n) for n, _ in series] + ([("mark", "out of tolerance")] if marks else [])
    parts.append(_legend(legend))
    return _svg(_HEIGHT, label, _story(label, series, marks), parts)


def draw_difference(golden: Numbers, obtained: Numbers, label: str, marks: Collection[int] = ()) -> str:
    """Obtained minus golden against the index; empty where they are of another length, or nowhere differ finitely."""
    if len(golden) != len(obtained):
        return ""
    values = [b - a for a, b in zip(golden, obtained, strict=True)]
    finite = [v for v in values if math.isfinite(v)]
    if not any(finite):
        return ""
    x = Axis(0, max(len(values), 2) - 1, _LEFT, _WIDTH - _RIGHT)
    y = _padded([0.0, *finite], _HEIGHT - _BOTTOM, _TOP, log=False)
    zero = f"{y(0.0):.1f}"
    parts = [_axes(x, y), f'<path class="golden" d="M{_LEFT},{zero}H{_WIDTH - _RIGHT}"/>']
    parts += [f'<path class="difference" d="{line}"/>' for line in [_line(values, x, y)] if line]
    parts += [_dot(x(i), y(v), "difference") for i, v in _alone(values)]
    out = [i for i in sorted(marks)[:_MOST_POINTS] if 0 <= i < len(values) and math.isfinite(values[i])]
    parts += [_dot(x(i), y(values[i]), "mark") for i in out]
    parts.append(_legend([("difference", "obtained \u2212 golden")]))
    story = f"{label}, obtained minus golden: from {text.number(min(finite), 4)} to {text.number(max(finite), 4)}."
    return _svg(_HEIGHT, f"{label}, difference", story, parts)


def draw_ladder(rungs: Sequence[tuple[str, float, float]], label: str, marks: Collection[int] = ()) -> str:
    """Gains ``(name, expected, measured)`` as steps from 1 downwards, on a logarithmic axis.

    A gain that is off moves every later step away from what is expected. Where a gain is not positive
    and finite there is no such axis, and only the numbers are shown.
    """
    height = _TOP + _RUNG * len(rungs)
    parts = [_legend([("golden", "expected"), ("obtained", "measured")])]
    for i, (name, expected, measured) in enumerate(rungs):
        y, mark = _TOP + _RUNG * i + 18, " bad" if i in marks else ""
        shown = f"{text.number(measured, 5)} for {text.number(expected, 5)}"
        parts.append(f'<path class="line" d="M0,{_TOP + _RUNG * i}H{_WIDTH}"/>')
        parts.append(f'<text class="rung{mark}" x="0" y="{y}">{_shown(name, _LONGEST_NAME)}</text>')
        parts.append(f'<text class="axis{mark}" x="0" y="{y + 15}">{_shown(shown)}</text>')
    if rungs and all(math.isfinite(v) and v > 0 for rung in rungs for v in rung[1:]):
        levels = [_levels([rung[1] for rung in rungs]), _levels([rung[2] for rung in rungs])]
        x = _padded([10.0**v for s in levels for v in s], _STEPS, _WIDTH, log=True)
        for name, steps in zip(("golden", "obtained"), levels, strict=True):
            places = [x(10.0**v) for v in steps]
            rows = enumerate(places[1:])
            path = "".join(f"V{_TOP + _RUNG * i + _RUNG // 2}H{place:.1f}" for i, place in rows)
            parts.append(f'<path class="{name}" d="M{places[0]:.1f},{_TOP}{path}V{height}"/>')
        parts += [
            _dot(x(10.0 ** levels[1][i + 1]), _TOP + _RUNG * i + _RUNG // 2, "mark")
            for i in sorted(marks)
            if i < len(rungs)
        ]
    story = "; ".join(f"{n}: measured {text.number(m, 5)}, expected {text.number(e, 5)}" for n, e, m in rungs)
    return _svg(height, label, story or "no gains", parts)


def _levels(gains: Numbers) -> list[float]:
    """The logarithm of the product so far, from 1 on."""
    levels = [0.0]
    for gain in gains:
        levels.append(max(-300.0, min(300.0, levels[-1] + math.log10(gain))))
    return levels


def _padded(values: Numbers, start: float, stop: float, log: bool) -> Axis:
    """An axis a little wider than ``values``, and never empty."""
    low, high = min(values), max(values)
    if log:
        margin = max((high / low) ** 0.06, 1.02) if high / low < 1e300 else 10.0
        return Axis(max(low / margin, 1e-307), min(high * margin, 1e308), start, stop, log=True)
    low, high = max(low, -1e307), min(high, 1e307)
    margin = 0.06 * (high - low) or abs(high) * 0.05 or 1.0
    if margin < 1e-13 * max(abs(low), abs(high)):  # too close for a float to tell them apart
        margin = 1e-6 * max(abs(low), abs(high))
    return Axis(low - margin, high + margin, start, stop)


def _axes(x: Axis, y: Axis) -> str:
    parts = []
    for value, label in _labelled(y.ticks()):
        at = f"{y(value):.1f}"
        parts.append(f'<path class="line" d="M{_LEFT},{at}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="axis" x="{_LEFT - 6}" y="{float(at) + 3.5:.1f}" text-anchor="end">{label}</text>')
    for value in x.ticks(6):
        if value == int(value):
            at = f"{x(value):.1f}"
            parts.append(f'<text class="axis" x="{at}" y="{_HEIGHT - 8}" text-anchor="middle">{int(value)}</text>')
    parts.append(f'<path class="edge" d="M{_LEFT},{_TOP}V{_HEIGHT - _BOTTOM}H{_WIDTH - _RIGHT}"/>')
    return "".join(parts)


def _labelled(ticks: Numbers) -> list[tuple[float, str]]:
    """Ticks with as many digits as it takes to tell each from the next."""
    for digits in range(3, 8):
        labels = [text.number(tick if abs(tick) > 1e-300 else 0.0, digits) for tick in ticks]
        if len(set(labels)) == len(labels):
            break
    return list(zip(ticks, labels, strict=True)) if ticks else []


def _line(values: Numbers, x: Axis, y: Axis) -> str:
    """A path that breaks where a value is not finite; of many values, each bucket's lowest and highest."""
    places = list(enumerate(values))
    if len(places) > _MOST_POINTS:
        size = -(-2 * len(places) // _MOST_POINTS)
        buckets = [places[i : i + size] for i in range(0, len(places), size)]
        places = [p for b in buckets for p in sorted({min(b, key=_height), max(b, key=_height)})]
    path, down = [], False
    for i, value in places:
        if math.isfinite(value):
            path.append(f"{'L' if down else 'M'}{x(i):.1f},{y(value):.1f}")
        down = math.isfinite(value)
    return "".join(path)


def _height(place: tuple[int, float]) -> float:
    return place[1] if math.isfinite(place[1]) else 0.0


def _alone(values: Numbers) -> list[tuple[int, float]]:
    """Values without a finite neighbour, which a line would not show."""
    if len(values) > _MOST_POINTS:
        return []
    finite = [False, *map(math.isfinite, values), False]
    return [(i, v) for i, v in enumerate(values) if finite[i + 1] and not (finite[i] or finite[i + 2])]


def _dot(x: float, y: float, name: str) -> str:
    return f'<circle class="dot {name}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'


def _legend(items: Sequence[tuple[str, str]]) -> str:
    parts, x = [], 8
    for name, label in items:
        if name == "mark":
            parts.append(_dot(x + 8, 10, name))
        else:
            parts.append(f'<path class="{name}" d="M{x},10h18"/>')
        parts.append(f'<text class="axis" x="{x + 24}" y="14">{label}</text>')
        x += 42 + 6 * len(label)
    return "".join(parts)


def _story(label: str, series: Sequence[tuple[str, Numbers]], marks: Collection[int]) -> str:
    ranges = [f"{name}: {len(v)} values, from {text.number(v[0], 4)} to {text.number(v[-1], 4)}" for name, v in series]
    out = [f"out of tolerance at index {', '.join(map(str, sorted(marks)[:10]))}"] if marks else []
    return f"{label}. {'; '.join(ranges + out)}."


def _svg(height: int, title: str, story: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{_shown(title)}">'
        f"<title>{_shown(title)}</title><desc>{_shown(story)}</desc>{''.join(parts)}</svg>"
    )


def _shown(words: str, longest: int = text.LONGEST_MESSAGE) -> str:
    return escape(text.clipped(words, longest))
