"""The house: which room may know which, how large anything may be, and that a name means one thing."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "ptycho", "guard")
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
LIBRARIES = ("tensorflow", "keras")
# Modules that know libraries by name, among others: how they open files, their seeds, variables and tensors.
KNOW_LIBRARIES = ("circumstances", "openers", "random_states", "tensors")
FIELD = ("ptycho", "diffraction", "tensorflow", "keras", "probe", "gridsize")

# What each room of the harness may import of it; nobody imports the command line or the plugin.
MAY_IMPORT = {
    "core": set(),
    "remote": {"core"},
    "run": {"core", "remote"},
    "host": {"core", "run"},
    "judge": {"core"},
    "report": {"core"},
    "store": {"core", "judge", "remote"},
    "verify": {"core", "run", "host", "judge", "report", "store"},
    "study": {"core", "run", "host", "judge", "report", "store", "setup", "verify"},
    "setup": {"core", "run", "host", "judge", "verify"},
    "cli": {"core", "remote", "run", "host", "judge", "report", "store", "verify", "study", "setup"},
    "plugin": {"core", "run", "host", "judge", "report", "store", "verify", "study"},
    "__main__": {"cli"},
}


def tool(name: str):
    """A script of ``tools/``, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def named(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def imported(module: Path) -> set[str]:
    """The dotted names that a module imports, at its top, inside a function, or for a type checker."""
    return set(tool("rooms").imports(ast.parse(module.read_bytes())))


def of(package: str) -> list[Path]:
    return [module for module in MODULES if module.relative_to(ROOT).parts[0] == package]


# Directions


def test_the_rooms_of_the_harness_import_in_one_direction():
    arrows = tool("rooms").arrows("harness")
    assert set(arrows) == set(MAY_IMPORT)
    assert {room: others - MAY_IMPORT[room] for room, others in arrows.items() if others - MAY_IMPORT[room]} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_rooms_import_in_a_circle(package):
    rooms = tool("rooms")
    assert rooms.levels(rooms.arrows(package))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_in_a_circle(package):
    """At their top, where a circle is a trap; what a function imports late, or a type checker reads, may go around."""
    names = {".".join(m.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): m for m in of(package)}
    graph = {}
    for name, module in names.items():
        top = ast.Module([node for node in ast.parse(module.read_bytes()).body if not isinstance(node, ast.If)], [])
        top.body = [node for node in top.body if isinstance(node, ast.Import | ast.ImportFrom)]
        targets = {t if t in names else t.rpartition(".")[0] for t in tool("rooms").imports(top)}
        graph[name] = {t for t in targets if t in names and t != name and names[t].stem != "__init__"}
    assert tool("rooms").levels(graph)


def test_the_checker_of_circles_sees_one(tmp_path):
    rooms = tool("rooms")
    assert rooms.levels({"a": {"b"}, "b": set()}) == {"a": 1, "b": 0}
    with pytest.raises(ValueError, match="a -> b -> a"):
        rooms.levels({"a": {"b"}, "b": {"a"}})


@pytest.mark.parametrize("module", of("harness"), ids=named)
def test_the_harness_knows_no_pipeline(module):
    assert not {name.partition(".")[0] for name in imported(module)} & {"ptycho", "guard", "keras", "tensorflow"}
    text = module.read_text(encoding="utf-8").lower()
    known = LIBRARIES if module.stem in KNOW_LIBRARIES else ()
    words = [word for word in FIELD if word in text and word not in known]
    assert not [word for word in words if not (word == "tensorflow" and "tf_cpp" in text)]


@pytest.mark.parametrize("module", of("guard"), ids=named)
def test_the_adapter_has_what_any_repository_has(module):
    """It knows the harness by its public surface, ``from harness import ...``, alone."""
    assert not [n for n in imported(module) if n.startswith("harness.") and n.count(".") > 1]


@pytest.mark.slow
def test_importing_is_light():
    """No backend, no scientific stack: pytest loads the plugin in every repository where it is installed."""
    tell = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    heavy = {"tensorflow", "keras", "scipy", "skimage", "matplotlib", "jsonschema", "jinja2", "h5py"}
    for name in ("harness", "harness.plugin", "harness.cli", "guard.pipeline"):
        code = f"import {name}\n{tell}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        loaded = set(done.stdout.split())
        assert not loaded & heavy, name
        assert ("ptycho" in loaded) is (name == "guard.pipeline")


# Size


def test_no_module_is_long_and_half_of_them_are_short():
    lengths = {named(m): len(m.read_text(encoding="utf-8").splitlines()) for m in MODULES}
    assert {name: n for name, n in lengths.items() if n > 300} == {}
    written = [n for name, n in lengths.items() if not name.endswith("__init__.py")]
    assert sorted(written)[len(written) // 2] <= 135


def test_no_function_is_long():
    long = {
        f"{named(module)}:{node.name}": node.end_lineno - node.lineno + 1
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno + 1 > 60
    }
    assert long == {}


def test_no_folder_is_crowded():
    folders: dict[str, int] = {}
    for module in MODULES:
        if module.stem not in ("__init__", "__main__"):
            folders[named(module.parent)] = folders.get(named(module.parent), 0) + 1
    assert {name: n for name, n in folders.items() if n > 12} == {}


# Names


def test_a_public_name_means_one_thing():
    """What is defined more than once is listed in ``tools/homonyms.py``, each with its reason, and nothing else is."""
    homonyms = tool("homonyms")
    assert sorted(homonyms.homonyms()) == sorted(homonyms.SAME)


def test_the_picture_of_the_rooms_is_of_what_is_there():
    rooms = tool("rooms")
    assert rooms.PICTURE.read_text(encoding="utf-8") == rooms.picture(), "run python tools/rooms.py"


def test_no_two_files_of_tests_have_one_name():
    """Pytest imports a file of tests by its name alone, and takes the second for the first."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
