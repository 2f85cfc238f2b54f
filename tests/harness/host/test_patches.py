"""What a stage patches in modules that are not its own is named and put back; what libraries set up is theirs."""

from __future__ import annotations

import pytest
from host_cases import answers, possible, repository

from harness.host.traces.patches import _methods

PATCHING = """
import importlib, json, sys
from pathlib import Path
from harness.host.watch import ProcessWatch

watch = ProcessWatch(Path.cwd(), Path.cwd() / ".harness")
with watch.importing():
    pass
answers = {}
_, answer, *names = sys.argv
for name in names:
    with watch.over(()) as noted:
        importlib.import_module(f"case_{name}").stage()
    with watch.over(()) as again:
        pass
    answers[name] = [noted["changed"], again["changed"]]
Path(answer).write_text(json.dumps(answers))
"""

PATCHED: dict[str, tuple[str, list[str]]] = {
    "a_number": ("import math; math.pi = 3", ["math.pi"]),
    "a_number_by_setattr": ("import math; setattr(math, 'e', 3)", ["math.e"]),
    "a_number_of_a_library": ("import numpy; numpy.pi = 3.0", ["numpy.pi"]),
    "a_number_in_a_library_that_it_imports": ("import scipy.constants; scipy.constants.c = 1.0", ["scipy.constants.c"]),
    "a_function": ("import numpy; numpy.mean = lambda *a: 0", ["numpy.mean"]),
    "a_function_by_another": ("import numpy; numpy.sum = numpy.max", ["numpy.sum"]),
    "a_function_of_c": ("import math; math.sin = math.cos", ["math.sin"]),
    "a_function_by_a_partial": (
        "import functools, numpy; numpy.std = functools.partial(numpy.std, ddof=1)",
        ["numpy.std"],
    ),
    "a_function_that_is_removed": ("import numpy; del numpy.median", ["numpy.median"]),
    "a_built_in": ("import builtins; builtins.len = lambda x: 3", ["builtins.len"]),
    "a_class": ("import json\nclass E(json.JSONEncoder): pass\njson.JSONEncoder = E", ["json.JSONEncoder"]),
    "a_method": ("import json; json.JSONEncoder.encode = lambda *a: '1'", ["json.encoder.JSONEncoder.encode"]),
    "a_generator": ("import random; random.random = lambda: 0.5", ["random.random"]),
    "a_question": ("import os; os.stat = lambda *a, **k: None", ["os.stat"]),
    "a_finder": (
        "import sys\nclass F:\n    find_spec = staticmethod(lambda *a: None)\nsys.meta_path.append(F)",
        ["sys.meta_path"],
    ),
    "a_module_for_another": (
        "import sys, types; sys.modules['colorsys'] = sys.modules['math'] = types.ModuleType('math')",
        ["sys.modules['colorsys']", "sys.modules['math']"],
    ),
    "a_function_of_its_own_by_a_computed_name": (
        "import sys; setattr(sys.modules['hel' + 'per'], 'give', len)",
        ["helper.give"],
    ),
    "the_harness": ("import harness.core.files as f; f.sha256 = lambda x: '1'", ["harness.core.files.sha256"]),
    "a_method_of_the_harness": ("import harness.run.cache as c; c.Cache.get = print", ["harness.run.cache.Cache.get"]),
    "the_watch": (
        "import harness.host.witness as w; w.Witness.watching = lambda *a: None",
        ["harness.host.witness.Witness.watching"],
    ),
}

CALM = {
    "nothing": "pass",
    "a_patch_for_a_while": "import math; math.pi, pi = 3, math.pi; math.pi = pi",
    "a_mock": "from unittest import mock\nwith mock.patch('numpy.sum'): pass",
    "its_own_module": "import helper; helper.VALUE = 2",
    "a_new_name": "import numpy; numpy.of_mine = 1; del numpy.of_mine",
    "generators": "import numpy; numpy.random.default_rng(1).normal(); numpy.linalg.norm(numpy.ones(3))",
    "settings_of_figures": "import matplotlib; matplotlib.rcParams['figure.dpi'] = 50",
    "executors": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "global POOL; POOL = ThreadPoolExecutor(1); POOL.submit(abs, 1).result(); import time; time.sleep(0.1)"
    ),
}

LIBRARIES = {
    "scientific": "import scipy.stats, scipy.optimize, skimage.io, skimage.filters, h5py, networkx; "
    "import numpy; skimage.filters.gaussian(numpy.ones((9, 9))); scipy.stats.norm.cdf(0)",
    "figures": "import matplotlib.pyplot as plt; plt.figure(); plt.text(0, 0, '$x$'); plt.plot([1]); plt.close('all')",
    "others": "import requests, jsonschema, pydantic, rich, yaml, jinja2, hypothesis, imageio.v3, tifffile, PIL.Image",
}


@pytest.fixture(scope="module")
def patched(tmp_path_factory):
    root = repository(tmp_path_factory.mktemp("patched") / "repository")
    (root / "helper.py").write_text("def give(): return 1\n")
    cases = {name: code for name, (code, _) in PATCHED.items()}
    return answers(root, PATCHING, possible({"first": "import helper, colorsys", **cases}))


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    return answers(repository(tmp_path_factory.mktemp("calm") / "repository"), PATCHING, possible(CALM))


@pytest.mark.parametrize("case", PATCHED)
def test_what_is_patched_is_named_once_and_put_back(patched, case):
    if not possible({case: PATCHED[case][0]}):
        pytest.skip("a library of the case is not installed")
    assert patched[case] == [PATCHED[case][1], []]


@pytest.mark.parametrize("case", CALM)
def test_what_is_no_patch_is_not_named(calm, case):
    assert calm[case] == [[], []]


def test_a_docstring_decides_nothing():
    """PyTorch sets one late, in the place of a property that makes it."""
    kind = type("Kind", (), {"__doc__": property(str), "__call__": print, "value": property(str), "_own": print})
    assert set(_methods(kind)) == {"__call__", "value"}


@pytest.mark.slow
@pytest.mark.parametrize("case", LIBRARIES)
def test_what_libraries_set_up_is_theirs(tmp_path, case):
    cases = possible({case: LIBRARIES[case]})
    if not cases:
        pytest.skip("a library of the case is not installed")
    found = answers(repository(tmp_path / "repository"), PATCHING, cases | {"again": LIBRARIES[case]})
    assert found == {case: [[], []], "again": [[], []]}


TWICE = """
from importlib.util import module_from_spec
import pkgutil, sys
for finder, name, _ in pkgutil.iter_modules(__path__, __name__ + "."):
    module = module_from_spec(spec := finder.find_spec(name))
    spec.loader.exec_module(module)  # which imports the package a first time, because it needs its part
    sys.modules[name] = module
"""


@pytest.mark.parametrize(
    ("then", "named"),
    [
        ("pass", []),
        (
            "import sys, types; sys.modules['twice.inner'] = types.ModuleType('twice.inner')",
            ["sys.modules['twice.inner']"],
        ),
    ],
    ids=["by itself", "by a stage"],
)
def test_a_library_may_execute_its_own_module_a_second_time(tmp_path, then, named):
    root = repository(tmp_path / "repository")
    (root / "twice/inner").mkdir(parents=True)
    (root / "twice/__init__.py").write_text(TWICE)
    (root / "twice/inner/__init__.py").write_text("from twice.inner import part")
    (root / "twice/inner/part.py").write_text("")
    found = answers(root, PATCHING, {"first": "import twice", "second": "pass", "third": then, "last": "pass"})
    assert found == {"first": [[], []], "second": [[], []], "third": [named, []], "last": [[], []]}


AS_A_LIBRARY_DOES = """
import calendar, sys
from importlib.util import module_from_spec, spec_from_file_location
module = module_from_spec(spec := spec_from_file_location("calendar", {file}))
spec.loader.exec_module(module)
module.isleap = len
sys.modules["calendar"] = module
"""


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("calendar.__file__", [["calendar.isleap"], []]),
        ("__import__('os').path.abspath('fake.py')", [[], ["sys.modules['calendar']"]]),
    ],
    ids=["its own file", "another file"],
)
def test_what_was_executed_a_second_time_is_looked_at_as_it_was_then(tmp_path, file, told):
    """A patch of the second module is one, and another file's is no second one of it."""
    root = repository(tmp_path / "repository")
    (root / "fake.py").write_text("def isleap(year): return True\n")
    code = AS_A_LIBRARY_DOES.format(file=file)
    found = answers(root, PATCHING, {"first": code, "second": "pass"})
    assert found == {"first": told, "second": [[], []]}


@pytest.mark.slow
def test_what_a_backend_sets_up_is_its_own(tmp_path):
    pytest.importorskip("keras")
    code = """
        import keras, numpy as np
        def stage():
            model = keras.Sequential([keras.layers.Dense(1)])
            model.compile('sgd', 'mse')
            model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)
            keras.backend.clear_session()
            keras.utils.set_random_seed
        """
    found = answers(repository(tmp_path / "repository"), PATCHING, {"first": code, "again": code})
    assert found == {"first": [[], []], "again": [[], []]}
