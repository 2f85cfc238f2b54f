"""The configuration that a driver hands to its functions: under which names, in which form, with which values."""

from __future__ import annotations

import ast

from harness.setup.survey.code import Function
from harness.setup.survey.driver import Driver
from harness.setup.survey.inputs import options_of
from harness.setup.survey.records import RecordClass, made_record, record_of
from harness.setup.survey.settings import is_configuration, literal_items


class Configuration:
    """What of a driver is a configuration: ``names`` of its own, and the ``records`` that some of them are."""

    def __init__(self, driver: Driver) -> None:
        self.driver, self.code = driver, driver.code
        self._makers = dict(driver.between) | {c.targets[0]: c.node for c in driver.calls if c.together}
        made = {name: made_record(self.code, node) for name, node in self._makers.items()}
        records = {name: record for name, record in made.items() if record is not None}
        records |= {p.arg: r for p in driver.parameters if (r := record_of(self.code, p.annotation))}
        kinds = {name: ast.Name(record.node.name) for name, record in records.items()}
        self.names = {p.arg for p in driver.parameters if is_configuration(p)} | self._literals_used()
        self.names |= {name for name in self._makers if is_configuration(ast.arg(name, kinds.get(name)))}
        if not self.names and len({id(record.node) for record in records.values()}) == 1:
            self.names = {*records}
        self.records: dict[str, RecordClass] = {n: record for n, record in records.items() if n in self.names}

    def _literals_used(self) -> set[str]:
        """The literal dictionaries at the top of the module that are handed to functions as their configuration."""
        given = [
            value for call in self.driver.calls for value in (*call.node.args, *(k.value for k in call.node.keywords))
        ]
        used = {value.id for value in given if isinstance(value, ast.Name)}
        return {n for n in used if is_configuration(ast.arg(n.strip("_"))) and literal_items(self.code.assigned.get(n))}

    def literals(self) -> dict[str, str]:
        """By their names, the literal configurations of the driver's module, as the adapter asks for them."""
        like = {n: v for n, v in self.code.assigned.items() if is_configuration(ast.arg(n.strip("_")))}
        return {name: f"{self.code.name}.{name}" for name, value in like.items() if literal_items(value)}

    def tables(self) -> dict[str, ast.expr]:
        """The values of settings, as the source gives them: a literal, a class's defaults, a command line's."""
        found: dict[str, ast.expr] = {}
        for code in (self.code, *(c for c in self.code.library.found() if c is not self.code)):
            for name, value in code.assigned.items():
                if is_configuration(ast.arg(name.strip("_"))):
                    found = {**(literal_items(value) or {}), **found}
        for name in sorted(self.names & {*self._makers}):
            value = self._makers[name]
            found |= (literal_items(value) or {}) | self._options(value)
        for name, record in self.records.items():
            found |= {key: value for key, value in record.fields.items() if value is not None}
            made = self._makers.get(name)
            if isinstance(made, ast.Call):
                found |= dict(zip(record.fields, made.args, strict=False))
                found |= {k.arg: k.value for k in made.keywords if k.arg}
        return found

    def computed(self, name: str) -> Function | None:
        """The property or method that a configuration has under a name; None where that is a setting."""
        found = (r.function(name) for r in self.records.values() if name not in r.fields)
        return next((function for function in found if function), None)

    def _options(self, node: ast.expr) -> dict[str, ast.expr]:
        """The defaults of a command line, where it is made beside its ``parse_args()``, or in the function for that."""
        function = self.code.function(node.func) if isinstance(node, ast.Call) else None
        home = function or self.code.functions.get(self.driver.name)
        body: ast.AST = home.node if home else ast.Module(self.code.guarded, [])
        return options_of(body) if "parse_args" in ast.dump(body) else {}
