"""The configuration that a driver hands to its functions: under which names, in which form, with which values."""

from __future__ import annotations

import ast
import json

from harness.core.adapters.literals import UNKNOWN, declared_options, literal_of
from harness.core.adapters.settings_files import SETTINGS_SUFFIXES
from harness.setup.survey.code import Code, Function
from harness.setup.survey.driver import Call, Driver
from harness.setup.survey.given.commandline import options_at, statically_false
from harness.setup.survey.given.items import Values
from harness.setup.survey.given.origins import Items, same_source
from harness.setup.survey.inputs import files_named
from harness.setup.survey.records import RecordClass, made_record, record_of
from harness.setup.survey.settings import is_configuration, literal_items


class Configuration:
    """What of a driver is a configuration: ``names`` of its own, and the ``records`` that some of them are.

    ``items``: the settings of each name, as far as they are known; ``unclear``: a sentence for what of them is not.
    """

    def __init__(self, driver: Driver) -> None:
        self.driver, self.code = driver, driver.code
        self.values = Values(driver, lambda node: options_at(self.code, driver.name, node))
        self._makers: dict[str, list[tuple[int, ast.expr]]] = {}
        for at, step in enumerate(driver.steps):
            pairs = [(step.targets[0], step.node)] if isinstance(step, Call) and step.together else []
            for name, node in pairs if isinstance(step, Call) else [step]:
                self._makers.setdefault(name, []).append((at, node))
        made = {
            name: next((r for _, node in nodes if (r := made_record(self.code, node)) is not None), None)
            for name, nodes in self._makers.items()
        }
        records = {name: record for name, record in made.items() if record is not None}
        records |= {p.arg: r for p in driver.parameters if (r := record_of(self.code, p.annotation))}
        kinds = {name: ast.Name(record.node.name) for name, record in records.items()}
        self.names = {p.arg for p in driver.parameters if is_configuration(p)} | self._literals_used()
        self.names |= {name for name in self._makers if is_configuration(ast.arg(name, kinds.get(name)))}
        self.names -= {name for name in self.names if self._is_part(name)}
        if not self.names and len({id(record.node) for record in records.values()}) == 1:
            self.names = {*records}
        self.records: dict[str, RecordClass] = {n: record for n, record in records.items() if n in self.names}
        self.items: dict[str, Items | None] = {}
        self.unclear: dict[str, str] = {}
        self._find_items()

    def _is_part(self, name: str) -> bool:
        """Whether a record is made of single settings, or a part, of another configuration: an object like others."""
        for _, node in self._makers.get(name, ()):
            if isinstance(node, ast.Call) and made_record(self.code, node) is not None:
                for value in (*node.args, *(k.value for k in node.keywords)):
                    held = value
                    while isinstance(held, ast.Subscript | ast.Attribute):
                        held = held.value
                    if held is not value and isinstance(held, ast.Name) and held.id in self.names - {name}:
                        return True
        return False

    def _literals_used(self) -> set[str]:
        """The literal dictionaries at the top of the module that are handed to functions as their configuration."""
        given = [
            value for call in self.driver.calls for value in (*call.node.args, *(k.value for k in call.node.keywords))
        ]
        used = {value.id for value in given if isinstance(value, ast.Name)}
        top = {n: v for n, v in self.code.assigned.items() if is_configuration(ast.arg(n.strip("_")))}
        return {n for n in used if n in top and self.values.items(top[n])}

    def _find_items(self) -> None:
        """The settings of each name, wherever a function is called: they must be the same there."""
        calls = [at for at, step in enumerate(self.driver.steps) if isinstance(step, Call)]
        for name in sorted(self.names):
            places = self._makers.get(name, [])
            first = places[0][0] if places else 0
            found = [self.values.items(ast.Name(name, ast.Load()), at) for at in calls if at > first or not places]
            if not places and not found:
                found = [self.values.items(ast.Name(name, ast.Load()))]
            self.items[name] = None if None in found or not found else found[-1]
            for one in found[:-1]:
                if one is not None and found[-1] is not None:
                    self._compare(name, one, found[-1])
        known = [(name, items) for name, items in self.items.items() if items is not None]
        for place, (name, items) in enumerate(known):
            for other, theirs in known[place + 1 :]:
                both = {k: v for k, v in theirs.items() if k in items and self.uses(name, k) and self.uses(other, k)}
                self._compare(f"{name} and {other}", items, both, whole=False)
        for name in self.names & {*self.driver.unclear}:
            for node in self.driver.branches.get(name, ()):
                if not (isinstance(node, ast.If) and not node.orelse and statically_false(node.test, self.values)):
                    self.unclear[""] = self.driver.unclear[name]

    def uses(self, name: str, key: str) -> bool:
        """Whether a stage may take a setting from the configuration of that name."""
        steps = [s.node if isinstance(s, Call) else s[1] for s in self.driver.steps if not self._makes(s)]
        parts = [part for node in (*steps, *self.driver.returned) for part in ast.walk(node)]
        holders = [p for p in parts if isinstance(p, ast.Attribute | ast.Subscript) and _is_name(p.value, name)]
        keys = {h.attr if isinstance(h, ast.Attribute) else getattr(h.slice, "value", None) for h in holders}
        whole = sum(_is_name(part, name) for part in parts) > len(holders)
        return whole or key in keys or bool(keys & {None, "get", "items", "values"})

    def _makes(self, step: Call | tuple[str, ast.expr]) -> bool:
        """Whether a step makes a configuration."""
        return bool(self.names & ({*step.targets} if isinstance(step, Call) else {step[0]}))

    def _compare(self, name: str, one: Items, other: Items, whole: bool = True) -> None:
        """Note the settings that are different in two tables, which a scenario can hold once."""
        for key in sorted({*one} | {*other}) if whole else other:
            values = [self.values.literal(items[key]) if key in items else UNKNOWN for items in (one, other)]
            if values[0] is not UNKNOWN and values[1] is not UNKNOWN and repr(values[0]) == repr(values[1]):
                continue
            same = key in one and key in other and ast.dump(one[key]) == ast.dump(other[key])
            if not same:
                self.unclear[key] = f"{key} of {name} is not always the same between the functions: give it two names"

    def literals(self) -> dict[str, str]:
        """By their names, the literal configurations of the driver's module, as the adapter asks for them."""
        like = {n: v for n, v in self.code.assigned.items() if is_configuration(ast.arg(n.strip("_")))}
        found = {name: f"{self.code.name}.{name}" for name, value in like.items() if literal_items(value)}
        for path in self.files():
            name = path.rpartition("/")[2]
            found[name if name not in found else path.replace("/", "|")] = f"settings_of({json.dumps(path)})"
        return found

    def readers(self) -> list[Function]:
        """The own functions that read these files: what they make of them is a setting, too."""
        return [*self.values.origins.readers.values()]

    def problems(self) -> list[str]:
        """A sentence for each file of settings that could not be read, or whose values are not what is in it."""
        return [*self.values.origins.problems.values()]

    def files(self) -> list[str]:
        """The files of the repository that hold the configuration."""
        made = [node for name in sorted(self.names) for _, node in self._makers.get(name, ())]
        made += [self.code.assigned[name] for name in sorted(self.names) if name in self.code.assigned]
        found = [*self.values.origins.files]
        found += [name for node in made for name in files_named(self.code.library.root, self.code, node)]
        return [name for name in dict.fromkeys(found) if name.endswith(SETTINGS_SUFFIXES)]

    def tables(self) -> dict[str, ast.expr]:
        """The values of settings, as the source gives them: a literal, a class's defaults, a command line's, a file's.

        Where nothing tells what the driver's own configurations are, those of a module's top are taken, unless the
        driver makes its own.
        """
        found: dict[str, ast.expr] = {}
        if not any(self.items[name] is None and name in self._makers for name in self.names):
            for code in (self.code, *(c for c in self.code.library.found() if c is not self.code)):
                for name, value in code.assigned.items():
                    if is_configuration(ast.arg(name.strip("_"))):
                        found = {**self._plainly(code, value), **found}
        for name in sorted(self.names):
            found |= {k: v for k, v in (self.items[name] or {}).items() if k not in found or self.uses(name, k)}
        for name, record in self.records.items():
            defaults = {key: value for key, value in record.fields.items() if value is not None}
            if name not in self._makers:
                found |= {key: value for key, value in defaults.items() if key not in (self.items[name] or {})}
        return found

    def _plainly(self, code: Code, node: ast.expr) -> Items:
        items = self.values.items(node) if code is self.code else literal_items(node)
        return items or {}

    def keys(self, node: ast.expr) -> list[str] | None:
        """The keys of a table that a function is given; None where they are not known."""
        items = self.values.items(node)
        return None if items is None else [*items]

    def optional(self, name: str) -> bool:
        """Whether a setting is a field of a class that has a default, which no literal needs to tell."""
        for of, record in self.records.items():
            default = record.fields.get(name)
            given = (self.items.get(of) or {}).get(name, default)
            if (
                default is not None
                and given is not None
                and same_source(given, default)
                and (of not in self._makers or self.items.get(of) is not None)
            ):
                return True
        return False

    def computed(self, name: str) -> Function | None:
        """The property or method that a configuration has under a name; None where that is a setting."""
        found = (r.function(name) for r in self.records.values() if name not in r.fields)
        return next((function for function in found if function), None)

    def literal_in_source(self, node: ast.expr) -> object:
        """The value of what is a literal in the end, in the driver or at the top of a module."""
        value = self.values.literal(node)
        return literal_of(node, self.code.value_of) if value is UNKNOWN else value

    def command_lines(self) -> list[Code]:
        """The modules that declare the options of the driver's command line."""
        nodes = (node for nodes in self._makers.values() for _, node in nodes)
        called = (self.code.function(v.func) for v in nodes if isinstance(v, ast.Call))
        homes = dict.fromkeys([self.code, *(function.code for function in called if function)])
        return [code for code in homes if declared_options(code.tree)]


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
