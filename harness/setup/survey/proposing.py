"""Finds the proposal: from the place where somebody's functions are called, or from their names alone."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.adapters.literals import UNKNOWN, literal_of
from harness.core.errors import ProjectError
from harness.core.protocol import Pipeline, Stage, ill_formed
from harness.setup.survey.arguments import Arguments
from harness.setup.survey.code import Library
from harness.setup.survey.configuration import Configuration
from harness.setup.survey.driver import MODULE_BODY, UNNAMED, Call, Driver, drivers, in_order_of_definition
from harness.setup.survey.inputs import ObjectFinder, files_named, files_read_on_import, is_file
from harness.setup.survey.leftovers import dropped, unkept
from harness.setup.survey.proposal import Proposal, ProposedStage, double_quoted, is_toml, table_of
from harness.setup.survey.records import RecordClass, returned_record
from harness.setup.survey.rewriting import FromStage, Inline, Rewriter
from harness.setup.survey.settings import SettingsReader, Shared, literal_items
from harness.setup.survey.wiring import tell_wiring

_DRAWN_FROM = ("default_rng", "RandomState", "Random", "Generator", "iter")


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
        remedy = "put its steps into functions, each of which is given what it needs and returns what it makes"
        if classes := [own for code in modules for own in code.classes]:
            told = f"init drafts functions at the top of a module alone, and no methods (of {', '.join(classes[:3])})"
            raise ProjectError(
                f"{name} has no such function that returns anything: {told}: {remedy}, or write the adapter"
            )
        raise ProjectError(f"{name} has no function that returns anything, so that it has no stage: {remedy}")
    known = [call.function.name for call in driver.calls]
    if unknown := [stage for stage in stages if stage not in known]:
        raise ProjectError(f"no function {unknown[0]!r} gives anything there; there are {', '.join(known)}")
    if stages:
        driver.choose(stages)
    return Proposer(driver, root).proposal()


class Proposer:
    """Makes the proposal from a driver, call by call; what the call at hand needs and reads is noted on the way."""

    def __init__(self, driver: Driver, root: Path) -> None:
        self.driver, self.root, self.code = driver, root, driver.code
        self.reader, self.objects = SettingsReader(), ObjectFinder(driver)
        self.made = Proposal(driver.code.name, driver.name)
        self.places: dict[str, FromStage | Inline] = {}  # what stands for a name of the driver within a stage
        self.needs: dict[str, bool] = {}
        self.read_paths: dict[tuple[str, ...], bool] = {}
        self.uses: dict[int, set[int]] = {}
        self.unsure: list[str] = []
        self.fallbacks: dict[str, ast.expr] = {}  # what a driver's own `get` gives where a setting is not there
        self.found = Configuration(driver)
        self.config, self.records = self.found.names, self.found.records
        self.tables, self.made.defaults = self.found.tables(), self.found.literals()
        self.made.default_files = self.found.files()

    def proposal(self) -> Proposal:
        """The whole proposal."""
        if self.driver.name == MODULE_BODY:
            self.note(f'importing {self.code.name} runs all of it: put its last lines under if __name__ == "__main__":')
        for name in files_read_on_import(self.root, self.code):
            remedy = "where no stage can declare it: read it in a function"
            self.note(f"{self.code.name} reads {name} when it is imported, {remedy}")
        for record in self.records.values():
            self.made.defaults[record.node.name] = f"defaults_of({self._own_name(record)})"
        for step in self.driver.steps:
            if not isinstance(step, Call):
                self.places = {**self.places, step[0]: Inline(step[1], self.places)}
            elif not self._is_idle(step):
                self._add(step)
        stage_of = {target: place.stage for target, place in self.places.items() if isinstance(place, FromStage)}
        for sentence in dropped(self.driver, {*self.uses}, stage_of):
            self.note(sentence)
        for sentence in self.found.problems():
            self.note(sentence)
        lacking = self.made.lacking  # a table that has no value is told once
        self.made.lacking = [k for k in lacking if not any(k.startswith(f"{other}.") for other in lacking)]
        tell_wiring(self.made, self.found)
        return self.made

    def note(self, sentence: str) -> None:
        """Say, once, what a person has to look at."""
        self.made.notes += [] if sentence in self.made.notes else [sentence]

    def refuse(self, sentence: str) -> None:
        """Say what of the stage at hand is not as the driver has it: it refuses to run until a person looked."""
        self.note(sentence)
        if sentence not in self.unsure:
            self.unsure.append(sentence)

    def remember(self, name: str, place: Inline) -> None:
        """Say it where two stages would each make their own of what is drawn from in turn."""
        stages = self.uses.setdefault(id(place.expression), set())
        stages.add(len(self.made.stages))
        if len(stages) > 1 and any(word in ast.dump(place.expression) for word in _DRAWN_FROM):
            self.refuse(
                f"{name} of {self.driver.name} is made anew in each stage that draws from it, so that later ones give "
                f"other numbers than {self.driver.name} does: give each a generator of its own there (`a, b = "
                "np.random.default_rng(seed).spawn(2)`) and draft again"
            )

    def _own_name(self, record: RecordClass) -> str:
        """A record's class, as the adapter calls it."""
        if record.code is not self.code and (line := f"import {record.code.name}") not in self.made.imports:
            self.made.imports.append(line)
        return f"{record.code.name}.{record.node.name}"

    def as_given(self, name: str) -> str:
        """The configuration called ``name``, in the form in which functions take it: an object of its own class."""
        record = self.records.get(name)
        if record is not None and record.is_flat() and record.made_whole():
            return f"{self._own_name(record)}(**config)"
        self.made.attributes = True
        return "as_attributes(config)"

    def _is_idle(self, call: Call) -> bool:
        """Whether a step only makes the configuration, or gives nothing."""
        return bool(self.config & {*call.targets}) or not call.function.returned()

    def _add(self, call: Call) -> None:
        name = self._name(call)
        outputs = tuple(target.removesuffix(UNNAMED) for target in call.targets)
        stage = ProposedStage(name, _artifact(name), "", (), outputs, call.together, self._is_mapping(call), (), ())
        self.needs, self.read_paths, self.unsure = {}, {}, stage.unsure
        stage.arguments = tuple(double_quoted(words) for words in Arguments(self, call, name).written())
        stage.call = self.named(call.node.func)
        record = returned_record(call.function) if call.together else None
        if record is not None and record.is_flat():
            stage.mapping = True
            stage.before, stage.after = ("", "._asdict()") if record.is_tuple else ("asdict(", ")")
        stage.needs = tuple(s.name for s in self.made.stages if s.name in self.needs)
        stage.reads = _shortest(self.read_paths)
        names = files_named(self.root, call.function.code, call.function.node)
        stage.files = tuple(f"Path({json.dumps(path)})" for path in names)
        stage.files += tuple(self._files_of_settings())
        for target in call.targets:
            inner: ast.expr = ast.Name(name, ast.Load())
            if not stage.mapping:
                inner = ast.Subscript(inner, ast.Constant(target.removesuffix(UNNAMED)), ast.Load())
            if record is not None and stage.mapping:
                inner = ast.parse(f"{self._own_name(record)}(**{name})", mode="eval").body
            self.places = {**self.places, target: FromStage(inner, name)}
            if record is not None and stage.mapping:
                stage.notes += unkept(record, target.removesuffix(UNNAMED))
            if not (record and stage.mapping) and (why := self.objects.used_as_object(target)):
                remedy = "give its numbers in its place, and build it again where it is used"
                tables = "pandas" in {source.partition(".")[0] for source, _ in call.function.code.imports.values()}
                remedy += "; if it is a pandas table, delete this line" * tables
                stage.notes.append(f"{target.removesuffix(UNNAMED)} is an object ({why}): {remedy}")
        self.made.stages.append(stage)

    def _files_of_settings(self) -> Iterator[str]:
        """The settings that the stage at hand reads and that name a file of the repository."""
        for path in self.read_paths:
            value: Any = self.made.settings
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            place = "config" + "".join(f"[{json.dumps(key)}]" for key in path)
            items = value.items() if isinstance(value, dict) else ()
            named = [(place, value), *((f"{place}[{json.dumps(key)}]", item) for key, item in items)]
            yield from (
                f"Path({where})" for where, words in named if isinstance(words, str) and is_file(self.root, words)
            )

    def _name(self, call: Call) -> str:
        base = call.function.name.strip("_")
        taken = {s.name for s in self.made.stages} | {
            "config",
            "progress",
            "defaults",
            self.code.name.partition(".")[0],
        }
        first = call.targets[0].removesuffix(UNNAMED)
        other = f"{base}_{first}" if first != base else base
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

    def argument(self, call: Call, name: str, node: ast.expr, plain: bool) -> str:
        """An argument as a stage writes it, with what it needs and reads."""
        rewritten = Rewriter(self, node).rewritten()
        if isinstance(rewritten, ast.Name) and rewritten.id == "config":
            reads = self.reader.reads(call.function, name)
            for path in sorted(reads.given) or [()]:
                self.read(path)
            if reads.attributes:
                given = self.as_given(node.id if isinstance(node, ast.Name) else "")
                rewritten = ast.parse(given, mode="eval").body
        elif not isinstance(node, ast.Name):
            self.read_in(node)
        words = ast.unparse(rewritten)
        return words if plain else f"{name}={words}"

    def read_in(self, node: ast.expr) -> None:
        """The stage at hand reads what an expression does, and functions that it calls."""
        reads = self.reader.of_expression(self.code, node, dict.fromkeys(self.config, ()))
        for path in sorted(reads.given):
            self.read(path)
        for of, path in sorted(reads.shared, key=lambda found: found[1]):
            self.read_shared(of, path)

    def plain(self, node: ast.expr) -> Any:
        """The value of a literal that TOML can hold; else no value."""
        return self._of_toml(literal_of(node, lambda node: None))

    def _of_toml(self, value: Any) -> Any:
        return value if is_toml(value) else None if value is None else UNKNOWN

    def read(self, path: tuple[str, ...]) -> None:
        """A stage reads a setting; its value is looked up, and for what is computed those of the settings behind it."""
        if path and (function := self.found.computed(path[0])):
            for inner in sorted(self.reader.reads(function, "self").given):
                self.read(inner)
            return
        for key in ("", path[0] if path else ""):
            if key in self.found.unclear:
                self.refuse(self.found.unclear[key])
        for part in [(key,) for key in self.tables] if not path else [path]:
            self.read_paths[part] = True
            node: ast.expr | None = self.tables.get(part[0], self.fallbacks.get(part[0]))
            value = self._of_toml(self.found.literal_in_source(node)) if node is not None else UNKNOWN
            if value is None or value is UNKNOWN:
                if ".".join(part) not in self.made.lacking and not self.found.optional(part[0]):
                    self.made.lacking.append(".".join(part))
            else:
                self.made.settings.setdefault(part[0], value)

    def read_shared(self, shared: Shared, path: tuple[str, ...]) -> None:
        """A stage reads a setting of a configuration that modules share."""
        self.made.shared = self.made.shared or shared.address
        self.made.defaults[table_of(shared.address)] = shared.address.replace(":", ".")
        table = table_of(shared.address)
        keys = path[:1] or tuple(shared.table)
        for key in keys:
            self.read_paths[table, key] = True
            value = self.plain(shared.table[key]) if key in shared.table else UNKNOWN
            if value is None or value is UNKNOWN:
                self.made.lacking += [] if f"{table}.{key}" in self.made.lacking else [f"{table}.{key}"]
            else:
                self.made.settings.setdefault(table, {})[key] = value

    def named(self, node: ast.expr) -> str:
        """A function of the driver's module, as the adapter calls it."""
        return ast.unparse(Rewriter(self, node).rewritten())


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
