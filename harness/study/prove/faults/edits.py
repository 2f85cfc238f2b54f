"""Mistakes that people make in numerical source: for a node of its syntax, what could stand there by mistake."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

_FACTOR = 1.01
_DROPPED = {"conj": "conjugate", "conjugate": "conjugate", "fftshift": "shift", "ifftshift": "shift", "sqrt": "root"}
_MEANS = {"mean": "median", "median": "mean", "nanmean": "nanmedian", "nanmedian": "nanmean"}
_LIBRARIES = {"np", "numpy", "jnp", "xp", "cp", "da", "ops", "torch", "statistics"}
_COMPARED: dict[type[cst.BaseCompOp], type[cst.BaseCompOp]] = {
    cst.LessThan: cst.LessThanEqual,
    cst.LessThanEqual: cst.LessThan,
    cst.GreaterThan: cst.GreaterThanEqual,
    cst.GreaterThanEqual: cst.GreaterThan,
}
_SEEDED = {"default_rng", "RandomState", "seed", "SeedSequence", "PRNGKey", "manual_seed", "set_seed"}
_SEED_NAMES = {"seed", "random_state", "rng_seed"}
_AXES = {0: "1", 1: "0", -1: "-2", -2: "-1"}
_ALIKE = 0.5  # of the ratio of two names


@dataclass(frozen=True)
class Edit:
    """What would stand in place of a node."""

    operator: str
    node: cst.CSTNode
    by: cst.CSTNode


def edits_of(node: cst.CSTNode, parents: Sequence[cst.CSTNode]) -> Iterator[Edit]:
    """The mistakes that can be made at a node; ``parents``: what it stands in, the nearest last."""
    for kind, make in _MAKERS:
        if isinstance(node, kind):
            yield from make(node, parents)


def _floats(node: cst.Float, parents: Sequence[cst.CSTNode]) -> Iterator[Edit]:
    value = float(node.evaluated_value)
    moved = repr(value * _FACTOR) if value else "0.01"
    if "inf" not in moved:
        yield Edit("constant", node, cst.Float(moved))


def _integers(node: cst.Integer, parents: Sequence[cst.CSTNode]) -> Iterator[Edit]:
    value = int(node.evaluated_value)
    if _is_axis(parents) or value > 2**53:
        return
    yield Edit("limit" if _is_limit(parents) else "integer", node, cst.Integer(str(value + 1)))
    if _is_limit(parents) and value > 0:
        yield Edit("limit", node, cst.Integer(str(value - 1)))


def _is_axis(parents: Sequence[cst.CSTNode]) -> bool:
    """Whether a number stands in an argument for an axis, or for several."""
    for parent in reversed(parents):
        if isinstance(parent, cst.Arg):
            return parent.keyword is not None and parent.keyword.value in ("axis", "dim", "axes")
        if isinstance(parent, cst.Call | cst.BaseStatement):
            return False
    return False


def _is_limit(parents: Sequence[cst.CSTNode]) -> bool:
    """Whether an integer stands in a range, a slice or an index."""
    for parent in reversed(parents):
        if isinstance(parent, cst.Slice | cst.Index):
            return True
        if isinstance(parent, cst.Call):
            return _called(parent) in ("range", "arange", "linspace", "islice")
        if isinstance(parent, cst.BaseStatement | cst.Subscript):
            return False
    return False


def _called(call: cst.Call) -> str:
    """The last part of the name of what is called."""
    if isinstance(call.func, cst.Attribute):
        return call.func.attr.value
    return call.func.value if isinstance(call.func, cst.Name) else ""


def _calls(node: cst.Call, parents: Sequence[cst.CSTNode]) -> Iterator[Edit]:
    name, plain = _called(node), [a for a in node.args if a.keyword is None and not a.star]
    if name in _DROPPED:
        inner = plain[0].value if plain else node.func.value if isinstance(node.func, cst.Attribute) else None
        if inner is not None and isinstance(inner, cst.BaseExpression):
            yield Edit(_DROPPED[name], node, _wrapped(inner))
    if name in _MEANS and _of_a_library(node.func):
        other = cst.Name(_MEANS[name])
        func = node.func.with_changes(attr=other) if isinstance(node.func, cst.Attribute) else other
        yield Edit("mean", node, node.with_changes(func=func))
    for i, (a, b) in enumerate(zip(node.args, node.args[1:], strict=False)):
        if _alike(a, b):
            args = [*node.args]
            args[i], args[i + 1] = a.with_changes(value=b.value), b.with_changes(value=a.value)
            yield Edit("arguments", node, node.with_changes(args=args))
    for i, arg in enumerate(node.args):
        named = arg.keyword is not None and arg.keyword.value in _SEED_NAMES
        first = i == 0 and arg.keyword is None and not arg.star and name in _SEEDED
        if (named or first) and not isinstance(arg.value, cst.Integer):
            args = [*node.args]
            args[i] = arg.with_changes(value=cst.Integer("0"))
            yield Edit("seed", node, node.with_changes(args=args))
        if arg.keyword is not None and arg.keyword.value in ("axis", "dim") and (axis := _integer(arg.value)) in _AXES:
            args = [*node.args]
            args[i] = arg.with_changes(value=cst.parse_expression(_AXES[axis]))
            yield Edit("axis", node, node.with_changes(args=args))


def _of_a_library(func: cst.BaseExpression) -> bool:
    """Whether it is a function of a library's: of a mean, an array has a method, and of a median most have none."""
    return isinstance(func, cst.Name) or (isinstance(func.value, cst.Name) and func.value.value in _LIBRARIES)


def _wrapped(inner: cst.BaseExpression) -> cst.BaseExpression:
    simple = isinstance(inner, cst.Name | cst.Attribute | cst.Call | cst.Subscript | cst.Float | cst.Integer)
    if simple or getattr(inner, "lpar", None):
        return inner
    return inner.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _integer(node: cst.BaseExpression) -> int:
    """The value of an integer; one that is no axis for anything else."""
    if isinstance(node, cst.Integer):
        return int(node.evaluated_value)
    minus = isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus)
    return -int(node.expression.evaluated_value) if minus and isinstance(node.expression, cst.Integer) else 99


def _alike(a: cst.Arg, b: cst.Arg) -> bool:
    """Whether two arguments by place have names that are easily taken for one another."""
    if a.keyword or b.keyword or a.star or b.star:
        return False
    if not (isinstance(a.value, cst.Name) and isinstance(b.value, cst.Name)) or a.value.value == b.value.value:
        return False
    one, other = a.value.value, b.value.value
    single = len(one) == len(other) == 1
    shared = {*one.split("_")} & {*other.split("_")}
    return single or bool(shared) or difflib.SequenceMatcher(None, one, other).ratio() >= _ALIKE


def _binary(node: cst.BinaryOperation, parents: Sequence[cst.CSTNode]) -> Iterator[Edit]:
    texts = isinstance(node.left, cst.SimpleString | cst.FormattedString | cst.List | cst.Tuple)
    if isinstance(node.operator, cst.Add | cst.Subtract) and not texts:
        kind = cst.Subtract if isinstance(node.operator, cst.Add) else cst.Add
        yield Edit("sign", node, node.with_changes(operator=_spaced(kind, node.operator)))


def _unary(node: cst.UnaryOperation, parents: Sequence[cst.CSTNode]) -> Iterator[Edit]:
    if isinstance(node.operator, cst.Minus) and not _is_axis((*parents, node)):
        yield Edit("sign", node, _wrapped(node.expression))


def _augmented(node: cst.AugAssign, parents: Sequence[cst.CSTNode]) -> Iterator[Edit]:
    if isinstance(node.operator, cst.AddAssign | cst.SubtractAssign):
        kind = cst.SubtractAssign if isinstance(node.operator, cst.AddAssign) else cst.AddAssign
        yield Edit("sign", node, node.with_changes(operator=_spaced(kind, node.operator)))


def _comparison(node: cst.Comparison, parents: Sequence[cst.CSTNode]) -> Iterator[Edit]:
    for i, target in enumerate(node.comparisons):
        if kind := _COMPARED.get(type(target.operator)):
            comparisons = [*node.comparisons]
            comparisons[i] = target.with_changes(operator=_spaced(kind, target.operator))
            yield Edit("comparison", node, node.with_changes(comparisons=comparisons))


def _spaced(kind: Callable[..., cst.CSTNode], like: cst.CSTNode) -> cst.CSTNode:
    """An operator with the spaces of another."""
    return kind(whitespace_before=like.whitespace_before, whitespace_after=like.whitespace_after)


_MAKERS: tuple[tuple[type[cst.CSTNode], Callable[..., Iterator[Edit]]], ...] = (
    (cst.Float, _floats),
    (cst.Integer, _integers),
    (cst.Call, _calls),
    (cst.BinaryOperation, _binary),
    (cst.UnaryOperation, _unary),
    (cst.AugAssign, _augmented),
    (cst.Comparison, _comparison),
)
