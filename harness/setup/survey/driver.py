"""Where somebody's functions are called one after another: the statements that tell how a pipeline is wired."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.setup.survey.code import Code, Function

MODULE_BODY = "its body"
UNNAMED = "()"  # after the name of a function whose result has no name of its own
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
    """Some statements of a module, in order: calls, and names that are set in between.

    ``unclear``: what else it does to names, by the name: a sentence. ``returned``: what it returns, where it is more
    than the result of a call. Its ``name`` is empty for no statements at all.
    """

    code: Code
    name: str
    parameters: list[ast.arg] = field(default_factory=list)
    steps: list[Call | tuple[str, ast.expr]] = field(default_factory=list)
    unclear: dict[str, str] = field(default_factory=dict)
    returned: list[ast.expr] = field(default_factory=list)

    @property
    def calls(self) -> list[Call]:
        """The calls alone."""
        return [step for step in self.steps if isinstance(step, Call)]

    @property
    def between(self) -> dict[str, ast.expr]:
        """The names that are set in between, as they are at the end."""
        return dict(step for step in self.steps if not isinstance(step, Call))

    def choose(self, names: Sequence[str]) -> None:
        """Leave some functions as calls alone; what others give is computed where it is used."""
        self.steps = [
            (step.targets[0], step.node)
            if isinstance(step, Call) and step.function.name not in names and step.together
            else step
            for step in self.steps
        ]

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
        scopes.append(("__main__", [], code.guarded))
        scopes.append((MODULE_BODY, [], code.tree.body))
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
            driver.steps.append(Call(function, node, names or (function.name,), len(names) < 2))
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
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            driver.steps.append((name, ast.BinOp(ast.Name(name, ast.Load()), node.op, node.value)))
        elif isinstance(node, ast.For | ast.While | ast.If | ast.AugAssign) and not _is_main(node):
            _doubt(driver, node, "changes" if isinstance(node, ast.AugAssign) else "may change, or repeats")
        elif isinstance(node, ast.Expr):  # print(f"{evaluate(model):.3f}"), but not save(model)
            _Lifter(driver).generic_visit(copy.deepcopy(node.value))


def _doubt(driver: Driver, node: ast.AST, does: str) -> None:
    """Note the names that a statement sets or changes in a way that no stage can repeat."""
    for inner in ast.walk(node):
        changed = isinstance(inner, ast.Name | ast.Subscript | ast.Attribute) and isinstance(inner.ctx, ast.Store)
        while changed and isinstance(inner, ast.Subscript | ast.Attribute):
            inner = inner.value
        if changed and isinstance(inner, ast.Name):
            where = f"line {getattr(node, 'lineno', 0)} of {driver.code.path.name}"
            driver.unclear[inner.id] = f"{where} {does} {inner.id} between its functions: put that into one of them"


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.dump(node.test)


class _Lifter(ast.NodeTransformer):
    """Makes steps of the own functions that an expression calls, and puts the names of their results in their place."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.inside = 0

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A call whose result is used."""
        self.generic_visit(node)
        function = self.driver.code.function(node.func)
        if function is None or not function.returned() or self.inside:
            return node
        target = f"{function.name}{UNNAMED}"
        self.driver.steps.append(Call(function, node, (target,), True))
        return ast.Name(target, ast.Load())

    def visit_ListComp(self, node: ast.expr) -> ast.expr:
        """What is repeated stays where it is."""
        self.inside += 1
        self.generic_visit(node)
        self.inside -= 1
        return node

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_Lambda = visit_ListComp  # noqa: N815


def _returned(driver: Driver, value: ast.expr) -> None:
    """Calls whose results a driver itself returns, and what it makes of them."""
    driver.returned.append(_Lifter(driver).visit(copy.deepcopy(value)))


def _assign(driver: Driver, target: ast.expr, value: ast.expr) -> None:
    names = [
        t.id if isinstance(t, ast.Name) else "" for t in (target.elts if isinstance(target, ast.Tuple) else [target])
    ]
    function = driver.code.function(value.func) if isinstance(value, ast.Call) else None
    value, lifter = copy.deepcopy(value), _Lifter(driver)
    value = lifter.visit(value) if function is None else value
    if function is not None:
        lifter.generic_visit(value)
    if function is None:
        for place, name in enumerate(names):
            part = value if isinstance(target, ast.Name) else ast.Subscript(value, ast.Constant(place), ast.Load())
            driver.steps += [(name, part)] if name else []
        if not all(names):
            _doubt(driver, target, "changes")
        return
    assert isinstance(value, ast.Call)
    if all(names):
        driver.steps.append(Call(function, value, tuple(names), not isinstance(target, ast.Tuple)))
