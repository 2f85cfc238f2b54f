"""What a stage changes in place of what its modules hold is seen, whatever name it goes through."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest

from harness.host.traces.own_state import OwnState

MODULE = """
import array, collections, dataclasses, enum, functools, random
import numpy as np

TABLE, NESTED, GRID, BYTES = [1.0], {"a": {"b": [1]}}, np.arange(4.0), bytearray(4)
ITEMS, OBJECTS, NUMBERS = collections.deque([1, 2]), np.array([[1], None], dtype=object), array.array("d", [1.0])
PAIR, SEEN, MEMO = (1, [2]), {1}, {"a": 1}
DATES, MASKED = np.array(["2026-11-30"], "datetime64[D]"), np.ma.masked_array([1.0, 2.0])
BOXES, SAME = {"a": [1]}, [1]
REGISTRY = {"by": {}, "all": {1: SAME}}
DRAWS, OLD_DRAWS, PYTHONS = np.random.default_rng(0), np.random.RandomState(0), random.Random(0)
EACH = iter([1, 2, 3])


class Kind(enum.Enum):
    WARM = 1


BY_KIND = {Kind.WARM: [1]}


class Slotted:
    __slots__ = ("value",)


@dataclasses.dataclass
class Settings:
    gain: float = 1.0
    shared = [1]

    @functools.cached_property
    def twice(self):
        return 2 * self.gain


SETTINGS, SLOTTED = Settings(), Slotted()
SLOTTED.value = 1


class Timer:
    calls = []

    def __init__(self):
        self.total, self.names, self.by, self.limit = 0, [], {"a": 0}, [1]
        self.buffer = np.zeros(())

    def tick(self, name):
        self.total += 1
        self.names.append(name)
        self.by["a"] += 1
        self.calls.append(name)

    def most(self, rows):
        rows.append(self.limit)
        rows[0] = 1

    @property
    def scaled(self):
        return np.multiply(2.0, 2.0, out=self.buffer)


TIMER = Timer()


def counted(value, calls=[0]):
    calls[0] += 1
    return value


@functools.cache
def squared(value):
    return value**2
"""
CHANGES = {
    "TABLE": ["box = m.TABLE; box[0] = 2.0", "box = m.TABLE; box += [1]", "m.TABLE.sort(); [m.TABLE][0].append(3)"],
    "NESTED": ["inner = m.NESTED['a']; inner['b'] = 2", "m.NESTED['a']['b'].append(2)", "m.NESTED.clear()"],
    "GRID": ["np.put(m.GRID, 0, 9.0)", "m.GRID.fill(0)", "np.add(m.GRID, 1, out=m.GRID)", "m.GRID.shape = (2, 2)"],
    "BYTES": ["memoryview(m.BYTES)[0] = 1"],
    "NUMBERS": ["memoryview(m.NUMBERS)[0] = 2.0"],
    "ITEMS": ["m.ITEMS.rotate()"],
    "OBJECTS": ["m.OBJECTS[0].append(1)"],
    "BY_KIND": ["m.BY_KIND[m.Kind.WARM].append(2)"],
    "DATES": ["m.DATES[0] = m.DATES[0] + 1"],
    "MASKED": ["m.MASKED[0] = np.ma.masked"],
    "PAIR": ["m.PAIR[1].append(1)"],
    "SEEN": ["m.SEEN.discard(1)"],
    "SETTINGS": ["each = m.SETTINGS; each.gain = 2.0", "vars(m.SETTINGS)['gain'] = 2.0"],
    "SLOTTED": ["m.SLOTTED.value = 2"],
    "Settings": ["m.Settings.shared.append(1)"],
    "TIMER": ["m.TIMER.limit[0] = 2", "timer = m.TIMER; timer.limit = [2]"],
    "EACH": ["next(m.EACH)"],
}
NO_CHANGES = ["m.MEMO['b'] = 2", "m.SETTINGS.twice", "m.squared(3)", "m.GRID.sum()", "m.TABLE = [1.0]", "m.SEEN.add(2)"]
NO_CHANGES += ["m.REGISTRY['by']['n'] = m.SAME", "m.BOXES['b'] = m.BOXES['a']"]
NO_CHANGES += ["m.TIMER.tick('a')", "m.TIMER.scaled", "m.counted(1)"]  # what whoever calls them goes through
DRAWN = {"DRAWS": "m.DRAWS.normal()", "OLD_DRAWS": "m.OLD_DRAWS.normal()", "PYTHONS": "m.PYTHONS.random()"}


@pytest.fixture
def held(tmp_path, monkeypatch):
    """The module, and what tells which of its names changed when a line is executed."""
    (tmp_path / "held_for_the_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    state = OwnState()
    spec = importlib.util.find_spec("held_for_the_test")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    with state.importing(module):
        spec.loader.exec_module(module)

    def changes(line):
        state.begin()
        exec(line, {"m": module, "np": sys.modules["numpy"]})
        return tuple([name.partition(":")[2] for name in names] for names in state.changes())

    return changes


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, lines in CHANGES.items() for line in lines])
def test_what_is_changed_in_place_is_seen(name, line, held):
    assert held("") == ([], [])
    for _ in range(2):  # it was put back, or else the second one would change nothing
        assert held(line) == ([name], [])
    assert held("") == ([], [])


@pytest.mark.parametrize("line", NO_CHANGES)
def test_what_grows_or_is_only_read_is_not(line, held):
    assert held(line) == ([], [])


@pytest.mark.parametrize("name", DRAWN)
def test_a_generator_that_was_drawn_from_is_told_apart(name, held):
    for _ in range(2):
        assert held(DRAWN[name]) == ([], [name])


def test_what_changed_is_as_it_was_afterwards(held):
    for line in (line for lines in CHANGES.values() for line in lines if "EACH" not in line):
        held(line)
    told = "assert (m.TABLE, m.PAIR, m.SEEN, m.BYTES) == ([1.0], (1, [2]), {1}, bytearray(4))\n"
    told += "assert (m.NESTED, m.GRID.tolist(), m.SETTINGS.gain) == ({'a': {'b': [1]}}, [0.0, 1.0, 2.0, 3.0], 1.0)\n"
    told += "assert (list(m.ITEMS), m.OBJECTS.tolist(), m.SLOTTED.value) == ([1, 2], [[1], None], 1)\n"
    assert held(told) == ([], [])


def said(plant, line="verify"):
    """Every message of a verification that must fail."""
    report = json.loads(plant.harness(f"{line} --json", 1).stdout)
    verdicts = [v for s in report["scenarios"] for a in s["artifacts"] for v in a["verdicts"] if v["status"] != "pass"]
    assert verdicts
    return [verdict["message"] for verdict in verdicts]


HANDED_ON = {
    "TABLE": ("TABLE = [1.0]", "box = TABLE; box[0] = 2.0", "TABLE[0]"),
    "GRID": ("GRID = np.ones(3)", "np.put(GRID, 0, GRID[0] + 1)", "GRID[0]"),
    "shared:BOX": ("import shared", "box = shared.BOX; box['gain'] += 1", "shared.BOX['gain']"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HANDED_ON)
def test_what_another_stage_uses_is_said_cached_or_not(name, plant):
    (plant.root / "shared.py").write_text("BOX = {'gain': 1.0}\n")
    on_import, in_grow, used = HANDED_ON[name]
    plant.put("on import", on_import)
    plant.put("in grow", in_grow)
    plant.put("in weigh", f"return {{'weight': 6.0 + 0 * {used}}}")
    full = name if ":" in name else f"guard:{name}"
    for line in ("verify", "verify", "verify --no-cache", "verify --workers 2"):
        messages = said(plant, line)
        assert all(f"leaves {full} changed, which stage weigh uses" in message for message in messages), messages


@pytest.mark.slow
def test_each_scenario_says_it_though_the_first_one_changed_it_already(plant):
    plant.put("on import", "TABLE = [1.0]")
    plant.put("in scenarios", 'return {"plant": "One plant", "other": "Another one"}')
    plant.put("in grow", "box = TABLE; box[0] = 2.0")
    plant.put("in weigh", "return {'weight': 6.0 + 0 * TABLE[0]}")
    plant.harness("verify", 1)
    for name in ("plant", "other"):
        plant.harness(f"run {name}", 1)


@pytest.mark.slow
def test_what_load_changes_in_place_is_said(plant):
    plant.put("on import", "TABLE = [1.0]")
    plant.put("in load", "box = TABLE; box[0] = 2.0")
    plant.put("in grow", "assert TABLE[0] == 1.0")
    out = " ".join(plant.harness("verify", 1).stdout.split())
    assert "the adapter's load leaves guard:TABLE changed, which stage grow uses" in out


@pytest.mark.slow
def test_a_module_that_is_first_imported_by_a_stage_is_followed_from_then_on(plant):
    (plant.root / "shared.py").write_text("BOX = [1.0]\nBOX.append(2.0)\n")
    plant.put("in grow", "import shared\nbox = shared.BOX\nbox[0] = 2.0")
    plant.put("in weigh", "import shared\nreturn {'weight': 6.0 + 0 * shared.BOX[0]}")
    assert all("leaves shared:BOX changed, which stage weigh uses" in message for message in said(plant))


@pytest.mark.slow
def test_a_memory_that_both_stages_go_through_and_what_imports_do_is_nothing(plant):
    (plant.root / "plugin.py").write_text("import shared\nnames = shared.NAMES\nnames.append('plugin')\n")
    memory = "def squared(n):\n    memo = MEMO\n    memo[n] = memo.get(n, n**2)\n    return memo[n]\n"
    (plant.root / "shared.py").write_text(f"NAMES, MEMO, MINE = [], {{}}, [1]\n{memory}")
    plant.put("on import", "import shared")
    plant.put("in grow", "import plugin\nshared.squared(3)\nmine = shared.MINE\nmine[0] = 2")
    plant.put("in weigh", "import plugin\nshared.squared(4)\nassert shared.NAMES == ['plugin']")
    plant.harness("verify", 0)
    plant.harness("verify --no-cache --workers 2", 0)


@pytest.mark.slow
def test_a_generator_of_a_module_makes_a_stage_depend_on_how_often_it_ran(plant):
    plant.put("on import", "NOISE = np.random.default_rng(0)")
    plant.put("in grow", "NOISE.normal()")
    assert all("leaves the state of guard:NOISE changed" in message for message in said(plant))
