"""What passes between somebody's functions that is no data, and which files they read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness.setup.survey.code import Code, Function, own_nodes
from harness.setup.survey.driver import Driver
from harness.setup.survey.given.paths import file_meant

_OF_DATA = {*dir(np.ndarray), *dir(dict), *dir(list), *dir(str), *dir(float)}


_OF_TABLES = {  # of pandas, and hardly of anything else
    *("groupby", "merge", "iterrows", "itertuples", "iloc", "loc", "set_index", "reset_index", "sort_values", "dropna"),
    *("fillna", "drop_duplicates", "value_counts", "pivot", "pivot_table", "to_csv", "to_numpy", "melt", "rolling"),
    *("resample", "isin", "to_frame", "sort_index", "reindex", "nlargest", "nsmallest", "set_axis", "ffill", "bfill"),
    *("duplicated", "iat", "to_parquet", "select_dtypes", "isna", "notna", "interpolate", "head", "tail", "columns"),
}
_PATHS = (ast.Constant, ast.Name, ast.Attribute, ast.BinOp, ast.JoinedStr, ast.Call)


class ObjectFinder:
    """Finds names of a driver whose values have attributes that no array, table or number has."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def used_as_object(self, name: str) -> str:
        """How a value is used as an object, such as ``evaluate calls model.predict``; empty where it is not.

        What is used as only a table of pandas is, is none: tables are kept.
        """
        found = [*self._uses(name)]
        if not found or any(attribute in _OF_TABLES for _, attribute in found):
            return ""
        return f"{found[0][0]}.{found[0][1]}"

    def _uses(self, name: str) -> Iterator[tuple[str, str]]:
        """Who takes which attribute of a value that no data have."""
        for node in (*self.driver.between.values(), *(call.node for call in self.driver.calls)):
            for part in ast.walk(node):
                of_it = isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == name
                if of_it and isinstance(part, ast.Attribute) and part.attr not in _OF_DATA:
                    yield f"{self.driver.name or self.driver.code.name} takes {name}", part.attr
        for call in self.driver.calls:
            parameters = [p.arg for p in call.function.parameters]
            pairs = [*zip(parameters, call.node.args, strict=False), *((k.arg, k.value) for k in call.node.keywords)]
            for parameter, value in pairs:
                if isinstance(value, ast.Name) and value.id == name and parameter:
                    for attribute in _foreign_attributes(call.function, parameter, set()):
                        yield f"{call.function.name} takes {parameter}", attribute


def _foreign_attributes(function: Function, parameter: str, seen: set[str]) -> Iterator[str]:
    """The attributes that ``function``, or what it hands the parameter to, takes and data do not have."""
    if function.name in seen:
        return
    seen.add(function.name)
    for node in own_nodes(function.node):
        if isinstance(node, ast.Attribute) and node.attr not in _OF_DATA:
            held = node.value
            while isinstance(held, ast.Subscript) and node.attr in _OF_TABLES:  # a part of a table is one, too
                held = held.value
            if isinstance(held, ast.Name) and held.id == parameter:
                yield node.attr
        if isinstance(node, ast.Call) and (inner := function.code.function(node.func)):
            for name, value in zip([p.arg for p in inner.parameters], node.args, strict=False):
                if isinstance(value, ast.Name) and value.id == parameter:
                    yield from _foreign_attributes(inner, name, seen)


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
