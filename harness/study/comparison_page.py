"""Two runs side by side as one HTML file that needs nothing else: tables, and the figures of either."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.files import write_file
from harness.core.protocol import Json
from harness.report.html import template

_LARGEST_FIGURE = 8 * 2**20  # bytes of one figure
_PNG_START = b"\x89PNG\r\n\x1a\n"


def write_comparison_page(answer: Mapping[str, Json], path: Path) -> None:
    """Write the page of a comparison to ``path``."""
    figures = [
        {"title": f["title"], "sides": [(answer[side], picture_source(f[side])) for side in ("a", "b")]}
        for f in answer.get("pictures", [])
    ]
    page = template(Path(__file__).parent / "comparison.html.j2").render(
        answer=answer, figures=[f for f in figures if any(s for _, s in f["sides"])]
    )
    write_file(path, page.encode("utf-8", "replace"))


def picture_source(path: str | None) -> str:
    """A PNG file as what an ``img`` shows; empty where there is none."""
    if path is None or not (file := Path(path)).is_file() or file.stat().st_size > _LARGEST_FIGURE:
        return ""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise HarnessError(f"{path} cannot be read ({error.strerror or error}): check its permissions") from error
    return f"data:image/png;base64,{base64.b64encode(content).decode()}" if content.startswith(_PNG_START) else ""
