"""A long text that differs, as the unified difference of its lines."""

from __future__ import annotations

import difflib

from harness.core.verdicts import Verdict

SHOWN_LINES = 40
_LONGEST = 2_000  # lines that are matched with each other; beyond, they are compared one by one


def line_difference(verdict: Verdict) -> tuple[str, ...]:
    """The lines of a unified difference, the first ``SHOWN_LINES``; none unless a text of several lines failed."""
    expected, obtained = verdict.expected, verdict.obtained
    if not verdict.status.failed or not isinstance(expected, str) or not isinstance(obtained, str):
        return ()
    if "\n" not in expected and "\n" not in obtained:
        return ()
    old, new = expected.splitlines(), obtained.splitlines()
    if old == new:
        return ("the lines are equal: how they end is not",)
    if max(len(old), len(new)) > _LONGEST:
        pairs = enumerate(zip(old, new, strict=False))
        lines = [line for i, (a, b) in pairs if a != b for line in (f"@@ {i + 1} @@", f"-{a}", f"+{b}")]
        lines += [f"{len(old):,} lines are now {len(new):,}"] if len(old) != len(new) else []
    else:
        lines = list(difflib.unified_diff(old, new, "golden", "obtained", n=2, lineterm=""))
    rest = len(lines) - SHOWN_LINES
    return (*lines[:SHOWN_LINES], *([f"\u2026 and {rest:,} more lines"] if rest > 0 else []))
