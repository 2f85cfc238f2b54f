"""Ask the pipeline what is wrong with a run, and hand its answer on: to the terminal, to files, to the report.

The core knows the form of an answer (``schemas/harness/diagnosis.schema.json``) and nothing of its
content: findings with a cause, hypotheses with a status, tables. The pipeline's ``analyze``, ``contrast``
and ``explain`` fill it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.adapters.answers import checked_answer
from harness.core.adapters.faults import sentence_of
from harness.core.errors import HarnessError, ProjectError
from harness.core.files import dump_json, write_file
from harness.core.project import Project
from harness.core.protocol import Json
from harness.run.work import StageError, resolve
from harness.study.analysis_page import comparison_markdown, diagnosis_markdown, one_analysis_markdown


def diagnose_runs(project: Project, paths: Sequence[Path]) -> dict[str, Json]:
    """The pipeline's diagnosis of the runs at ``paths``; raises HarnessError for what is no run."""
    return _ask(project, "analyze", paths)


def contrast_runs(project: Project, a: Path, b: Path) -> dict[str, Json]:
    """The pipeline's comparison of two runs."""
    return _ask(project, "contrast", a, b)


def _ask(project: Project, hook: str, *arguments: Any) -> dict[str, Json]:
    entry = getattr(project.pipeline, hook)
    if entry is None:
        raise ProjectError(f"pipeline {project.pipeline.name!r} cannot say this: give its adapter `{hook}`")
    try:
        return checked_answer(resolve(entry)(*arguments), hook)
    except StageError as error:  # it was asked in a process of its own
        raise HarnessError(f"{', '.join(map(str, _paths(arguments)))}: {error}") from error
    except HarnessError:
        raise
    except tuple(resolve(name) for name in project.pipeline.errors) as error:  # type: ignore[misc]
        raise HarnessError(str(error)) from error
    except Exception as error:  # the adapter is a stranger's code, and so are the runs it reads
        raise HarnessError(
            f"{', '.join(map(str, _paths(arguments)))}: the adapter's {hook} raised {sentence_of(error)}"
        ) from error


def _paths(arguments: Sequence[Any]) -> Iterator[Path]:
    for argument in arguments:
        yield from [argument] if isinstance(argument, Path) else argument


def is_sound(answer: Mapping[str, Json]) -> bool:
    """Whether no run of a diagnosis has a finding above "info"."""
    return not any(f["level"] != "info" for run in answer["runs"] for f in run["findings"])


def write_analysis(answer: Mapping[str, Json], folder: Path, name: str) -> Path:
    """Write an answer as ``name.json`` and ``name.md``, and each of its analyses as files of their own.

    With several runs each has a folder of its own. Returns the Markdown's path.
    """
    write_file(folder / f"{name}.json", dump_json(dict(answer)))
    runs = answer.get("runs", [])
    for place, run in zip(_places(runs, folder), runs, strict=True):
        for analysis in run["analyses"]:
            _write(analysis, place)
    for analysis in (*answer.get("together", ()), *answer.get("analyses", ())):
        _write(analysis, folder)
    body = diagnosis_markdown(answer) if runs else comparison_markdown(answer)
    write_file(folder / f"{name}.md", body.encode("utf-8", "replace"))
    return folder / f"{name}.md"


def _places(runs: Sequence[Mapping[str, Json]], folder: Path) -> list[Path]:
    """A folder for each run; of several that share a name the later ones are numbered."""
    if len(runs) == 1:
        return [folder]
    names = [re.sub(r"[^\w.-]|\.\.", "_", run["name"])[:100].strip(".") or "run" for run in runs]
    return [folder / (f"{n}-{names[:i].count(n) + 1}" if n in names[:i] else n) for i, n in enumerate(names)]


def _write(analysis: Mapping[str, Json], folder: Path) -> None:
    write_file(folder / f"{analysis['name']}.json", dump_json(analysis["figures"]))
    write_file(folder / f"{analysis['name']}.md", one_analysis_markdown(analysis).encode("utf-8", "replace"))
