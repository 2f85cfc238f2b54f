"""Fingerprints: what changes them, what does not, and that they miss nothing that really runs."""

from __future__ import annotations

import ast
import functools
import inspect
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from harness.core.errors import ProjectError
from harness.run.fingerprints import Sources, fingerprint, reached
from harness.run.source import territory
from harness.run.source.modules import Module
from harness.run.source.places import NOWHERE, ModulePlace

LIB = "def f(x): return x + 1\ndef g(x): return x + 2\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes modules of made-up packages, by path, into a folder that Python searches."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(**files):
        for name, text in files.items():
            path = tmp_path / (name.replace("__", "/").replace("/init", "/__init__") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return Sources(["heat"])

    return write


@pytest.fixture
def heat(write):
    """``heat.stage:run`` with ``heat.lib`` beside it, and which edits of them are noticed."""

    def noticed(stage, lib=LIB, init="", edits=("f", "g")):
        write(heat__init=init, heat__lib=lib, heat__stage=stage)
        before = fingerprint("heat.stage:run", ["heat"])
        names = []
        for name in edits:
            changed = lib.replace(f"def {name}(x): return x", f"def {name}(x): return x * 3")
            assert changed != lib
            write(heat__lib=changed)
            names += [name] if fingerprint("heat.stage:run", ["heat"]) != before else []
        write(heat__lib=lib)
        assert fingerprint("heat.stage:run", ["heat"]) == before
        return names

    return noticed


ONE = {
    "from a module": "from heat.lib import f\ndef run(x): return f(x)",
    "from a module, renamed": "from heat.lib import f as h\ndef run(x): return h(x)",
    "from a package": "from heat import lib\ndef run(x): return lib.f(x)",
    "relative": "from .lib import f\ndef run(x): return f(x)",
    "relative, a module": "from . import lib\ndef run(x): return lib.f(x)",
    "dotted": "import heat.lib\ndef run(x): return heat.lib.f(x)",
    "dotted, renamed": "import heat.lib as l\ndef run(x): return l.f(x)",
    "in the function": "def run(x):\n    from heat.lib import f\n    return f(x)",
    "in the function, a module": "def run(x):\n    import heat.lib as l\n    return l.f(x)",
    "in the function, used by an inner one": "def run(x):\n    from . import lib\n    return [lib.f(y) for y in x]",
    "in a branch": "if len('a'):\n    from heat.lib import f\nelse:\n    f = None\ndef run(x): return f(x)",
    "in a try": "try:\n    from heat.lib import f\nexcept ImportError:\n    f = None\ndef run(x): return f(x)",
    "in a class": "class A:\n    from heat.lib import f\ndef run(x): return A().f()",
    "for a type checker": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from heat.lib import f\ndef run(x: f): return x"
    ),
    "as an annotation": "from heat.lib import f\ndef run(x: list['f']): return x",
    "as an annotation of a variable": "from heat.lib import f\ndef run(x):\n    y: 'f | None' = x\n    return y",
    "as what is returned": "from heat.lib import f\ndef run(x) -> f: return x",
    "as a default": "from heat.lib import f\ndef run(x, how=f): return how(x)",
    "as a keyword's default": "from heat.lib import f\ndef run(x, *, how=f): return how(x)",
    "as a decorator": "from heat.lib import f\n@f\ndef run(x): return x",
    "by way of a constant": "from heat.lib import f\nTABLE = {'f': f}\ndef run(x): return TABLE['f'](x)",
    "by way of two constants at once": "from heat.lib import f\nA, B = f, 1\ndef run(x): return A(x)",
    "by way of a class": "from heat.lib import f\nclass A:\n    def m(self): return f(1)\ndef run(x): return A().m()",
    "by way of a base": "from heat.lib import f\nclass A:\n    m = f\nclass B(A): pass\ndef run(x): return B().m()",
    "by way of a lambda": "from heat.lib import f\nh = lambda x: f(x)\ndef run(x): return h(x)",
    "where a parameter of another function hides it": (
        "from heat.lib import f, g\ndef h(g): return f(g)\ndef run(x): return h(x)"
    ),
    "where a local variable hides another": "from heat.lib import f, g\ndef run(x):\n    g = f(x)\n    return g",
    "where a loop hides another": "from heat.lib import f, g\ndef run(x): return [f(g) for g in x]",
    "in what a comprehension goes through": "from heat.lib import f\ndef run(x): return [y for y in f(x)]",
    "where a field has another's name": "from heat.lib import f, g\nclass A:\n    g: int = f(1)\ndef run(x): return A",
    "named in text": "def run(x): return submit('heat.lib:f', x)",
    "named in text, dotted": "def run(x): return submit('heat.lib.f', x)",
    "passed by a module that imports it": "from heat import other\ndef run(x): return other.f(x)",
    "an attribute of what is used": "from heat.lib import f\ndef run(x): return f.g(x)",
}

BOTH = {
    "a star": "from heat.lib import *\ndef run(x): return f(x)",
    "a star that may hide a builtin": "from heat.lib import *\ndef run(x): return sum(x)",
    "a module that is passed around": "from heat import lib\ndef run(x): return apply(lib, x)",
    "an attribute by text": "from heat import lib\ndef run(x, name): return getattr(lib, name)(x)",
    "an attribute that is not there": "from heat import lib\ndef run(x): return lib.h(x)",
    "a package that is passed around": "import heat\ndef run(x): return apply(heat, x)",
    "a module's name in text": "def run(x): return submit('heat.lib', x)",
    "import_module": "import importlib\ndef run(x): return importlib.import_module('heat.lib').f(x)",
    "import_module of anything": "import importlib\ndef run(x, name): return importlib.import_module(name).f(x)",
    "import_module, imported": "from importlib import import_module\ndef run(x, n): return import_module(f'heat.{n}')",
    "import_module, relative": "import importlib\ndef run(x): return importlib.import_module('.lib', 'heat').f(x)",
    "__import__": "def run(x, name): return __import__(name).f(x)",
    "sys.modules": "import sys\ndef run(x): return sys.modules['heat' + '.lib'].f(x)",
    "eval": "from heat.lib import f, g\ndef run(x): return eval(x)",
    "globals": "from heat.lib import f, g\ndef run(x): return globals()[x]()",
    "subclasses": "class A: pass\ndef run(x): return A.__subclasses__()",
    "subclasses that register": "class A:\n    def __init_subclass__(cls): ALL.append(cls)\ndef run(x): return A()",
    "a function's import of a star's module": "def run(x):\n    from heat import lib\n    return vars(lib)",
}


@pytest.mark.parametrize("how", ONE)
def test_what_is_used_counts_and_its_neighbour_does_not(how, heat, write):
    write(heat__other="from heat.lib import f\n")
    assert heat(ONE[how]) == ["f"]


@pytest.mark.parametrize("how", BOTH)
def test_what_cannot_be_told_counts_in_full(how, heat):
    assert heat(BOTH[how]) == ["f", "g"]


def test_a_global_is_the_modules_own_whatever_a_function_around_hides(heat):
    stage = "from heat.lib import f\ndef run(x):\n    f = x\n    def inner():\n        global f\n        return f(x)\n"
    assert heat(stage) == ["f"]


def test_a_nonlocal_is_the_outer_functions(heat):
    stage = "def run(x):\n    from heat.lib import f as h\n    def inner():\n        nonlocal h\n        h = h(x)\n"
    assert heat(stage) == ["f"]
    stage = "from heat.lib import g\ndef run(x):\n    g = x\n    def inner():\n        nonlocal g\n        g = g(1)\n"
    assert heat(stage) == []


def test_relative_imports_of_a_package_itself_start_from_it(heat):
    assert heat("import heat\ndef run(x): return heat.f(x)", init="from .lib import f") == ["f"]


def test_what_is_imported_for_a_type_checker_only_does_not_run(write):
    write(heat__init="", heat__lib=LIB, heat__effects="from heat.lib import f\nf(1)")
    stage = "{}:\n    import heat.effects\ndef run(x): return x"
    write(heat__stage=stage.format("if TYPE_CHECKING"))
    assert reached("heat.stage:run", ["heat"]) == {"heat.stage:run"}
    write(heat__stage=stage.format("if not TYPE_CHECKING"))
    assert "heat.lib:f" in reached("heat.stage:run", ["heat"])


def test_a_comprehensions_variable_hides_nothing_after_it(heat):
    assert heat("from heat.lib import f\ndef run(x):\n    y = [f for f in x]\n    return f(y)") == ["f"]


def test_every_module_of_a_package_that_makes_up_its_attributes(heat, write):
    init = "def __getattr__(name): return load(name)"
    assert heat("import heat\ndef run(x): return heat.something(x)", init=init) == ["f", "g"]
    init = "def __getattr__(name):\n    from heat.lib import f\n    return f"
    assert heat("import heat\ndef run(x): return heat.lib.f(x)", init=init) == ["f"]


def test_an_attribute_that_a_package_imports_for_the_checker_only_may_be_another(heat):
    init = "if TYPE_CHECKING:\n    from heat.lib import f\n"
    init += "def __getattr__(name):\n    from heat.lib import g\n    return g\n"
    assert heat("import heat\ndef run(x): return heat.f(x)", init=init) == ["f", "g"]


def test_a_name_that_is_both_a_function_and_a_module_counts_as_both(heat):
    assert heat("import heat\ndef run(x): return heat.lib(x)", init="from heat.lib import f as lib") == ["f", "g"]


def test_imports_that_lead_back_to_one_another(heat, write):
    write(
        heat__a="from heat.b import h\nfrom heat.lib import f\ndef x(): return f", heat__b="from heat.a import x as h\n"
    )
    assert heat("from heat.a import h\ndef run(x): return h(x)") == ["f"]
    assert heat("from heat.b import h\ndef run(x): return h(x)") == ["f"]


@pytest.mark.parametrize(
    "effect",
    [
        "TABLE['f'] = f",
        "TABLE.update(f=f)",
        "TABLE |= {'f': f}",
        "for n in 'ab':\n    TABLE[n] = f",
        "if TABLE is not None:\n    TABLE.update(f=f)",
        "_ = TABLE.setdefault('f', f)",
        "import numpy\nnumpy.seterr(f)",
        "@register\ndef h(x): return f(x)",
        "@register('h')\ndef h(x): return f(x)",
        "h = register(f)",
        "class A:\n    @register\n    def h(self): return f(1)",
    ],
)
def test_what_a_module_does_when_it_is_imported_counts_wherever_it_is_imported(effect, write):
    registry = "TABLE = {}\ndef register(x): return TABLE.setdefault(x, x)\n"
    plugin = "from heat.registry import TABLE, register\nfrom heat.lib import f\n"
    stage = "import heat.plugin\nfrom heat.registry import TABLE\ndef run(x): return TABLE['f'](x)"
    write(heat__init="", heat__lib=LIB, heat__registry=registry, heat__plugin=plugin + effect, heat__stage=stage)
    pieces = reached("heat.stage:run", ["heat"])
    assert "heat.lib:f" in pieces
    assert "heat.lib:g" not in pieces
    write(heat__plugin=plugin)
    assert "heat.lib:f" not in reached("heat.stage:run", ["heat"])
    write(heat__plugin=plugin + effect, heat__stage=stage.replace("import heat.plugin", ""))
    assert "heat.lib:f" not in reached("heat.stage:run", ["heat"])
    write(heat__init="import heat.plugin")
    assert "heat.lib:f" in reached("heat.stage:run", ["heat"])


@pytest.mark.parametrize(
    "harmless",
    [
        "'a docstring'",
        "pass",
        "@dataclass\nclass A:\n    x: int = 1\n    def h(self): return f(1)",
        "@functools.cache\ndef h(x): return f(x)",
        "class A: pass\nTABLE = (A(f), A(f))",
        "if __name__ == '__main__':\n    print(f(1))",
        "try:\n    import fast\nexcept ImportError:\n    raise RuntimeError from None",
        "def h(x):\n    TABLE['f'] = f",
    ],
)
def test_what_only_defines_counts_where_it_is_used(harmless, write):
    plugin = f"import functools\nfrom dataclasses import dataclass\nfrom heat.lib import f\n{harmless}"
    write(heat__init="", heat__lib=LIB, heat__plugin=plugin, heat__stage="import heat.plugin\ndef run(x): return x")
    assert reached("heat.stage:run", ["heat"]) == {"heat.stage:run"}


def test_the_order_of_effects_counts_and_their_line_does_not(write):
    stage = "TABLE = {{}}\n{}TABLE['a'] = {}\nTABLE['a'] = {}\ndef run(x): return x\n"
    prints = []
    for text in (stage.format("", 1, 2), stage.format("\n\n# why\n", 1, 2), stage.format("", 2, 1)):
        prints.append(write(heat__init="", heat__stage=text).fingerprint("heat.stage:run"))
    assert prints[0] == prints[1] != prints[2]


def test_comments_docstrings_layout_and_order_do_not_count(write):
    first = write(
        heat="""
        def helper(x): return x+1
        def run(x): return helper(x)
        """
    ).fingerprint("heat:run")
    second = write(
        heat='''
        """What it is about."""
        import os


        def run(x):  # runs
            """Run, says ``helper``."""

            return (
                helper(x)
            )

        def unused(): return 3

        def helper(x):
            "Help."
            return x + 1
        '''
    ).fingerprint("heat:run")
    assert first == second


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x + 1", "x - 1"),
        ("x + 1", "x + 1.0"),
        ("x + 1", "(x, +1)"),
        ("N = 3", "N = '3'"),
        ("N = 3", "N = 3 if x else 3"),
        ("x: int", "x: float"),
        ("import sin as f", "import cos as f"),
        ("from math", "from cmath"),
        ("a, b = 1, 2", "b, a = 1, 2"),
        ("if 3 > 2", "if 3 > 4"),
        ("return N", "return -N"),
        ("h(p=1, q=2)", "h(p=1, /, q=2)"),
        ("h(p=1, q=2)", "h(p=1, *, q=2)"),
    ],
)
def test_every_change_of_meaning_counts(old, new, write):
    text = """
    if 3 > 2:
        from math import sin as f
    a, b = 1, 2
    N = 3
    def run(x: int): return f(x + 1) + a + h()
    def h(p=1, q=2):
        return N
    """
    before = write(heat=text).fingerprint("heat:run")
    assert old in text
    assert write(heat=text.replace(old, new)).fingerprint("heat:run") != before


def test_another_import_of_a_name_counts_even_from_outside_and_at_second_hand(write):
    stage = "from heat import tools\ndef run(x): return tools.f(x)"
    write(heat__init="", heat__stage=stage, heat__tools="from math import sin as f")
    before = fingerprint("heat.stage:run", ["heat"])
    write(heat__tools="from math import cos as f")
    assert fingerprint("heat.stage:run", ["heat"]) != before


def test_two_names_that_change_places_count(write):
    before = write(heat="from math import sin as f, cos as g\ndef run(x): return f(x) - g(x)").fingerprint("heat:run")
    after = write(heat="from math import sin as g, cos as f\ndef run(x): return f(x) - g(x)").fingerprint("heat:run")
    assert before != after


def test_the_roots_and_all_own_source_count(write):
    write(heat__init="", heat__lib=LIB, side__init="", side__tools="def h(x): return x", side__other=LIB)
    text = "import side.other\nfrom side import tools\nfrom heat.lib import f\n"
    text += "def run(x): return f(tools.h(side.other.g(x)))"
    write(side__stages=text + "\ndef unused(): pass")
    assert reached("side.stages:run", ["heat"]) == {"side.stages:run", "heat.lib:f", "side.tools:h", "side.other:g"}


def test_of_what_is_installed_the_roots_and_the_entrys_own_module_count(write, tmp_path, monkeypatch):
    installed = tmp_path / "lib" / "site-packages"
    (installed / "side").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(installed))
    write(heat__init="", heat__lib=LIB)
    for name, text in {"__init__": "", "tools": "def h(x): return x", "other": LIB}.items():
        (installed / "side" / f"{name}.py").write_text(text)
    text = "import side.other\nfrom side import tools\nfrom heat.lib import f\n"
    text += "def run(x): return f(tools.h(side.other.g(x)))"
    (installed / "side" / "stages.py").write_text(text + "\ndef unused(): pass")
    assert reached("side.stages:run", ["heat"]) == {"side.stages:run", "heat.lib:f"}
    wider = {"side.stages:run", "heat.lib:f", "side.tools:h"}
    assert reached("side.stages:run", ["heat", "side.tools"]) == wider
    sources = Sources(["heat"])
    assert sources.fingerprint("side.stages:run") == fingerprint("side.stages:run", ["heat"])
    assert sources.fingerprint("side.stages:run") != Sources(["heat", "side.tools"]).fingerprint("side.stages:run")


def test_packages_without_an_init_and_compiled_modules(write, tmp_path):
    from importlib.machinery import EXTENSION_SUFFIXES

    fast = tmp_path / "heat" / "deep" / f"fast{EXTENSION_SUFFIXES[0]}"
    write(heat__deep__lib=LIB, heat__stage="from heat.deep import lib, fast\ndef run(x): return lib.f(fast.solve(x))")
    fast.write_bytes(b"\x7fELF one")
    before = fingerprint("heat.stage:run", ["heat"])
    assert "heat.deep.lib:f" in reached("heat.stage:run", ["heat"])
    fast.write_bytes(b"\x7fELF two")
    assert fingerprint("heat.stage:run", ["heat"]) != before


def test_nothing_is_imported_or_run(write):
    write(heat__init="raise SystemExit('imported')", heat__stage="from heat import lib\ndef run(x): return lib.f(x)")
    write(heat__lib=LIB + "raise SystemExit('imported')")
    assert reached("heat.stage:run", ["heat"]) == {"heat.stage:run", "heat.lib:f", *()}
    assert "heat" not in sys.modules


def test_a_file_is_read_once_for_any_number_of_fingerprints(write, monkeypatch):
    write(heat__init="", heat__lib=LIB, heat__stage="from heat import lib\ndef run(x): return lib.f(x)\ndef b(): run")
    read = []
    monkeypatch.setattr(territory, "Module", lambda name, *rest, make=Module: read.append(name) or make(name, *rest))
    sources = Sources(["heat"])
    assert sources.fingerprint("heat.stage:run") != sources.fingerprint("heat.stage:b")
    assert sorted(read) == ["heat", "heat.lib", "heat.stage"]


def an_entry(x):
    return HERE and x


HERE = 1


def test_a_function_is_the_same_entry_as_its_name():
    assert fingerprint(an_entry, ["harness.core.errors"]) == fingerprint(
        f"{__name__}:an_entry", ["harness.core.errors"]
    )
    assert reached(an_entry, ["harness.core.errors"]) == {f"{__name__}:an_entry", f"{__name__}:HERE"}


def test_a_function_within_another_counts_as_that_one():
    def inner():
        pass

    here = inspect.currentframe().f_code.co_name
    assert f"{__name__}:{here}" in reached(inner, ["harness.core.errors"])


def test_a_lambda_counts_as_its_module():
    namespace = {"__name__": __name__}
    assert f"{__name__}:an_entry" in reached(eval("lambda: 1", namespace), ["harness.core.errors"])


@pytest.mark.slow
def test_a_script_can_be_its_own_entry(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from harness.run.fingerprints import reached\ndef helper(): pass\ndef run(): helper()\n"
        "if __name__ == '__main__':\n    print(sorted(reached(run, ['harness.core.errors'])))\n"
    )
    path = {"PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, env=path)
    assert done.stdout.strip() == "['__main__:helper', '__main__:run']"


@pytest.mark.slow
def test_the_same_in_every_process(write, tmp_path):
    write(heat__init="", heat__lib=LIB, heat__stage="from heat.lib import f, g\ndef run(x): return f(g(x))")
    code = "from harness.run.fingerprints import fingerprint as f; print(f('heat.stage:run', ['heat']))"
    where = f"{tmp_path}:{Path(__file__).parents[3]}"
    line, digests = [sys.executable, "-c", code], set()
    for seed in ("1", "2", "3"):
        environment = {"PYTHONPATH": where, "PYTHONHASHSEED": seed}
        done = subprocess.run(line, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment)
        digests.add(done.stdout.strip())
    assert digests == {fingerprint("heat.stage:run", ["heat"])}


def test_source_that_is_not_there_is_an_error(write):
    write(heat__init="", heat__stage="def run(x): return x")
    with pytest.raises(ProjectError, match="the source of 'heet' cannot be found: check the adapter's source_roots"):
        Sources(["heat", "heet"])
    with pytest.raises(ProjectError, match=r"'heat\.stage:walk' cannot be found: heat\.stage defines no such name"):
        fingerprint("heat.stage:walk", ["heat"])
    with pytest.raises(ProjectError, match=r"'heat\.stages:run' cannot be found"):
        fingerprint("heat.stages:run", ["heat"])
    for entry in (functools.partial(print, 1), "heat.stage"):
        with pytest.raises(ProjectError, match='has no source of its own: give a function, or "module:function"'):
            fingerprint(entry, ["heat"])
    write(heat__stage="def run(x) return x")
    with pytest.raises(ProjectError, match=r"the source of heat\.stage cannot be read \(.*: .*stage\.py"):
        fingerprint("heat.stage:run", ["heat"])


# The real pipeline ------------------------------------------------------------------------------------------------


SHORT = ("train.epochs=1", "group.train_groups=16", "model.filters=4", "model.sweeps=2", "reference.sweeps=2")


def owners():
    """By file and line, the top-level definition of ``ptycho`` that has it."""
    import ptycho

    root, names = Path(ptycho.__file__).parent, {}
    for path in root.rglob("*.py"):
        module = ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            decorators = getattr(statement, "decorator_list", [])
            for line in range(min(n.lineno for n in (statement, *decorators)), statement.end_lineno + 1):
                names[str(path), line] = f"{module}:{getattr(statement, 'name', '')}"
    return names


class Recorder:
    """The definitions of ``ptycho`` that run while it is on, in every thread."""

    def __init__(self, places):
        self.places, self.ran = places, set()

    def __call__(self, frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_name != "<module>" and (code.co_filename, code.co_firstlineno) in self.places:
            self.ran.add(self.places[code.co_filename, code.co_firstlineno])

    def __enter__(self):
        threading.setprofile(self)
        sys.setprofile(self)

    def __exit__(self, *error):
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.mark.slow
def test_every_function_that_a_real_stage_runs_is_reached():
    declaration = pytest.importorskip("ptycho.pipeline.declaration")
    from ptycho import load_scenario

    config = load_scenario("gs2_ideal", "smoke", SHORT).config
    places, sources, outputs, ran = owners(), Sources(["ptycho"]), {}, {}
    for stage in declaration.PIPELINE:
        recorder = Recorder(places)
        function, arguments = stage.function, stage.arguments(outputs)
        with recorder:
            outputs[stage.name] = function(config, lambda done, total, note: None, *arguments)
        assert recorder.ran <= sources.reached(stage.entry), stage.name
        ran[stage.name] = recorder.ran
    assert {"ptycho.data.simulation:detect", "ptycho.optics.objects:lines"} <= ran["simulate"]
    assert {
        "ptycho.model.losses:poisson_nll",
        "ptycho.model.network:PtychoModel",
        "ptycho.model.features:FeatureMaker",
    } <= ran["train"]
    assert len(ran["compare"]) > 10


def test_a_real_stage_does_not_reach_what_it_does_not_need():
    sources = Sources(["ptycho"])
    simulate, train = (sources.reached(f"ptycho.pipeline.stages:{name}") for name in ("simulate", "train"))
    assert not {
        name
        for name in simulate
        if name.startswith(("ptycho.model.losses", "ptycho.model.network", "ptycho.reconstruction.stitching"))
    }
    assert "ptycho.data.simulation:detect" not in train
    assert "ptycho.training.training:train_network" not in sources.reached("ptycho.pipeline.stages:oracle")


@pytest.mark.parametrize(
    ("module", "name", "line", "changed"),
    [
        ("model/losses", "poisson_nll", "    changed = True", {"train"}),
        ("model/losses", "poisson_nll", "    # changed", set()),
        ("data/simulation", "detect", "    changed = True", {"simulate"}),
        ("cli/commands", "main", "    changed = True", set()),
        ("config/pipeline", "PipelineConfig", "    changed = True", {"simulate", "train", "split", "oracle"}),
    ],
)
@pytest.mark.slow
def test_an_edit_of_the_real_pipeline_changes_the_stages_that_use_it(
    module, name, line, changed, tmp_path, monkeypatch
):
    ptycho = pytest.importorskip("ptycho")
    copy = tmp_path / "ptycho"
    shutil.copytree(Path(ptycho.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    place = ModulePlace(copy / "__init__.py", (copy,))
    monkeypatch.setattr(territory, "place_on_path", lambda name: place if name == "ptycho" else NOWHERE)

    def prints():
        sources = Sources(["ptycho"])
        return {n: sources.fingerprint(f"ptycho.pipeline.stages:{n}") for n in ("simulate", "train", "split", "oracle")}

    before = prints()
    path = copy / f"{module}.py"
    lines = path.read_text(encoding="utf-8").split("\n")
    tree = ast.parse("\n".join(lines))
    lines.insert(next(s.end_lineno for s in tree.body if getattr(s, "name", "") == name), line)
    path.write_text("\n".join(lines), encoding="utf-8")
    after = prints()
    assert {name for name in before if before[name] != after[name]} == changed
