"""The arguments of a call as a stage writes them: settings from the scenario, results of stages, and the rest as it is.

What a call hands on in a way that is not understood is written as the driver writes it, and no default of the function
takes its place.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from harness.core.adapters.literals import UNKNOWN
from harness.setup.survey.driver import Call
from harness.setup.survey.rewriting import FromStage, Rewriter

if TYPE_CHECKING:
    from harness.setup.survey.proposing import Proposer

_NOT_SETTINGS = ["verbose", "plot", "show", "out", "output", "outdir", "save", "progress", "callback", "logger", "log"]


class Arguments:
    """The arguments of one call; ``words`` are what the stage writes, ``own`` the settings that only it has."""

    def __init__(self, of: Proposer, call: Call, stage: str) -> None:
        self.of, self.call, self.stage = of, call, stage
        self.function = call.function
        self.parameters = [p.arg for p in self.function.parameters]
        self.own: dict[str, Any] = {}
        self.words: list[str] = []
        self.given: set[str] = set()  # the parameters that the call says
        self.certain = True  # whether these are all that it says

    def written(self) -> list[str]:
        """All of them."""
        args = self._positional()
        if self._in_place(args):
            self._as_they_stand(args)
        else:
            for index, (name, node) in enumerate(zip(self.parameters, args, strict=False)):
                self._one(name, node, plain=len(self.words) == index)
        for keyword in self.call.node.keywords:
            if keyword.arg:
                self._one(keyword.arg, keyword.value, plain=False)
            else:
                self._several(keyword.value)
        self._defaults()
        for shared, path in sorted(self.of.reader.reads(self.function).shared, key=lambda found: found[1]):
            self.of.read_shared(shared, path)
        if not self.certain or {*self.own} & {*self.function.defaults}:
            self.of.made.defaults[self.stage] = f"defaults_of({self.of.named(self.call.node.func)})"
        if self.own:
            self._table()
        return self.words

    def _positional(self) -> list[ast.expr]:
        """The arguments by place, with those of a known list in its place."""
        found: list[ast.expr] = []
        for node in self.call.node.args:
            if isinstance(node, ast.Starred):
                held = self.of.found.values.meaning(node.value) or node.value
                literal = held if isinstance(held, ast.Tuple | ast.List) else None
                is_setting = self._is_setting(node.value)
                found += literal.elts if literal is not None and not is_setting else [node]
            else:
                found.append(node)
        return found

    def _in_place(self, args: list[ast.expr]) -> bool:
        """Whether the arguments have to stand in their places: no name can be given to all of them."""
        of = self.function.node.args
        return bool(of.posonlyargs or of.vararg) or any(isinstance(a, ast.Starred) for a in args)

    def _as_they_stand(self, args: list[ast.expr]) -> None:
        names = [p.arg for p in (*self.function.node.args.posonlyargs, *self.function.node.args.args)]
        for index, node in enumerate(args):
            if isinstance(node, ast.Starred):
                held = ast.unparse(Rewriter(self.of, node.value).rewritten())
                self.of.read_in(node.value)
                self.words.append(f"*{held}")
                count = self._length(node.value)
                if index < len(args) - 1 or count is None:
                    self.certain, self.given = False, self.given | {*names}
                else:
                    self.given |= {*names[: index + count]}
                continue
            name = names[index] if index < len(names) else ""
            self.given |= {name} if name else set()
            self.words.append(self.of.argument(self.call, name, node, plain=True))

    def _one(self, name: str, node: ast.expr, plain: bool) -> None:
        self.given.add(name)
        value = self.of.plain(node)
        if value is not UNKNOWN and value is not None:
            self.own[name] = value
        else:
            self.words.append(self.of.argument(self.call, name, node, plain))

    def _several(self, node: ast.expr) -> None:
        """A table of arguments: one of the settings, one that is known, or one as it is."""
        keys = self.of.found.keys(node)
        if self._is_all_settings(node):
            if keys is None:
                what = f"{self.function.name} is given all of {ast.unparse(node)}, of which the keys are not known"
                self.of.refuse(f"{what}: write the arguments by name")
                self.certain = False
            for key in keys or ():
                self.given.add(key)
                self.of.read((key,))
                self.words.append(f"{key}=config[{key!r}]")
            return
        self.given |= {*(keys or ())}
        self.certain = self.certain and keys is not None
        items = self.of.found.values.items(node) or {}
        values = {key: self.of.plain(value) for key, value in items.items()}
        literal = keys is not None and UNKNOWN not in values.values() and None not in values.values()
        if literal and not self._is_setting(node) and not self._takes_names(node):
            self.own |= values
            return
        self.of.read_in(node)
        self.words.append(f"**{ast.unparse(Rewriter(self.of, node).rewritten())}")

    def _defaults(self) -> None:
        """What the function sets itself, where it is certain that the call does not."""
        if not self.certain:
            return
        for name, default in self.function.defaults.items():
            if name not in self.given and name not in _NOT_SETTINGS:
                value = self.of.plain(default)
                if value is not UNKNOWN and value is not None:
                    self.own[name] = value

    def _table(self) -> None:
        # A class is given its own settings alone, and not the table that follows.
        named = ", ".join(f'{path[0]}=config["{path[0]}"]' for path in self.of.read_paths if len(path) == 1)
        self.words = [word.replace("(**config)", f"({named})") for word in self.words]
        table = self.stage if self.stage not in self._taken_keys() else f"{self.stage}_call"
        ordered = {name: self.own[name] for name in self.parameters if name in self.own}
        self.of.made.settings.setdefault(table, {}).update(ordered | self.own)
        self.of.read_paths[(table,)] = True
        self.words.append(f'**config["{table}"]')

    def _is_all_settings(self, node: ast.expr) -> bool:
        """Whether an expression is the configuration as a whole."""
        rewritten = Rewriter(self.of, node, quiet=True).rewritten()
        return isinstance(rewritten, ast.Name) and rewritten.id == "config"

    def _is_setting(self, node: ast.expr) -> bool:
        """Whether an expression is the configuration or a part of it."""
        return any(self._is_all_settings(part) for part in ast.walk(node) if isinstance(part, ast.Name))

    def _takes_names(self, node: ast.expr) -> bool:
        """Whether an expression takes what a stage gives."""
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        return any(isinstance(self.of.places.get(name), FromStage) for name in names)

    def _length(self, node: ast.expr) -> int | None:
        """How many items a list has; None where that is not known."""
        value = self.of.found.values.literal(node)
        return len(value) if isinstance(value, list | tuple) else None

    def _taken_keys(self) -> set[str]:
        """The names that settings of the driver's own configurations have, or may have."""
        of = self.of
        if not of.config:
            return set()
        steps = [step.node if isinstance(step, Call) else step[1] for step in of.driver.steps]
        parts = [part for node in steps for part in ast.walk(node)]
        taken = {p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)}
        taken |= {p.attr for p in parts if isinstance(p, ast.Attribute)} | {*of.tables}
        for function in {call.function.name: call.function for call in of.driver.calls}.values():
            for name in (p.arg for p in function.parameters):
                taken |= {path[0] for path in of.reader.reads(function, name).given if path}
        return taken
