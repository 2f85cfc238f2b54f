"""The environments of the matrix that are pinned, in the order in which tox.ini names them."""

from __future__ import annotations

import re
from pathlib import Path

_TOX = (Path(__file__).parent.parent / "tox.ini").read_text(encoding="utf-8")
PINNED = tuple(re.findall(r"^\[testenv:\{(keras2,.+)\}\]$", _TOX, re.M)[0].split(","))
