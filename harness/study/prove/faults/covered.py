"""Which lines of the source some stage really runs: a copy of it is run once that says so of each statement.

A mistake in a line that nothing runs can move nothing, and need not be tried. What static search leads to is more:
every branch, and every reader of a format that no scenario has. Each statement of a function is preceded by a call that
writes its line to the process's standard error, once; what stands outside of functions always counts as run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

_MARK = "harness-ran"
_SEEN = re.compile(rf"{_MARK} (\S+) (\d+)\n".encode())
_HELPER = """
def _harness_ran(line, name={name!r}, seen={{-1}}):
    if line not in seen:
        seen.add(line)
        import os
        os.write(2, f"{mark} {{name}} {{line}}\\n".encode())
"""


def instrumented(content: bytes, name: str) -> bytes:
    """The source of a file that tells which statements it runs; ``name`` has no blank. Raises SyntaxError."""
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inner in _bodies(node):
                inner[:] = _told(inner)
    helper = ast.parse(_HELPER.format(name=name, mark=_MARK)).body
    start = next((i for i, node in enumerate(tree.body) if not _comes_first(node)), len(tree.body))
    tree.body[start:start] = helper
    return ast.unparse(ast.fix_missing_locations(tree)).encode("utf-8", "surrogatepass")


def lines_that_ran(log: bytes) -> dict[str, set[int]]:
    """By file, the lines that processes said they ran."""
    found: dict[str, set[int]] = {}
    for name, line in _SEEN.findall(log):
        found.setdefault(name.decode(), set()).add(int(line))
    return found


def told_lines(statement: ast.AST, content: bytes) -> set[tuple[str, int]]:
    """The file and the lines that a part of an instrumented file, which holds ``content``, tells when it runs."""
    helper = re.search(rb"def _harness_ran\(line, name='([^']*)'", content)
    if helper is None:
        return set()
    calls = (node for node in ast.walk(statement) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    lines = (call.args[0] for call in calls if call.func.id == "_harness_ran")  # type: ignore[attr-defined]
    return {(helper[1].decode(), int(line.value)) for line in lines if isinstance(line, ast.Constant)}  # type: ignore[arg-type]


def idle_lines(content: bytes, ran: set[int]) -> set[int]:
    """The lines of statements in functions that nothing ran; of nested statements, the innermost decides."""
    idle: set[int] = set()
    busy: set[int] = set()

    def look(statements: Sequence[ast.stmt], inside: bool) -> None:
        for node in statements:
            blocks = list(_blocks(node))
            if inside and not _is_docstring(node):
                own = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
                own -= {n for block in blocks for s in block for n in range(s.lineno, (s.end_lineno or s.lineno) + 1)}
                (busy if _mark_of(node) in ran or _mark_of(node) is None else idle).update(own)
            for block in blocks:
                look(block, inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    look(ast.parse(content).body, False)
    return idle - busy


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    """The statements within a statement, block by block."""
    found: list[list[ast.stmt]] = []
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            found.append(block)
    for name in ("handlers", "cases"):
        for part in getattr(node, name, []):
            found.append(part.body)
    return found


def _bodies(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[list[ast.stmt]]:
    """Every block of a function, but for those of functions and classes within it."""
    found, todo = [], [function.body]
    while todo:
        block = todo.pop()
        found.append(block)
        for node in block:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                todo += _blocks(node)
    return found


def _told(block: Sequence[ast.stmt]) -> list[ast.stmt]:
    told: list[ast.stmt] = []
    for i, node in enumerate(block):
        if not (i == 0 and _is_docstring(node)) and (line := _mark_of(node)) is not None:
            told.append(ast.Expr(ast.Call(ast.Name("_harness_ran", ast.Load()), [ast.Constant(line)], [])))
        told.append(node)
    return told


def _mark_of(node: ast.stmt) -> int | None:
    """The line by which a statement is known; None for a definition within a function, which counts as run."""
    return None if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else node.lineno


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _comes_first(node: ast.stmt) -> bool:
    return _is_docstring(node) or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
