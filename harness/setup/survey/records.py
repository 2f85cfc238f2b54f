"""Own classes that only hold named values: settings that functions are given, and results that they give."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from harness.setup.survey.code import Code, Function


@dataclass(frozen=True)
class RecordClass:
    """A dataclass or a named tuple at the top of an own module."""

    code: Code
    node: ast.ClassDef

    @property
    def fields(self) -> dict[str, ast.expr | None]:
        """Its fields and their defaults."""
        named = (n for n in self.node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name))
        return {n.target.id: n.value for n in named if isinstance(n.target, ast.Name)}

    @property
    def is_tuple(self) -> bool:
        """Whether it is a named tuple."""
        return any(_last(base) == "NamedTuple" for base in self.node.bases)

    def function(self, name: str) -> Function | None:
        """A method or a property of it."""
        found = (n for n in self.node.body if isinstance(n, ast.FunctionDef) and n.name == name)
        return next((Function(self.code, node) for node in found), None)

    def made_whole(self) -> bool:
        """Whether every field has a default, so that some of them make one."""
        return None not in self.fields.values()

    def is_flat(self) -> bool:
        """Whether no field is a record itself, which its values would have to be built into."""
        kinds = (n.annotation for n in self.node.body if isinstance(n, ast.AnnAssign))
        return not any(record_of(self.code, part) for kind in kinds for part in ast.walk(kind))


def record_of(code: Code, node: ast.AST | None) -> RecordClass | None:
    """The record that an expression, or an annotation that is quoted, means."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
        node = ast.Name(node.value)
    found = code.dotted(node) if node is not None else None
    made = found[0].classes.get(found[1]) if found else None
    if found is None or made is None:
        return None
    decorators = (_last(d.func if isinstance(d, ast.Call) else d) for d in made.decorator_list)
    record = RecordClass(found[0], made)
    return record if "dataclass" in decorators or record.is_tuple else None


def made_record(code: Code, node: ast.expr | None) -> RecordClass | None:
    """The record that a call makes."""
    return record_of(code, node.func) if isinstance(node, ast.Call) else None


def returned_record(function: Function) -> RecordClass | None:
    """The record that a function returns: as it is annotated, or as its last statement makes it."""
    returned = function.returned()
    return record_of(function.code, function.node.returns) or made_record(
        function.code, returned[-1] if returned else None
    )


def _last(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
