"""A page's part between two marks, which a benchmark writes anew."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
MATRIX, BENCHMARKS = DOCS / "explanation/matrix.md", DOCS / "benchmarks.md"


def put(page: Path, name: str, lines: list[str]) -> None:
    """``lines`` between ``<!-- name -->`` and ``<!-- end of name -->``; everything else stays."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(start)
    after = rest.partition(end)[2]
    page.write_text(f"{before}{start}\n" + "\n".join(lines) + f"\n{end}{after}", encoding="utf-8")
