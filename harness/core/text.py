"""Texts for people: numbers with enough digits to see a difference, and strangers' words with nothing else in them.

What a pipeline, a file or a person wrote may hold anything: colours, line breaks, text that turns the direction of
reading, commands to the machinery that reads a log. Whatever prints such words has them from ``line``, ``clipped``,
``clean_lines`` or ``cleaned``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

from harness.core.protocol import Json

LONGEST_LINE = 160  # the characters that are shown of a value
LONGEST_MESSAGE = 2_000  # of a sentence that somebody else wrote
LONGEST_TEXT = 20_000  # of a text of many lines, such as a traceback

LONGEST_INTEGER = 1400  # bits that are written out; Python itself refuses more than some thousand digits

# Colours and other orders to a terminal, which go; and what has no shape of its own, or turns the reading around.
_ORDER = re.compile("(?:\x1b\\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\\][^\x07\x1b\x9c\n]{0,2000}(?:\x07|\x1b\\\\|\x9c)")
_SHAPELESS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
# Commands to the machinery of CI: `::error::` where a line begins, `##[error]` and its like anywhere.
_COMMAND = re.compile(r"(?<!\S)::+|#(?=#\w{0,40}\[)")


def number(value: float, digits: int = 6) -> str:
    """A number with ``digits`` significant digits, with a true minus sign and a short exponent."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() > LONGEST_INTEGER:
            return f"an integer of {value.bit_length():,} bits"
        return str(value).replace("-", "\u2212")
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "\u221e" if value > 0 else "\u2212\u221e"
    small = value != 0 and abs(value) < 1e-3
    mantissa, _, exponent = (f"{value:.{digits - 1}e}" if small else f"{value:.{digits}g}").partition("e")
    if "." in mantissa and exponent:
        mantissa = mantissa.rstrip("0").rstrip(".")
    shown = f"{mantissa}e{int(exponent)}" if exponent else mantissa
    return shown.replace("-", "\u2212")


def size(number_of_bytes: int) -> str:
    """A number of bytes in the unit that suits it: ``812 bytes``, ``48.2 kB``, ``3.1 MB``."""
    for unit, of in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number_of_bytes >= of:
            return f"{number_of_bytes / of:,.1f} {unit}"
    return count(number_of_bytes, "byte")


def value(item: Json, digits: int = 6) -> str:
    """Any JSON value on one line, cut where it is long."""
    if isinstance(item, bool) or item is None:
        return {True: "true", False: "false", None: "\u2013"}[item]
    if isinstance(item, int | float):
        return number(item, digits)
    if isinstance(item, str):
        return clipped(item)
    try:
        return clipped(json.dumps(item, ensure_ascii=False, default=str))
    except (ValueError, RecursionError):  # an integer that Python does not write out, or a list that holds itself
        return f"a {type(item).__name__} that cannot be shown"


def pair(expected: Json, obtained: Json) -> tuple[str, str]:
    """Two values with as many digits as it takes to tell them apart."""
    shown = value(expected), value(obtained)
    if _is_number(expected) and _is_number(obtained) and expected != obtained:
        for digits in range(6, 18):
            if value(expected, digits) != value(obtained, digits):
                digits = min(digits + 1, 17)
                return value(expected, digits), value(obtained, digits)
    return shown


def limits(low: float, high: float) -> tuple[str, str]:
    """The ends of a scale, with no more digits than it takes to tell them apart."""
    for digits in range(3, 18):
        if low == high or number(low, digits) != number(high, digits):
            break
    return number(low, digits), number(high, digits)


def difference(expected: Json, obtained: Json) -> str:
    """``obtained - expected`` with its sign, and its ratio where that says more; empty for what is no number."""
    if not (_is_number(expected) and _is_number(obtained)) or expected == obtained:
        return ""
    try:
        change = float(obtained) - float(expected)
        ratio = float(obtained) / float(expected) if expected else math.nan
    except OverflowError:
        return ""
    if not math.isfinite(change):
        return ""
    factor = f" (\u00d7{ratio:.3g})" if ratio > 0 and not 0.9 < ratio < 1.1 else ""
    return f"{'+' if change > 0 else ''}{number(change, 3)}{factor}"


def used(share: float | None) -> str:
    """How much of a tolerance was used: a percentage within it, a factor beyond; ``beyond`` where that has no end.

    1 itself is ``100 %``.
    """
    if share is None:
        return ""
    if math.isnan(share):
        return "NaN"
    if share <= 1:
        if share == 0:
            return "0 %"
        if share < 0.01:
            return "< 1 %"
        percent = f"{100 * share:.0f}"
        # Just within is not at the limit.
        return f"{percent} %" if percent != "100" or share == 1 else "> 99.5 %"
    if math.isinf(share):
        return "beyond"
    if share < 10:
        for digits in range(2, 17):
            if float(f"{share:.{digits}g}") > 1:
                return f"{share:.{digits}g}\u00d7"
    if share < 1e7:
        return f"{float(f'{share:.3g}'):,.0f}\u00d7"
    return f"{number(share, 2)}\u00d7"


def portion(share: float) -> str:
    """A share of elements as a percentage; what is not none or all is not shown as that."""
    if share <= 0 or share >= 1:
        return f"{100 * min(max(share, 0), 1):.0f} %"
    if share < 0.0001:
        return "< 0.01 %"
    return f"{min(100 * share, 99.99):.{2 if share < 0.01 or share > 0.99 else 1}f} %"


def seconds(duration: float) -> str:
    """A duration in the unit that suits it."""
    if duration < 0.9995:
        return f"{duration * 1000:.0f} ms"
    if duration < 99.5:
        return f"{duration:.1f} s" if duration < 9.95 else f"{duration:.0f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def count(n: int, noun: str, several: str = "") -> str:
    """``1 value``, ``13,482 values``; ``several`` is a plural that does not end in s."""
    return f"{n:,} {noun if n == 1 else several or f'{noun}s'}"


def legible(words: str) -> str:
    """``words`` with nothing in them but text, line breaks and tabs; what else there was shows as U+FFFD."""
    return _SHAPELESS.sub("\ufffd", _ORDER.sub("", words))


def cleaned(words: str) -> str:
    """``words`` of one line or many, with nothing in them that a terminal, or whatever reads a log, would obey."""
    return _COMMAND.sub(lambda order: " ".join(order[0]) if order[0] != "#" else "# ", legible(words))


def line(words: object) -> str:
    """``words`` as ``cleaned`` gives them, on one line."""
    together = " ".join(_ORDER.sub("", str(words)).split())
    return cleaned(" ".join(legible(together).split()))  # which may have brought an order's parts together


def clipped(words: object, longest: int = LONGEST_LINE) -> str:
    """``words`` as ``line`` gives them, at most ``longest`` characters."""
    beginning = str(words)[: 64 * longest]  # of megabytes the rest need not be looked at
    shown = line(beginning)
    whole = len(shown) <= longest and len(beginning) == len(str(words))
    return shown if whole else shown[: longest - 1] + "\u2026"


def clean_lines(words: str, longest: int = LONGEST_TEXT) -> list[str]:
    """The lines of a longer text, each clean and with its indent; the middle of what is too long is left out."""
    return [f"{indent(each)}{clipped(each, LONGEST_MESSAGE)}" for each in bounded(words, longest).splitlines()]


def escaped(document: str, ascii_only: bool = False) -> str:
    """JSON whose texts hold nothing that a terminal or a log would obey: such characters are escaped as JSON does."""
    document = _SHAPELESS.sub(_escape, document).replace("##", "#\\u0023")
    return _BEYOND_ASCII.sub(_escape, document) if ascii_only else document


def _escape(found: re.Match[str]) -> str:
    return "\\u007f" if found[0] == "\x7f" else json.dumps(found[0])[1:-1]


def bounded(words: str, longest: int = LONGEST_TEXT) -> str:
    """``words`` as they are, or their beginning and end where there are more than ``longest`` characters."""
    if len(words) <= longest:
        return words
    half = (longest - 60) // 2  # so that the whole is no longer than it may be
    return f"{words[:half]}\n\u2026 {len(words) - 2 * half:,} characters are left out \u2026\n{words[-half:]}"


def indent(words: str) -> str:
    """The blanks that ``words`` begin with, not too many of them."""
    return " " * min(len(words) - len(words.lstrip(" ")), 80)


def _is_number(item: Json) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


def cell(item: Json) -> str:
    """A figure or a word in a table; what is not known is ``n/a``."""
    return "n/a" if item is None else value(item)


def capitalized(words: str) -> str:
    """``words`` as a sentence begins, the rest untouched; an address stays what it is."""
    first = words.split(" ", 1)[0].rstrip(",:")
    return words[:1].upper() + words[1:] if first.replace("-", "").replace("'", "").isalpha() else words


def joined(words: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
