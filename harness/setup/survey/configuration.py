"""The configuration that a driver hands to its functions: under which names, in which form, with which values."""

from __future__ import annotations

import ast
import json
import sys

from harness.core.adapters.literals import declared_options
from harness.core.errors import GoldenError
from harness.core.files import parse_json
from harness.setup.survey.code import Code, Function
from harness.setup.survey.driver import Driver
from harness.setup.survey.inputs import files_named
from harness.setup.survey.records import RecordClass, made_record, record_of
from harness.setup.survey.settings import is_configuration, literal_items

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_words(name: str) -> str:
    """The expression that gives what a file of settings holds: data of JSON, of others the text."""
    text = f"Path({json.dumps(name)}).read_text()"
    return f"json.loads({text})" if name.endswith(".json") else text


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
        top = {n: v for n, v in self.code.assigned.items() if is_configuration(ast.arg(n.strip("_")))}
        return {n for n in used if n in top and (literal_items(top[n]) or self._in_file(top[n]))}

    def _in_file(self, node: ast.expr) -> dict[str, ast.expr]:
        """The settings of a JSON or TOML file that an expression names; where it cannot be read there are none."""
        found: dict[str, ast.expr] = {}
        for name in files_named(self.code.library.root, self.code, node):
            content = (self.code.library.root / name).read_bytes()
            try:
                if name.endswith(".json"):
                    table = parse_json(content, name)
                else:
                    table = tomllib.loads(content.decode()) if name.endswith(".toml") else {}
            except (GoldenError, ValueError, RecursionError):
                continue
            found |= {
                k: ast.parse(repr(v), mode="eval").body for k, v in (table if isinstance(table, dict) else {}).items()
            }
        return found

    def literals(self) -> dict[str, str]:
        """By their names, the literal configurations of the driver's module, as the adapter asks for them."""
        like = {n: v for n, v in self.code.assigned.items() if is_configuration(ast.arg(n.strip("_")))}
        found = {name: f"{self.code.name}.{name}" for name, value in like.items() if literal_items(value)}
        return found | {name: read_words(name) for name in self.files()}

    def files(self) -> list[str]:
        """The files of the repository that hold the configuration."""
        made = [self._makers.get(name, self.code.assigned.get(name)) for name in sorted(self.names)]
        found = (files_named(self.code.library.root, self.code, node) for node in made if node is not None)
        return [name for names in found for name in names if name.endswith((".json", ".toml"))]

    def tables(self) -> dict[str, ast.expr]:
        """The values of settings, as the source gives them: a literal, a class's defaults, a command line's."""
        found: dict[str, ast.expr] = {}
        for code in (self.code, *(c for c in self.code.library.found() if c is not self.code)):
            for name, value in code.assigned.items():
                if is_configuration(ast.arg(name.strip("_"))):
                    found = {**(literal_items(value) or self._in_file(value)), **found}
        for name in sorted(self.names & {*self._makers}):
            value = self._makers[name]
            found |= (literal_items(value) or self._in_file(value)) | self._options(value)
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
        return dict(declared_options(body)) if "parse_args" in ast.dump(body) else {}

    def command_lines(self) -> list[Code]:
        """The modules that declare the options of the driver's command line."""
        called = (self.code.function(v.func) for v in self._makers.values() if isinstance(v, ast.Call))
        homes = dict.fromkeys([self.code, *(function.code for function in called if function)])
        return [code for code in homes if declared_options(code.tree)]
