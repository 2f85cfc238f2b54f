"""Faults in the source: every edit that libcst finds in what the stages run, as a replacement of bytes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError, ProjectError
from harness.core.files import sha256
from harness.core.protocol import Json
from harness.study.prove.faults.mutant import Mutant
from harness.study.prove.faults.reached import Span

_LONGEST = 60  # characters of code that a change shows


def source_mutants(root: Path, reached: Mapping[Path, Sequence[Span]]) -> Iterator[Mutant]:
    """Every fault of the source below ``root`` that lies in what is reached; raises ProjectError without libcst."""
    for path in sorted(reached):
        if path.is_relative_to(root):
            yield from _of_file(path, path.relative_to(root).as_posix(), reached[path])


def _of_file(path: Path, name: str, spans: Sequence[Span]) -> Iterator[Mutant]:
    content = path.read_bytes()
    before = ast.dump(ast.parse(content))
    for operator, line, start, end, new in _sites(content, spans):
        whole = content[:start] + new.encode() + content[end:]
        try:
            if ast.dump(ast.parse(whole)) == before:
                continue
        except (SyntaxError, ValueError):  # such as an operator within a format that cannot stand there
            continue
        inside = [span for span in spans if span.first <= line <= span.last]
        stages = tuple(dict.fromkeys(stage for span in inside for stage in span.stages))
        old = content[start:end].decode()
        data: dict[str, Json] = {"file": name, "start": start, "end": end, "new": new, "was": sha256(content)}
        yield Mutant("source", operator, stages, f"{name}:{line}", f"{_brief(old)} -> {_brief(new)}", data=data)


def mutated_content(mutant: Mutant, content: bytes) -> bytes:
    """A file with the fault; raises HarnessError where it is not the file that the fault was made for."""
    if sha256(content) != mutant.data["was"]:
        raise HarnessError(f"{mutant.data['file']} was edited meanwhile: run `harness prove` again")
    return content[: mutant.data["start"]] + mutant.data["new"].encode() + content[mutant.data["end"] :]


def _brief(code: str) -> str:
    line = " ".join(code.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _sites(content: bytes, spans: Sequence[Span]) -> list[tuple[str, int, int, int, str]]:
    """Operator, line, first and last byte, and new text of every edit within the spans."""
    try:
        import libcst as cst
        from libcst import metadata
    except ImportError as error:
        raise ProjectError(
            "faults of the source need libcst, which is not installed: `python -m pip install libcst`, "
            "or leave them out with --kind output --kind setting --kind configuration"
        ) from error
    from harness.study.prove.faults.edits import edits_of

    try:
        wrapper = metadata.MetadataWrapper(cst.parse_module(content), unsafe_skip_copy=True)
    except cst.ParserSyntaxError:  # a syntax that this libcst does not know: the file has no mutants
        return []
    places = wrapper.resolve(metadata.PositionProvider)
    bytes_of = wrapper.resolve(metadata.ByteSpanPositionProvider)
    found: list[tuple[str, int, int, int, str]] = []

    class Walk(cst.CSTVisitor):
        def __init__(self) -> None:
            super().__init__()
            self.parents: list[cst.CSTNode] = []

        def on_visit(self, node: cst.CSTNode) -> bool:
            if isinstance(node, cst.Annotation | cst.Raise | cst.Decorator | cst.FormattedString | cst.Assert):
                return False  # what is no number of the pipeline
            for edit in edits_of(node, self.parents):
                line = places[edit.node].start.line
                if any(span.first <= line <= span.last for span in spans):
                    span = bytes_of[edit.node]
                    new = wrapper.module.code_for_node(edit.by)
                    found.append((edit.operator, line, *_edges(span), new))
            self.parents.append(node)
            return True

        def on_leave(self, original_node: cst.CSTNode) -> None:
            if self.parents and self.parents[-1] is original_node:
                self.parents.pop()

    wrapper.module.visit(Walk())
    return found


def _edges(span: Any) -> tuple[int, int]:
    return span.start, span.start + span.length
