"""What passes between somebody's functions that is no data, and which files they read."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np

from harness.setup.survey.code import Code, Function, own_nodes
from harness.setup.survey.driver import Driver
from harness.setup.survey.given.paths import file_meant

_OF_DATA = {*dir(np.ndarray), *dir(dict), *dir(list), *dir(str), *dir(float)}


_PATHS = (ast.Constant, ast.Name, ast.Attribute, ast.BinOp, ast.JoinedStr, ast.Call)


class ObjectFinder:
    """Finds names of a driver whose values have attributes that no array, table or number has."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def used_as_object(self, name: str) -> str:
        """How a value is used as an object, such as ``evaluate calls model.predict``; empty where it is not."""
        for node in (*self.driver.between.values(), *(call.node for call in self.driver.calls)):
            for part in ast.walk(node):
                of_it = isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == name
                if of_it and isinstance(part, ast.Attribute) and part.attr not in _OF_DATA:
                    return f"{self.driver.name or self.driver.code.name} takes {name}.{part.attr}"
        for call in self.driver.calls:
            parameters = [p.arg for p in call.function.parameters]
            pairs = [*zip(parameters, call.node.args, strict=False), *((k.arg, k.value) for k in call.node.keywords)]
            for parameter, value in pairs:
                given = isinstance(value, ast.Name) and value.id == name and parameter
                if given and (attribute := _foreign_attribute(call.function, parameter or "", set())):
                    return f"{call.function.name} takes {parameter}.{attribute}"
        return ""


def _foreign_attribute(function: Function, parameter: str, seen: set[str]) -> str:
    """The first attribute that ``function``, or what it hands the parameter to, takes and data do not have."""
    if function.name in seen:
        return ""
    seen.add(function.name)
    for node in own_nodes(function.node):
        of_it = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == parameter
        if of_it and isinstance(node, ast.Attribute) and node.attr not in _OF_DATA:
            return node.attr
        if isinstance(node, ast.Call) and (inner := function.code.function(node.func)):
            for name, value in zip([p.arg for p in inner.parameters], node.args, strict=False):
                handed_on = isinstance(value, ast.Name) and value.id == parameter
                if handed_on and (found := _foreign_attribute(inner, name, seen)):
                    return found
    return ""


def files_named(root: Path, code: Code, node: ast.AST) -> tuple[str, ...]:
    """The files of the repository that some source, or a function that it calls, names in its text."""
    found: dict[str, bool] = {}
    todo, seen = [(code, node)], {id(node)}
    while todo:
        home, current = todo.pop()
        for part in ast.walk(current):
            if isinstance(part, _PATHS) and (path := file_meant(home, part)):
                found[path] = True
            inner = home.function(part.func) if isinstance(part, ast.Call) else None
            if inner and id(inner.node) not in seen:
                seen.add(id(inner.node))
                todo.append((inner.code, inner.node))
    return tuple(found)


def files_read_on_import(root: Path, code: Code) -> tuple[str, ...]:
    """The files of the repository that a module names where it calls something at its top."""
    called = [node for node in code.assigned.values() if any(isinstance(part, ast.Call) for part in ast.walk(node))]
    return tuple(dict.fromkeys(name for node in called for name in files_named(root, code, node)))


def is_file(root: Path, words: str) -> bool:
    """Whether a text names a file of data in the repository."""
    if not 2 < len(words) < 200 or not words.isprintable() or words.endswith(".py"):
        return False
    try:
        return (root / words).is_file()
    except (OSError, ValueError):
        return False
