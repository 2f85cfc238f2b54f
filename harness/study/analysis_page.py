"""A pipeline's answer about its runs as Markdown: an expert's words, then every table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.core import text
from harness.core.protocol import Json
from harness.report.markup import markdown_table

_DECIDED = ("confirmed", "ruled out")


def diagnosis_markdown(answer: Mapping[str, Json]) -> str:
    """A diagnosis as Markdown: for each run an expert's words, then every table."""
    parts = []
    for run in answer["runs"]:
        parts += [f"# {run['name']}", *explained(run), *(p for a in run["analyses"] for p in analysis_section(a, 2))]
    for analysis in answer["together"]:
        parts += analysis_section(analysis, 1)
    return _document(parts)


def comparison_markdown(answer: Mapping[str, Json]) -> str:
    """A comparison as Markdown."""
    parts = [f"# {answer['a']} and {answer['b']}", answer["verdict"]]
    parts += [f"- {side}: {sentence}" for side in ("a", "b") for sentence in answer["missing"][side]]
    parts += [p for analysis in answer["analyses"] for p in analysis_section(analysis, 2)]
    return _document(parts)


def one_analysis_markdown(analysis: Mapping[str, Json]) -> str:
    """One analysis as Markdown."""
    return _document([*analysis_section(analysis, 1)])


def _document(parts: Sequence[str]) -> str:
    """Blocks of Markdown as a document; the pipeline's words may be Markdown, and nothing that is not text."""
    return "\n\n".join(text.bounded(text.cleaned(part), 10 * text.LONGEST_TEXT) for part in parts) + "\n"


def explained(run: Mapping[str, Json]) -> list[str]:
    """What an expert would write of one run, most probable cause first, and what to run next."""
    parts = [run["verdict"], *(note for a in run["analyses"] for note in a["notes"])]
    above = [f for f in run["findings"] if f["level"] != "info"]
    for i, finding in enumerate(above, 1):
        lines = [f"{i}. **{finding['statement']}**"]
        lines += [f"   - {sentence}" for sentence in finding["evidence"]]
        lines += [f"   - Next: {finding['remedy']}"] if finding["remedy"] else []
        parts.append("\n".join(lines))
    also = [f for f in run["findings"] if f["level"] == "info"]
    if also:
        parts.append("Also seen:\n\n" + "\n".join(f"- {f['statement']}" for f in also))
    decided = [h for h in run["hypotheses"] if h["status"] in _DECIDED]
    if decided:
        rows = [(h["id"], h["status"], h["statement"], h["evidence"]) for h in decided]
        parts += ["## Hypotheses", analysis_table(("Hypothesis", "Status", "Statement", "Evidence"), rows)]
    rest = [h for h in run["hypotheses"] if h["status"] not in _DECIDED]
    if rest and decided:
        parts.append("Untestable here:\n\n" + "\n".join(f"- {h['id']}: {h['evidence']}" for h in rest))
    if run["missing"]:
        parts.append("Not found:\n\n" + "\n".join(f"- {sentence}" for sentence in run["missing"]))
    return parts


def analysis_section(analysis: Mapping[str, Json], level: int) -> Iterator[str]:
    """One analysis as blocks of Markdown."""
    yield f"{'#' * level} {analysis['title']}"
    for table in analysis["tables"]:
        yield f"{'#' * (level + 1)} {table['title']}"
        yield analysis_table(table["columns"], table["rows"])
    if analysis["notes"]:
        yield "\n".join(f"- {note}" for note in analysis["notes"])


def analysis_table(columns: Sequence[str], rows: Sequence[Sequence[Json]]) -> str:
    """A Markdown table; columns of figures lean to the right."""
    numeric = [i for i in range(len(columns)) if all(row[i] is None or isinstance(row[i], int | float) for row in rows)]
    return markdown_table(columns, [[text.cell(value) for value in row] for row in rows], numeric)
