"""A report as a folder of files, each for its own reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from harness.core.errors import HarnessError
from harness.core.files import write_file
from harness.core.protocol import Artifact, Curve, Image, Ladder
from harness.core.verdicts import Report

Find: TypeAlias = Callable[[str, str, str], tuple[Artifact | None, Artifact | None]]
"""``(scenario, track, artifact)`` to the golden and the obtained artifact, None for what there is not."""


FILES = ("report.json", "junit.xml", "report.md", "report.html")


def remove_report(folder: Path) -> None:
    """Remove an earlier report, so that what is there after a run was written by it; raises HarnessError otherwise."""
    for name in FILES:
        try:
            (folder / name).unlink(missing_ok=True)
        except NotADirectoryError:
            continue  # there is no folder, and no report
        except OSError as error:
            raise HarnessError(
                f"cannot remove the earlier report {folder / name} ({error.strerror or error}): "
                "make the folder writable, or give another one with --out"
            ) from error


def write_report(report: Report, views: Sequence[Image | Curve | Ladder], find: Find, folder: Path) -> dict[str, Path]:
    """Write ``report.html``, ``report.json``, ``report.md`` and ``junit.xml`` into ``folder``.

    Returns their paths by name. Each is replaced as a whole, the JSON first, since the others can be made
    from it again. Raises HarnessError where the folder cannot be written.
    """
    from harness.core.reports import dump_report
    from harness.report import html, junit, markdown

    makers: dict[str, Callable[[], bytes]] = {
        "report.json": lambda: dump_report(report),
        "junit.xml": lambda: junit.render_junit(report),
        "report.md": lambda: markdown.render_markdown(report).encode("utf-8", "replace"),
        "report.html": lambda: html.render_html(report, views, find).encode("utf-8", "replace"),
    }
    paths = {name: folder / name for name in makers}
    for name, make in makers.items():
        write_file(paths[name], make())
    return paths
