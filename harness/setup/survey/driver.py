"""Where somebody's functions are called one after another: the statements that tell how a pipeline is wired."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.setup.survey.code import Code, Function
from harness.setup.survey.given.calls import called_function, changed_by_call
from harness.setup.survey.records import made_record
from harness.setup.survey.settings import is_configuration

MODULE_BODY = "its body"
UNNAMED = "()"  # after the name of a function whose result has no name of its own
_REPEATS = (ast.For, ast.While, ast.If, ast.AsyncFor, ast.Match)
_CHANGES_NO_NAME = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass, ast.Assert, ast.Raise),
    *(ast.Global, ast.Nonlocal, ast.Return),
)
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

    ``opened``: what is bound by ``with``; ``defaults``: of its parameters; ``branches``: by a name that may change, the
    statements that change it. ``unclear``: what else it does to names, by the name: a sentence. ``returned``: what it
    returns, where it is more than the result of a call. Its ``name`` is empty for no statements at all.
    """

    code: Code
    name: str
    parameters: list[ast.arg] = field(default_factory=list)
    defaults: dict[str, ast.expr] = field(default_factory=dict)
    opened: dict[str, ast.expr] = field(default_factory=dict)
    branches: dict[str, list[ast.AST]] = field(default_factory=dict)
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
        nodes = (step.node if isinstance(step, Call) else step[1] for step in self.steps)
        used = {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}
        linked = sum(any(t in used for t in call.targets) for call in self.calls)
        return linked, self.name in _USUAL, -len(self.parameters)


def drivers(modules: Sequence[Code]) -> Iterator[Driver]:
    """Everything in some modules that calls two own functions or more, and uses what they give."""
    for code in modules:
        scopes = [(f.name, f.parameters, f.defaults, f.node.body) for f in code.functions.values()]
        scopes.append(("__main__", [], {}, code.guarded))
        scopes.append((MODULE_BODY, [], {}, code.tree.body))
        for name, parameters, defaults, body in scopes:
            driver = Driver(code, name, parameters, defaults)
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
        if isinstance(node, ast.With):
            for item in node.items:
                if isinstance(item.optional_vars, ast.Name):
                    driver.opened[item.optional_vars.id] = item.context_expr
            _collect(driver, node.body)
        elif isinstance(node, ast.Try):
            _collect(driver, [*node.body, *node.orelse, *node.finalbody])
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            _assign(driver, node.targets[0], node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            _assign(driver, node.target, node.value)
        elif isinstance(node, ast.Return) and node.value is not None:
            _returned(driver, node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            driver.steps.append((name, ast.BinOp(ast.Name(name, ast.Load()), node.op, node.value)))
        elif isinstance(node, ast.Expr):  # print(f"{evaluate(model):.3f}"), but not save(model)
            for target, value in changed_by_call(driver.code, node.value):
                _change(driver, node, target, value)
            _Lifter(driver).generic_visit(copy.deepcopy(node.value))
        elif not (_is_main(node) or isinstance(node, _CHANGES_NO_NAME)):
            _doubt(driver, node, "may change, or repeats" if isinstance(node, _REPEATS) else "changes")


def _change(driver: Driver, node: ast.AST, target: ast.expr, value: ast.expr | None) -> None:
    """A table of settings with an item that is set, as a step that makes it anew; of anything else a doubt."""
    root = target
    while isinstance(root, ast.Subscript | ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name):
        return
    whole = value
    held: ast.expr = target
    while whole is not None and isinstance(held, ast.Subscript | ast.Attribute):
        key = held.slice if isinstance(held, ast.Subscript) else ast.Constant(held.attr)
        held = held.value
        whole = ast.Dict([None, key], [copy.deepcopy(held), whole])
    made = [s.node if isinstance(s, Call) else s[1] for s in driver.steps if root.id in _targets(s)]
    is_record = any(made_record(driver.code, n) for n in made)
    if whole is not None and (is_record or is_configuration(ast.arg(root.id.strip("_")))):
        driver.steps.append((root.id, _loaded(whole)))
    else:
        _doubt_name(driver, node, root.id, "changes")


def _targets(step: Call | tuple[str, ast.expr]) -> tuple[str, ...]:
    return step.targets if isinstance(step, Call) else step[:1]


def _loaded(node: ast.expr) -> ast.expr:
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript | ast.Attribute | ast.Name):
            part.ctx = ast.Load()
    return node


def _doubt(driver: Driver, node: ast.AST, does: str) -> None:
    """Note the names that a statement sets or changes in a way that no stage can repeat."""
    for inner in ast.walk(node):
        changed = isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
        changed |= isinstance(inner, ast.Subscript | ast.Attribute) and not isinstance(inner.ctx, ast.Load)
        while changed and isinstance(inner, ast.Subscript | ast.Attribute):
            inner = inner.value
        if changed and isinstance(inner, ast.Name):
            _doubt_name(driver, node, inner.id, does)
        if isinstance(inner, ast.Call):
            for target, _ in changed_by_call(driver.code, inner):
                root = next((part.id for part in ast.walk(target) if isinstance(part, ast.Name)), "")
                _doubt_name(driver, node, root, does)


def _doubt_name(driver: Driver, node: ast.AST, name: str, does: str) -> None:
    where = f"line {getattr(node, 'lineno', 0)} of {driver.code.path.name}"
    driver.unclear[name] = f"{where} {does} {name} between its functions: put that into one of them"
    driver.branches.setdefault(name, []).append(node)


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
        function, node = called_function(self.driver.code, node, dict(self.driver.between))
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
    function = None
    if isinstance(value, ast.Call):
        function, value = called_function(driver.code, value, dict(driver.between))
    value, lifter = copy.deepcopy(value), _Lifter(driver)
    value = lifter.visit(value) if function is None else value
    if function is not None:
        lifter.generic_visit(value)
    if function is None:
        if isinstance(target, ast.Subscript | ast.Attribute):
            _change(driver, value if hasattr(value, "lineno") else target, target, value)
            return
        for place, name in enumerate(names):
            part = value if isinstance(target, ast.Name) else ast.Subscript(value, ast.Constant(place), ast.Load())
            driver.steps += [(name, part)] if name else []
        if not all(names):
            _doubt(driver, target, "changes")
        return
    assert isinstance(value, ast.Call)
    if all(names):
        driver.steps.append(Call(function, value, tuple(names), not isinstance(target, ast.Tuple)))
    else:
        _doubt(driver, target, "changes")
