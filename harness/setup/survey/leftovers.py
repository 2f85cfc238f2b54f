"""What a driver computes from results of its stages and no stage gives: it would be guarded by nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from harness.setup.survey.driver import Call, Driver
from harness.setup.survey.records import RecordClass

_COMPUTES = (ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp)
_WORDS = (ast.JoinedStr, ast.FormattedValue)
_SHOWS = {"print", "format", "join", "plot", "subplots", "figure", "open", "writer", "savefig", "dumps", "dump", "save"}


def dropped(driver: Driver, used: set[int], stage_of: dict[str, str]) -> Iterator[str]:
    """A sentence for each name that is set, or result that is returned, from results of stages and used by no stage.

    ``used``: the ids of the expressions in between that stages have; ``stage_of``: the stage of each call's target.
    """
    origin: dict[str, str] = {}
    left: dict[str, tuple[ast.expr, str]] = {}
    for step in driver.steps:
        if isinstance(step, Call):
            origin |= {target: stage_of[target] for target in step.targets if target in stage_of}
            continue
        name, expression = step
        stage = _origin(expression, origin)
        if stage:
            origin[name] = stage
        if stage and id(expression) not in used and _computes(expression) and not name.startswith("_"):
            left[name] = (expression, stage)
    inner = {name for expression, _ in left.values() for name in _names(expression)}
    for name, (_, stage) in left.items():
        if name not in inner:
            yield f"{driver.name} computes {name} after {stage}, and no stage gives it: let {stage} give it, too"
    for expression in driver.returned:
        for part in _parts(expression):
            stage = _origin(part, origin)
            if stage and _computes(part):
                words = ast.unparse(part)
                told = words if len(words) < 60 else f"{words[:57]}..."
                yield f"{driver.name} returns {told}, and no stage gives it: let {stage} give it, too"


def unkept(record: RecordClass, result: str) -> Iterator[str]:
    """A sentence for the properties of a stage's result, of which only the fields are kept."""
    names = [n.name for n in record.node.body if isinstance(n, ast.FunctionDef) and _is_property(n)]
    if names:
        are, them = ("is a property", "it") if len(names) == 1 else ("are properties", "them")
        example = f'{{**asdict({result}), "{names[0]}": {result}.{names[0]}}}'
        yield f"{', '.join(names)} of {record.node.name} {are}, and only fields are kept: give {them} too, as {example}"


def _is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(d).rpartition(".")[2] in ("property", "cached_property") for d in node.decorator_list)


def _origin(node: ast.AST, origin: dict[str, str]) -> str:
    """The last stage whose results an expression takes; empty where it takes none."""
    taken = {origin[name] for name in _names(node) if name in origin}
    return next((stage for stage in reversed([*dict.fromkeys(origin.values())]) if stage in taken), "")


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _computes(node: ast.AST) -> bool:
    """Whether an expression makes something new that is no picture, text or file."""
    if isinstance(node, _WORDS):
        return False
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in _SHOWS:
            return False
    return any(isinstance(part, _COMPUTES) for part in ast.walk(node))


def _parts(node: ast.expr) -> Sequence[ast.expr]:
    if isinstance(node, ast.Tuple | ast.List):
        return node.elts
    return node.values if isinstance(node, ast.Dict) else [node]
