"""The schema of ``preflight.json``, kept beside the code that writes it."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def preflight_schema() -> dict[str, Any]:
    """The JSON Schema of a preflight's report."""
    text = resources.files("ptycho.preflight").joinpath("preflight.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))
