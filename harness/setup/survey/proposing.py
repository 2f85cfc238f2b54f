"""Finds the proposal: from the place where somebody's functions are called, or from their names alone."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import ProjectError
from harness.core.protocol import Pipeline, Stage, ill_formed
from harness.setup.survey.code import Library
from harness.setup.survey.driver import Call, Driver, drivers, in_order_of_definition
from harness.setup.survey.inputs import ObjectFinder, files_named, options_of
from harness.setup.survey.proposal import Proposal, ProposedStage, table_of
from harness.setup.survey.rewriting import Rewriter
from harness.setup.survey.settings import SettingsReader, Shared, is_configuration, literal_items

_NOT_SETTINGS = ["verbose", "plot", "show", "out", "output", "outdir", "save", "progress", "callback", "logger", "log"]
_UNKNOWN = object()


def propose(root: Path, name: str, stages: Sequence[str] = ()) -> Proposal:
    """The proposal for the module or package ``name`` below ``root``, of which nothing is imported.

    ``stages``: the functions to take, by default all that are found. Raises ProjectError where there is no such
    module, or no function in it that gives anything.
    """
    library = Library(root)
    modules = library.modules_of(name)
    found = sorted(drivers(modules), key=lambda d: d.rank, reverse=True)
    driver = found[0] if found else max(map(in_order_of_definition, modules), key=lambda d: len(d.calls))
    if not driver.calls:
        raise ProjectError(
            f"{name} has no function that returns anything, so that it has no stage: put its steps into functions, "
            "each of which is given what it needs and returns what it makes"
        )
    known = [call.function.name for call in driver.calls]
    if unknown := [stage for stage in stages if stage not in known]:
        raise ProjectError(f"no function {unknown[0]!r} gives anything there; there are {', '.join(known)}")
    for call in driver.calls:
        if stages and call.function.name not in stages and call.together:
            driver.between[call.targets[0]] = call.node  # it is computed where it is used
    driver.calls = [call for call in driver.calls if not stages or call.function.name in stages]
    return Proposer(driver, root).proposal()


class Proposer:
    """Makes the proposal from a driver, call by call; what the call at hand needs and reads is noted on the way."""

    def __init__(self, driver: Driver, root: Path) -> None:
        self.driver, self.root, self.code = driver, root, driver.code
        self.reader, self.objects = SettingsReader(), ObjectFinder(driver)
        self.made = Proposal(driver.code.name, driver.name)
        self.places: dict[str, ast.expr] = {}  # what stands for a name of the driver within a stage
        self.owner: dict[str, str] = {}
        self.tables: dict[str, ast.expr] = {}
        self.needs: dict[str, bool] = {}
        self.read_paths: dict[tuple[str, ...], bool] = {}
        self.config = {p.arg for p in driver.parameters if is_configuration(p)}
        self._makers = dict(driver.between) | {c.targets[0]: c.node for c in driver.calls if c.together}
        self.config |= {name for name in self._makers if is_configuration(ast.arg(name))}

    def proposal(self) -> Proposal:
        """The whole proposal."""
        self._find_tables()
        for call in self.driver.calls:
            if not self._is_idle(call):
                self._add(call)
        return self.made

    def _find_tables(self) -> None:
        """The configuration's values, where a literal dictionary has them."""
        for code in (self.code, *(c for c in self.code.library.found() if c is not self.code)):
            for name, value in code.assigned.items():
                if is_configuration(ast.arg(name.strip("_"))) and (items := literal_items(value)):
                    self.tables = {**items, **self.tables}
                    if code is self.code:
                        self.made.defaults[name] = f"{code.name}.{name}"
        for name in self.config & {*self._makers}:
            value = self._makers[name]
            self.tables = {**self.tables, **(literal_items(value) or {}), **self._options(value)}

    def _options(self, node: ast.expr) -> dict[str, ast.expr]:
        """The defaults of a command line, where it is made beside its ``parse_args()``, or in the function for that."""
        function = self.code.function(node.func) if isinstance(node, ast.Call) else None
        home = function or self.code.functions.get(self.driver.name)
        body: ast.AST = home.node if home else ast.Module(self.code.guarded, [])
        return options_of(body) if "parse_args" in ast.dump(body) else {}

    def _is_idle(self, call: Call) -> bool:
        """Whether a step only makes the configuration, or gives nothing."""
        return bool(self.config & {*call.targets}) or not call.function.returned()

    def _add(self, call: Call) -> None:
        name = self._name(call)
        stage = ProposedStage(
            name, _artifact(name), "", (), call.targets, call.together, self._is_mapping(call), (), ()
        )
        self.needs, self.read_paths = {}, {}
        stage.arguments = tuple(double_quoted(words) for words in self._arguments(call, name))
        stage.call = self._named(call.node.func)
        stage.needs = tuple(s.name for s in self.made.stages if s.name in self.needs)
        stage.reads = _shortest(self.read_paths)
        stage.files = files_named(self.root, call.function)
        for target in call.targets:
            inner: ast.expr = ast.Name(name, ast.Load())
            if not stage.mapping:
                inner = ast.Subscript(inner, ast.Constant(target), ast.Load())
            self.places[target], self.owner[target] = inner, name
            if why := self.objects.used_as_object(target):
                stage.notes.append(
                    f"{target} is an object ({why}): give its numbers in its place, and build it again where it is used"
                )
        self.made.stages.append(stage)

    def _name(self, call: Call) -> str:
        base = call.function.name.strip("_")
        taken = {s.name for s in self.made.stages} | {
            "config",
            "progress",
            "defaults",
            self.code.name.partition(".")[0],
        }
        other = "_".join((base, *call.targets[:1])) if call.targets[0] != base else base
        return next(n for n in (base, other, *(f"{base}_{i}" for i in range(2, 99))) if n not in taken)

    def _is_mapping(self, call: Call) -> bool:
        if not call.together:
            return False
        last = call.function.returned()[-1]
        if isinstance(last, ast.Name):
            assigned = [
                n.value
                for n in ast.walk(call.function.node)
                if isinstance(n, ast.Assign) and any(isinstance(t, ast.Name) and t.id == last.id for t in n.targets)
            ]
            last = assigned[-1] if assigned else last
        kind = ast.unparse(call.function.node.returns) if call.function.node.returns else ""
        return literal_items(last) is not None or kind.startswith(("dict", "Dict", "Mapping"))

    # Arguments

    def _arguments(self, call: Call, stage: str) -> list[str]:
        parameters = [p.arg for p in call.function.parameters]
        given = dict(zip(parameters, call.node.args, strict=False))
        given |= {k.arg: k.value for k in call.node.keywords if k.arg}
        own: dict[str, Any] = {}
        words: list[str] = []
        for index, name in enumerate(parameters):
            default = call.function.defaults.get(name, _UNKNOWN)
            if name in given:
                if (value := self._plain(given[name])) is not _UNKNOWN:
                    own[name] = value
                    continue
                words.append(
                    self._argument(
                        call, name, given[name], plain=name in parameters[: len(call.node.args)] and len(words) == index
                    )
                )
            elif default is not _UNKNOWN and name not in _NOT_SETTINGS:
                value = self._plain(default)  # type: ignore[arg-type]
                if value is not _UNKNOWN and value is not None:
                    own[name] = value
        shared = self.reader.reads(call.function).shared
        for of, path in sorted(shared, key=lambda found: found[1]):
            self._read_shared(of, path)
        if set(own) & set(call.function.defaults):
            self.made.defaults[stage] = f"defaults_of({self._named(call.node.func)})"
        if own:
            table = stage if not isinstance(self.made.settings.get(stage), int | float | str) else f"{stage}_call"
            self.made.settings.setdefault(table, {}).update(own)
            self.read_paths[(table,)] = True
            words.append(f'**config["{table}"]')
        return words

    def _argument(self, call: Call, name: str, node: ast.expr, plain: bool) -> str:
        """An argument as a stage writes it, with what it needs and reads."""
        rewritten = Rewriter(self).visit(copy.deepcopy(node))
        if isinstance(rewritten, ast.Name) and rewritten.id == "config":
            reads = self.reader.reads(call.function, name)
            for path in sorted(reads.given) or [()]:
                self.read(path)
            if reads.attributes:
                self.made.attributes = True
                rewritten = ast.parse("as_attributes(config)", mode="eval").body
        words = ast.unparse(rewritten)
        return words if plain else f"{name}={words}"

    def _plain(self, node: ast.expr) -> Any:
        """The value of a literal that TOML can hold; else no value."""
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return _UNKNOWN
        return value if _is_toml(value) else None if value is None else _UNKNOWN

    def read(self, path: tuple[str, ...]) -> None:
        """A stage reads a setting; its value is looked up."""
        for part in [(key,) for key in self.tables] if not path else [path]:
            self.read_paths[part] = True
            node: ast.expr | None = self.tables.get(part[0])
            value = self._plain(node) if node is not None else _UNKNOWN
            if value is None or value is _UNKNOWN:
                if ".".join(part) not in self.made.lacking:
                    self.made.lacking.append(".".join(part))
            else:
                self.made.settings.setdefault(part[0], value)

    def _read_shared(self, shared: Shared, path: tuple[str, ...]) -> None:
        self.made.shared = self.made.shared or shared.address
        self.made.defaults[table_of(shared.address)] = shared.address.replace(":", ".")
        table = table_of(shared.address)
        keys = path[:1] or tuple(shared.table)
        for key in keys:
            self.read_paths[table, key] = True
            value = self._plain(shared.table[key]) if key in shared.table else _UNKNOWN
            if value is None or value is _UNKNOWN:
                self.made.lacking += [] if f"{table}.{key}" in self.made.lacking else [f"{table}.{key}"]
            else:
                self.made.settings.setdefault(table, {})[key] = value

    def _named(self, node: ast.expr) -> str:
        """A function of the driver's module, as the adapter calls it."""
        return ast.unparse(Rewriter(self).visit(copy.deepcopy(node)))


def _is_toml(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_toml, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_toml(item) for key, item in value.items())
    return isinstance(value, bool | int | float | str)


def _shortest(reads: Mapping[tuple[str, ...], bool]) -> tuple[str, ...]:
    """Dotted keys, without those that are within another one."""
    whole = [path for path in reads if not any(path[:n] in reads for n in range(1, len(path)))]
    return tuple(sorted({".".join(path) for path in whole}))


def _artifact(name: str) -> str:
    """A name for what a stage emits, which no fixture has."""
    for artifact in (name, f"{name}_output"):
        if not ill_formed(Pipeline("", (Stage(name, artifact, "m:f"),), dict, dict)):  # type: ignore[arg-type]
            return artifact
    return f"{name}_result"


def double_quoted(words: str) -> str:
    """Source with double quotes, where that is simple."""
    return words if '"' in words else words.replace("'", '"')
