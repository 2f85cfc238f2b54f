"""The ids of what is kept, and the names of the artifacts that the harness itself adds to a pipeline's."""

from __future__ import annotations

import re

from harness.core.errors import GoldenError

CONFIGURATION, INVARIANTS, ENSEMBLE = "configuration", "invariants", "ensemble"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


def check_id(identity: str) -> str:
    """``identity`` itself; raises GoldenError where it could lead out of its folder."""
    if not all(NAME.fullmatch(part) and ".." not in part for part in identity.split("/")):
        raise GoldenError(f"{identity[:80]!r} is not an id: parts of letters, digits, '_', '-' and '.', joined by '/'")
    return identity
