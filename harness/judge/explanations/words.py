"""Text that differs: in its line endings, its blanks, its capitals, or in some of its lines."""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher

from harness.core.text import clipped, count
from harness.core.verdicts import Explanation

_LONGEST = 50_000  # characters of a text that is looked into
_SHOWN = 40  # characters of a line that are shown
_MOST = 0.5  # of the lines differ, or it is another text


def explain_text(golden: str, obtained: str) -> Explanation | None:
    """What little became of a text; None where it is another one."""
    if golden == obtained or max(len(golden), len(obtained)) > _LONGEST:
        return None
    lines = golden.splitlines(), obtained.splitlines()
    if lines[0] == lines[1]:
        return Explanation("line endings", "nothing but the ends of lines differs")
    squeezed = ["".join(words.split()) for words in (golden, obtained)]
    if squeezed[0] == squeezed[1]:
        return Explanation("blanks", "nothing but blanks and line breaks differs")
    if golden.casefold() == obtained.casefold():
        return Explanation("capitals", "nothing but capital letters differs")
    return _lines(*lines) if min(map(len, lines)) > 1 else _one_line(*lines) if max(map(len, lines)) == 1 else None


def _one_line(before: list[str], after: list[str]) -> Explanation | None:
    number = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
    if before and after and number.sub("#", before[0]) == number.sub("#", after[0]) != "#":
        pairs = zip(number.findall(before[0]), number.findall(after[0]), strict=True)
        changed = [f"{one} is {other}" for one, other in pairs if one != other]
        return Explanation(
            "numbers in text", f"nothing but {count(len(changed), 'number')} in it differs: {changed[0]}"
        )
    return None


def _lines(before: list[str], after: list[str]) -> Explanation | None:
    if Counter(before) == Counter(after):
        moved = sum(one != other for one, other in zip(before, after, strict=True))
        return Explanation("lines", f"{moved} of {len(before)} lines are in another order, and no other differs")
    steps = [s for s in SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if s[0] != "equal"]
    lost, new = sum(s[2] - s[1] for s in steps), sum(s[4] - s[3] for s in steps)
    if max(lost, new) > _MOST * max(len(before), len(after)):
        return None
    changed = sum(min(s[2] - s[1], s[4] - s[3]) for s in steps)
    counts = (
        (changed, "differ", "differs"),
        (lost - changed, "are lost", "is lost"),
        (new - changed, "are new", "is new"),
    )
    said = [f"{count(n, 'line')} {one if n == 1 else many}" for n, many, one in counts if n]
    tag, start, _, there, _ = steps[0]
    shown = [repr(clipped(words[i], _SHOWN)) for words, i in ((before, start), (after, there)) if i < len(words)]
    if tag == "replace":
        where = f"line {start + 1} was {shown[0]}, is {shown[1]}"
    else:
        where = f"line {start + 1} was {shown[0]}" if tag == "delete" else f"line {there + 1} is {shown[-1]}"
    return Explanation("lines", f"{', '.join(said)}, of {len(before)}: first, {where}")
