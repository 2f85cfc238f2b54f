"""What a command line gives where nobody writes an option: defaults as argparse converts them, and tests of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.core.adapters.literals import UNKNOWN, declared_options, literal_of
from harness.core.adapters.settings_files import SETTINGS_SUFFIXES
from harness.setup.survey.code import Code

if TYPE_CHECKING:
    from harness.setup.survey.given.items import Values

_PARSE = ("parse_args", "parse_known_args", "parse_intermixed_args")


def options_at(code: Code, driver: str, node: ast.expr) -> tuple[bool, dict[str, ast.expr] | None]:
    """Whether a call parses a command line, and its defaults: beside it, or in the function for that.

    None where they are not what is parsed; a positional argument is left out, as nothing tells what it is.
    """
    if not isinstance(node, ast.Call):
        return False, None
    function = code.function(node.func)
    parses = isinstance(node.func, ast.Attribute) and node.func.attr in _PARSE
    if not parses and (function is None or not any(f".{name}(" in ast.unparse(function.node) for name in _PARSE)):
        return False, None
    home = function or code.functions.get(driver)
    code = function.code if function else code
    body: ast.AST = home.node if home else ast.Module(code.guarded or code.tree.body, [])
    declared = dict(_declared(body)) or dict(_declared(code.tree))
    for call in (part for part in ast.walk(body) if isinstance(part, ast.Call)):
        named = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if named == "set_defaults":
            declared |= {k.arg: k.value for k in call.keywords if k.arg}
        elif named in _PARSE and call.args and not _is_argv(call.args[0]):
            return True, None  # the words that are parsed are others than the command line's
    for name in _unset(body):
        if name not in declared and (path := settings_named(code)):
            declared[name] = ast.Constant(path)
    kinds = _kinds(code.tree)
    return True, {name: _converted(value, kinds.get(name, "")) for name, value in declared.items()}


def settings_named(code: Code) -> str:
    """The one file of settings that the text at the top of a module, as its usage, names."""
    words = (ast.get_docstring(code.tree) or "").replace("`", " ").split()
    names = {w.strip(".,;:()[]'\"") for w in words if w.strip(".,;:()[]'\"").endswith(SETTINGS_SUFFIXES)}
    found = [name for name in sorted(names) if (code.library.root / name).is_file()]
    return found[0] if len(found) == 1 else ""


def _unset(tree: ast.AST) -> Iterator[str]:
    """The arguments that have to be given by place."""
    for call in (part for part in ast.walk(tree) if isinstance(part, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument" and call.args:
            name = call.args[0].value if isinstance(call.args[0], ast.Constant) else ""
            if isinstance(name, str) and name and not name.startswith("-"):
                yield name


def _declared(tree: ast.AST) -> dict[str, ast.expr]:
    """The options and their defaults; one that has none is None."""
    found: dict[str, ast.expr] = {}
    for call in (part for part in ast.walk(tree) if isinstance(part, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
            names = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            given = {k.arg for k in call.keywords}
            if names and names[0].startswith("-") and not given & {"default", "required", "action"}:
                call = ast.Call(call.func, call.args, [*call.keywords, ast.keyword("default", ast.Constant(None))])
        found |= declared_options(ast.Expr(call))
    return found


def _is_argv(node: ast.expr) -> bool:
    nothing = (isinstance(node, ast.Constant) and node.value is None) or (isinstance(node, ast.List) and not node.elts)
    return nothing or isinstance(node, ast.Name | ast.Subscript | ast.Attribute)


def _kinds(tree: ast.AST) -> dict[str, str]:
    """The types of options, by their names."""
    found: dict[str, str] = {}
    for call in (part for part in ast.walk(tree) if isinstance(part, ast.Call)):
        kind = next((k.value for k in call.keywords if k.arg == "type"), None)
        if kind is not None and isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
            given = ast.Call(call.func, call.args, [*call.keywords, ast.keyword("default", ast.Constant(None))])
            found |= dict.fromkeys(declared_options(ast.Expr(given)), ast.unparse(kind))
    return found


def _converted(node: ast.expr, kind: str) -> ast.expr:
    """A default that is a text, as argparse converts it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and kind in ("int", "float"):
        try:
            return ast.Constant(int(node.value) if kind == "int" else float(node.value))
        except ValueError:
            return node
    return node


def statically_false(test: ast.expr, values: Values) -> bool:
    """Whether a test does not hold where nobody writes an option."""
    found = _truth(test, values)
    return found is not UNKNOWN and not found


def _truth(test: ast.expr, values: Values) -> Any:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _truth(test.operand, values)
        return UNKNOWN if inner is UNKNOWN else not inner
    if isinstance(test, ast.BoolOp):
        parts = [_truth(part, values) for part in test.values]
        if isinstance(test.op, ast.And) and any(p is not UNKNOWN and not p for p in parts):
            return False
        return UNKNOWN if UNKNOWN in parts else parts[-1] and all(parts) if isinstance(test.op, ast.And) else any(parts)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(test.ops[0], _value(test.left, values), _value(test.comparators[0], values))
    return _value(test, values)


def _compared(operator: ast.cmpop, left: Any, right: Any) -> Any:
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    if isinstance(operator, ast.Is | ast.Eq):
        return left is right if right is None or left is None else left == right
    if isinstance(operator, ast.IsNot | ast.NotEq):
        return left is not right if right is None or left is None else left != right
    try:
        if isinstance(operator, ast.Gt | ast.GtE):
            return left > right or (isinstance(operator, ast.GtE) and left == right)
        if isinstance(operator, ast.Lt | ast.LtE):
            return left < right or (isinstance(operator, ast.LtE) and left == right)
    except TypeError:
        pass
    return UNKNOWN


def _value(node: ast.expr, values: Values) -> Any:
    if ast.unparse(node) == "len(sys.argv)":
        return 1
    return literal_of(node, values.meaning)
