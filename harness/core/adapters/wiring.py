"""What a program does between the functions that are its stages, told from its source as data that can have a golden.

An adapter calls the functions as the program does, so that the program's own calls are guarded by nothing else.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from harness.core.adapters.literals import UNKNOWN, declared_options, literal_of, set_once
from harness.core.errors import ProjectError
from harness.core.protocol import Json

_LONGEST = 160  # of a step that is told as text
_SAME_TEXT = (  # what every Python writes alike
    *(ast.Call, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Constant, ast.keyword, ast.BinOp, ast.UnaryOp),
    *(ast.Compare, ast.List, ast.Dict, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop),
)
_NOT_TOLD = (ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal)
_UNWRITTEN = {"ctx", "kind", "type_comment", "annotation", "returns", "type_params"}
_LOGS = {"log", "logger", "logging", "LOG", "LOGGER", "warnings"}


def options_of(path: str) -> dict[str, Json]:
    """The defaults of the command line that the file at ``path`` declares with ``add_argument``, by their names.

    ``path`` is as of ``steps_of``. Names that the file sets are followed; what is no literal then is told as its text.
    """
    tree = _parsed(path)
    lookup = set_once(tree)
    values = {name: (node, literal_of(node, lookup)) for name, node in declared_options(tree).items()}
    return {n: _data(value) if value is not UNKNOWN else ast.unparse(node) for n, (node, value) in values.items()}


def steps_of(path: str, function: str = "", by: str = "names") -> dict[str, str]:
    """The statements of a function in the file at ``path``, by the names that they set; of the file without one.

    ``path`` leads to the file from the repository's top on, without ``.py``; the stage declares it in its ``files``.
    Each step is text, or a digest where it is long. Comments, docstrings, layout, annotations and what is only printed
    or logged do not count. A name that is set again is ``name_2``, and a step says which of them it takes. With ``by``
    as ``"calls"`` a step has the name of what it calls, and local names are told by the step that sets them, so that
    another name of one changes nothing. Raises ProjectError where the file or the function is not there.
    """
    tree = _parsed(path)
    teller = _Teller(by == "calls")
    if function:
        found = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == function]
        if not found:
            raise ProjectError(f"{path} has no function {function} any more: name the one that calls the stages")
        teller.parameters(found[-1])
        teller.body(found[-1].body)
    else:
        tests = [n for n in tree.body if isinstance(n, ast.If) and "__name__" in ast.dump(n.test)]
        teller.body([s for test in tests for s in test.body] or tree.body)
    return teller.steps


def _parsed(path: str) -> ast.Module:
    """The file, which may be named without its suffix: as text that names own code, a path would lead to that code."""
    path = path if path.endswith(".py") else f"{path}.py"
    try:
        return ast.parse(Path(path).read_bytes(), path)
    except (OSError, SyntaxError, ValueError) as error:
        raise ProjectError(f"{path}, which the adapter names, cannot be read as Python: {error}") from error


class _Teller:
    """Names each statement, and writes into each which setting of a name it takes."""

    def __init__(self, by_calls: bool = False) -> None:
        self.by_calls = by_calls
        self.local: dict[str, str] = {}  # what stands for a local name, by calls
        self.steps: dict[str, str] = {}
        self.written: Counter[str] = Counter()  # how often a name was set up to here
        self.again: set[str] = set()  # the names of this body that are set somewhere

    def parameters(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Decorators, which may declare options, and the defaults of parameters."""
        for decorator in node.decorator_list:
            self._tell(f"@{_called(decorator)}", decorator)
        positional = [*node.args.posonlyargs, *node.args.args]
        given = [*zip(positional[len(positional) - len(node.args.defaults) :], node.args.defaults, strict=True)]
        given += [(p, d) for p, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None]
        for parameter, default in given:
            self._tell(parameter.arg, default)

    def body(self, statements: Sequence[ast.stmt]) -> None:
        """Some statements, in order."""
        self.again |= {name for s in statements for name in _stored(s)}
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, _NOT_TOLD) or (isinstance(node, ast.Expr) and _is_only_said(node.value, self.again)):
            return
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                target = item.optional_vars
                self._tell(ast.unparse(target) if target else "with", item.context_expr)
                self.written.update(_stored(target) if target else ())
            self.body(node.body)
        elif isinstance(node, ast.Try):
            for part in (node.body, *(h.body for h in node.handlers), node.orelse, node.finalbody):
                self.body(part)
        elif isinstance(node, ast.Assign):
            self._tell(", ".join(_names(t) for t in node.targets), node.value, node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self._tell(_names(node.target), node.value, node)
        elif isinstance(node, ast.Return):
            self._tell("return", node.value or ast.Constant(None))
        elif isinstance(node, ast.Expr):
            self._tell(_called(node.value), node.value)
        else:
            stored = sorted({*_stored(node)})
            self._tell(", ".join(stored) or type(node).__name__.lower(), node, node)

    def _tell(self, name: str, value: ast.AST, sets: ast.stmt | None = None) -> None:
        if self.by_calls:
            name, taken = self._by_calls(name, copy.deepcopy(value), sets)
        else:
            taken = _Versions(self).visit(copy.deepcopy(value))
        name = name.replace("/", "|")
        key, number = name, 2
        while key in self.steps:
            key, number = f"{name}_{number}", number + 1
        self.steps[key] = _text(taken)
        self.written.update(set(_stored(sets)) if sets is not None else ())
        if self.by_calls and sets is not None:
            order = dict.fromkeys(_stored(sets))
            alone = len(order) == 1
            self.local |= {n: f"<{key}>" if alone else f"<{key} {i}>" for i, n in enumerate(order, 1)}

    def _by_calls(self, name: str, value: ast.AST, sets: ast.stmt | None) -> tuple[str, ast.AST]:
        """A step under what it calls, or what it is, with local names as what they stand for."""
        inner = dict.fromkeys([*_stored(value), *(part.arg for part in ast.walk(value) if isinstance(part, ast.arg))])
        local = {n: f"<{i}>" for i, n in enumerate(inner, 1)} | self.local
        if isinstance(sets, ast.Assign | ast.AnnAssign):
            targets = sets.targets if isinstance(sets, ast.Assign) else [sets.target]
            held = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.expr)]
            into = [part for part in held if isinstance(part, ast.Subscript | ast.Attribute)]
            if into:  # an item or an attribute, which keeps its name
                value = ast.Tuple([value, *map(copy.deepcopy, into)], ast.Load())  # type: ignore[list-item]
            calls = isinstance(value, ast.Call | ast.Await)
            name = _of_no_local(_called(value), local) if calls else "expression"  # type: ignore[arg-type]
        elif sets is not None:
            name = type(sets).__name__.lower()
        elif name in self.again:  # of a `with`
            self.local[name] = f"<with {sum(key.startswith('with') for key in self.steps) + 1}>"
            name = "with"
        else:
            name = _of_no_local(name, local)
        return name, _Locals(local).visit(value)


def _of_no_local(name: str, local: Container[str]) -> str:
    """What is called, without the local name that it is called of."""
    root, _, rest = name.partition(".")
    return rest if rest and root in local else name


class _Locals(ast.NodeTransformer):
    """Writes what stands for local names."""

    def __init__(self, local: Mapping[str, str]) -> None:
        self.local = local

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A local name as the step that sets it."""
        node.id = self.local.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """A parameter of a function within."""
        node.arg = self.local.get(node.arg, node.arg)
        return node


class _Versions(ast.NodeTransformer):
    """Writes into names that are set more than once which of their settings is taken."""

    def __init__(self, teller: _Teller) -> None:
        self.teller = teller

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A name as the one that was set last, where that is not the first."""
        times = self.teller.written[node.id]
        if isinstance(node.ctx, ast.Load) and node.id in self.teller.again and times != 1:
            node.id = f"{node.id}_{times}"
        return node


def _is_only_said(node: ast.expr, local: Container[str]) -> bool:
    """Whether an expression is a docstring, declares an option, or shows what other steps made: ``local`` names."""
    if isinstance(node, ast.Constant):
        return True
    if not isinstance(node, ast.Call):
        return False
    named = _called(node).split(".")
    says = named == ["print"] or named[0] in _LOGS
    parts = (part.func for part in ast.walk(node) if isinstance(part, ast.Call) and part is not node)
    roots = (_called(part).split(".")[0] for part in parts)
    calls = any(root not in dir(builtins) and root not in local for root in roots)
    return named[-1] == "add_argument" or (says and not calls)


def _called(node: ast.expr) -> str:
    """What is called, as a name with dots."""
    while isinstance(node, ast.Call | ast.Await):
        node = node.func if isinstance(node, ast.Call) else node.value
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (
        ".".join([*([node.id] if isinstance(node, ast.Name) else []), *reversed(parts)]) or type(node).__name__.lower()
    )


def _names(target: ast.expr) -> str:
    """What is set, as it is written."""
    items = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    return ", ".join(ast.unparse(item) for item in items)


def _stored(node: ast.AST) -> Iterator[str]:
    """The names that a statement sets."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.expr) and all(isinstance(part, _SAME_TEXT) for part in ast.walk(node)):
        words = ast.unparse(node)
        if len(words) <= _LONGEST:
            return words
    return f"source {sha256(_canonical(node).encode()).hexdigest()[:16]}"


def _canonical(node: object) -> str:
    """A tree as text that layout and Python's version leave alone."""
    if isinstance(node, ast.AST):
        named = ((f, getattr(node, f, None)) for f in sorted(node._fields) if f not in _UNWRITTEN)
        return f"{type(node).__name__}({','.join(f'{f}={_canonical(v)}' for f, v in named if v not in (None, []))})"
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    return repr(node)


def _data(value: object) -> Json:
    """A literal as JSON has it."""
    if isinstance(value, list | tuple):
        return [_data(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) and key for key in value):
        return {key: _data(item) for key, item in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
