"""Where somebody's functions are called one after another: the statements that tell how a pipeline is wired."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.setup.survey.code import Code, Function, own_nodes

_USUAL = ("main", "run", "pipeline", "run_pipeline", "process", "workflow", "experiment")


@dataclass(frozen=True)
class Call:
    """One step: which function, with which arguments, and the names that its result is given."""

    function: Function
    node: ast.Call
    targets: tuple[str, ...]
    together: bool  # the result is one value under one name


@dataclass
class Driver:
    """Some statements of a module: its calls in order, and the simple names that are set in between."""

    code: Code
    name: str
    parameters: list[ast.arg] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    between: dict[str, ast.expr] = field(default_factory=dict)

    @property
    def rank(self) -> tuple[int, int, int]:
        """What makes it likelier than another: steps that later ones use, a usual name, few own parameters."""
        used = {n.id for call in self.calls for n in ast.walk(call.node) if isinstance(n, ast.Name)}
        linked = sum(any(t in used for t in call.targets) for call in self.calls)
        return linked, self.name in _USUAL, -len(self.parameters)


def drivers(modules: Sequence[Code]) -> Iterator[Driver]:
    """Everything in some modules that calls two own functions or more, and uses what they give."""
    for code in modules:
        scopes = [(f.name, f.parameters, f.node.body) for f in code.functions.values()]
        if code.guarded:
            scopes.append(("__main__", [], code.guarded))
        for name, parameters, body in scopes:
            driver = Driver(code, name, parameters)
            _collect(driver, body)
            if len({call.function.name for call in driver.calls}) > 1 and driver.rank[0]:
                yield driver


def in_order_of_definition(code: Code) -> Driver:
    """Every public function of a module that no other one calls, as if they were called in this order."""
    functions = code.functions.values()
    called = {
        f.name
        for by in functions
        for n in ast.walk(by.node)
        if isinstance(n, ast.Call) and (f := code.function(n.func))
    }
    driver = Driver(code, "")
    for function in functions:
        if function.name not in called and not function.name.startswith("_") and function.returned():
            needed = [p.arg for p in function.parameters if p.arg not in function.defaults]
            keywords = [ast.keyword(name, ast.Name(name, ast.Load())) for name in needed]
            node = ast.Call(ast.Name(function.name, ast.Load()), [], keywords)
            names = _names_of_result(function)
            driver.calls.append(Call(function, node, names or (function.name,), len(names) < 2))
    return driver


def _names_of_result(function: Function) -> tuple[str, ...]:
    """The names under which a function returns its results, where its last statement tells."""
    last = function.returned()[-1]
    items = last.elts if isinstance(last, ast.Tuple) else [last]
    return tuple(i.id for i in items if isinstance(i, ast.Name)) if all(isinstance(i, ast.Name) for i in items) else ()


def _collect(driver: Driver, body: Sequence[ast.stmt]) -> None:
    for node in body:
        if isinstance(node, ast.With | ast.Try):
            _collect(driver, node.body)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            _assign(driver, node.targets[0], node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            _assign(driver, node.target, node.value)
        elif isinstance(node, ast.Return) and node.value is not None:
            _returned(driver, node.value)
        elif isinstance(node, ast.Expr):
            for inner in own_nodes(node):  # print(f"{evaluate(model):.3f}")
                if isinstance(inner, ast.Call) and _gives(driver.code.function(inner.func)):
                    _assign(driver, ast.Name(driver.code.function(inner.func).name), inner)  # type: ignore[union-attr]


def _gives(function: Function | None) -> bool:
    return function is not None and bool(function.returned())


def _returned(driver: Driver, value: ast.expr) -> None:
    """Calls whose results a driver itself returns."""
    items = value.elts if isinstance(value, ast.Tuple) else [*value.values] if isinstance(value, ast.Dict) else [value]
    for item in items:
        if isinstance(item, ast.Call) and (function := driver.code.function(item.func)):
            _assign(driver, ast.Name(function.name), item)


def _assign(driver: Driver, target: ast.expr, value: ast.expr) -> None:
    names = [
        t.id if isinstance(t, ast.Name) else "" for t in (target.elts if isinstance(target, ast.Tuple) else [target])
    ]
    function = driver.code.function(value.func) if isinstance(value, ast.Call) else None
    if function is None:
        if isinstance(target, ast.Name):
            driver.between[target.id] = value
        return
    assert isinstance(value, ast.Call)
    if all(names):
        driver.calls.append(Call(function, value, tuple(names), not isinstance(target, ast.Tuple)))
