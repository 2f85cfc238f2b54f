"""Draw the rooms of the house and who imports whom, from the imports themselves: ``docs/images/rooms.svg``.

Lazy imports and those for a type checker count. ``python tools/rooms.py`` writes the picture.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "ptycho", "guard")
PICTURE = ROOT / "docs/images/rooms.svg"
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN, TITLE = 150, 46, 26, 62, 24, 30


def modules(package: str, root: Path = ROOT) -> Iterator[tuple[str, ast.Module]]:
    """Every module of a package by its dotted name, with its syntax tree."""
    for path in sorted((root / package).rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_bytes())


def imports(tree: ast.Module) -> Iterator[str]:
    """The dotted names that a module imports, wherever the statement stands; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(name: str, package: str, root: Path = ROOT) -> str:
    """The folder directly below the package that a module lies in, else the module itself; empty for the package."""
    parts = name.split(".")
    if parts[0] != package or len(parts) < 2:
        return ""
    known = (root / package / parts[1]).is_dir() or (root / package / f"{parts[1]}.py").is_file()
    return parts[1] if known else ""


def arrows(package: str, root: Path = ROOT) -> dict[str, set[str]]:
    """By room, the other rooms of its package that it imports."""
    graph: dict[str, set[str]] = {}
    for name, tree in modules(package, root):
        if room := room_of(name, package, root):
            targets = {room_of(target, package, root) for target in imports(tree)}
            graph.setdefault(room, set()).update(targets - {"", room})
    return graph


def levels(graph: dict[str, set[str]]) -> dict[str, int]:
    """How far each room is above those that import nothing; raises ValueError, naming one, where there is a circle."""
    heights: dict[str, int] = {}

    def height(room: str, path: tuple[str, ...]) -> int:
        if room in path:
            raise ValueError(f"the rooms import in a circle: {' -> '.join((*path[path.index(room) :], room))}")
        if room not in heights:
            below = [height(other, (*path, room)) for other in sorted(graph.get(room, ()))]
            heights[room] = max(below, default=-1) + 1
        return heights[room]

    for room in sorted(graph):
        height(room, ())
    return heights


def direct(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows that do not follow from others: a picture needs no more."""

    def below(room: str) -> set[str]:
        return set().union(*({other} | below(other) for other in graph.get(room, ())), set())

    return {room: {o for o in others if not any(o in below(p) for p in others - {o})} for room, others in graph.items()}


def panel(package: str, left: int) -> tuple[list[str], int, int]:
    """The drawing of one package with its left edge at ``left``; also its width and height in pixels."""
    graph = {room: others for room, others in arrows(package).items() if room != "__main__"}
    heights = levels(graph)
    rows = [[r for r in sorted(graph) if heights[r] == h] for h in range(max(heights.values()), -1, -1)]
    width = max(len(row) for row in rows) * (WIDTH + GAP_X) - GAP_X
    places: dict[str, tuple[float, float]] = {}
    for i, row in enumerate(rows):
        start = left + (width - len(row) * (WIDTH + GAP_X) + GAP_X) / 2
        for j, room in enumerate(row):
            places[room] = start + j * (WIDTH + GAP_X), MARGIN + TITLE + i * (HEIGHT + GAP_Y)
    drawing = [f'<text class="title" x="{left + width / 2}" y="{MARGIN + 12}">{escape(package)}/</text>']
    for room, others in direct(graph).items():
        x, y = places[room]
        for other in sorted(others):
            to_x, to_y = places[other]
            points = x + WIDTH / 2, y + HEIGHT, to_x + WIDTH / 2, to_y - 5
            middle = (points[1] + points[3]) / 2
            curve = f"M{points[0]},{points[1]} C{points[0]},{middle} {points[2]},{middle} {points[2]},{points[3]}"
            drawing.append(f'<path class="arrow" d="{curve}" marker-end="url(#tip)"/>')
    for room, (x, y) in places.items():
        count = len(list((ROOT / package / room).rglob("*.py"))) - 1 if (ROOT / package / room).is_dir() else 0
        note = f"{count} modules" if count > 0 else "one module"
        drawing.append(f'<rect class="room" x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>')
        drawing.append(f'<text class="name" x="{x + WIDTH / 2}" y="{y + 20}">{escape(room)}</text>')
        drawing.append(f'<text class="note" x="{x + WIDTH / 2}" y="{y + 36}">{note}</text>')
    return drawing, width, MARGIN + TITLE + len(rows) * (HEIGHT + GAP_Y) - GAP_Y + MARGIN


def picture() -> str:
    """Both packages side by side, as SVG."""
    parts, left, tall = [], MARGIN, 0
    for package in ("harness", "ptycho"):
        drawing, width, height = panel(package, left)
        parts += drawing
        left, tall = left + width + 2 * MARGIN, max(tall, height)
    style = (
        "text{font:13px system-ui,sans-serif;text-anchor:middle;fill:#1f2933}.title{font-weight:600;font-size:15px}"
        ".note{font-size:11px;fill:#52606d}.room{fill:#f5f7fa;stroke:#52606d}.arrow{fill:none;stroke:#9aa5b1}"
        "@media(prefers-color-scheme:dark){text{fill:#e4e7eb}.note{fill:#9aa5b1}.room{fill:#1f2933;stroke:#7b8794}}"
    )
    point = '<path d="M0,0 L6,3 L0,6 z" fill="#9aa5b1"/>'
    tip = f'<marker id="tip" markerWidth="8" markerHeight="8" refX="4" refY="3" orient="auto">{point}</marker>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left - MARGIN} {tall}" role="img">'
    label = "<title>The rooms of the house: an arrow leads from a room to one that it imports</title>"
    return "\n".join([head, label, f"<defs>{tip}</defs><style>{style}</style>", *parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
