"""What a stage leaves changed in its process is named and put back; what libraries set up for themselves is not."""

from __future__ import annotations

import json
import textwrap

import pytest
from host_cases import COMPARING, answers, possible, repository, run

PYTHON, NUMPY = "Python's global random state", "numpy's global random state"

# What a stage does, and what it leaves changed.
LEFT: dict[str, tuple[str, list[str]]] = {
    "a_variable": ("import os; os.environ['OMP_NUM_THREADS'] = '1'", ["the environment variable OMP_NUM_THREADS"]),
    "a_removed_variable": ("import os; del os.environ['GAIN']", ["the environment variable GAIN"]),
    "a_time_zone": ("import os, time; os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()", ["the environment variable TZ"]),
    "two_variables": (
        "import os; os.environ.update(B='1', A='2')",
        ["the environment variable A", "the environment variable B"],
    ),
    "errors": ("import numpy; numpy.seterr(all='raise')", ["numpy's floating-point error handling"]),
    "printing": ("import numpy; numpy.set_printoptions(precision=2)", ["numpy's print options"]),
    "buffer": ("import numpy; numpy.setbufsize(16)", ["numpy's buffer size"]),
    "filters": ("import warnings; warnings.simplefilter('error')", ["the warnings filters"]),
    "no_filters": ("import warnings; warnings.resetwarnings()", ["the warnings filters"]),
    "seed": ("import random; random.seed(1)", [PYTHON]),
    "seed_and_draws": ("import random; random.seed(1); [random.random() for _ in range(3000)]", [PYTHON]),
    "state": ("import random; s = random.Random(1); random.setstate(s.getstate())", [PYTHON]),
    "numpy_seed": ("import numpy; numpy.random.seed(1)", [NUMPY]),
    "numpy_seed_and_draws": ("import numpy; numpy.random.seed(1); numpy.random.rand(3000)", [NUMPY]),
    "numpy_state": ("import numpy; numpy.random.set_state(numpy.random.RandomState(1).get_state())", [NUMPY]),
    "numpy_generator": ("import numpy; numpy.random.set_bit_generator(numpy.random.PCG64(1))", [NUMPY]),
    "locale": ("import locale; locale.setlocale(locale.LC_ALL, 'C')", ["the locale"]),
    "umask": ("import os; os.umask(0o77)", ["the umask (now 0o77)"]),
    "signal": (
        "import signal; signal.signal(signal.SIGTERM, lambda *a: None)",
        ["the handler of SIGTERM"],
    ),
    "ignored_signal": ("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)", ["the handler of SIGINT"]),
    "alarm": ("import signal; signal.alarm(1000)", ["a timer that is still running (signal.setitimer)"]),
    "path": ("import sys; sys.path.insert(0, 'lib')", ["sys.path"]),
    "shorter_path": ("import sys; sys.path.remove([p for p in sys.path if 'repository' in p][0])", ["sys.path"]),
    "output": ("import io, sys; sys.stdout = io.StringIO()", ["sys.stdout"]),
    "error_output": ("import io, sys; sys.stderr = io.StringIO()", ["sys.stderr"]),
    "environment_itself": ("import os; os.environ = dict(os.environ)", ["os.environ"]),
    "hook": ("import sys; sys.excepthook = lambda *a: None", ["sys.excepthook"]),
    "function": ("import builtins; builtins.sum = lambda *a: 0", ["the built-in sum"]),
    "limits": (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(7)[1]))",
        ["the limits of resources"],
    ),
    "recursion": ("import sys; sys.setrecursionlimit(5000)", ["the recursion limit (now 5000)"]),
    "decimals": ("import decimal; decimal.getcontext().prec = 4", ["the context of decimal numbers"]),
    "thread": (
        "import threading, time; threading.Thread(target=time.sleep, args=(9,), name='t', daemon=True).start()",
        ["a thread that is still running (t)"],
    ),
    "process": (
        "import subprocess; subprocess.Popen(['sleep', '9'])",
        ["a process that is still running (sleep 9)"],
    ),
}
CANNOT_BE_PUT_BACK = ("thread", "process")

CALM: dict[str, str] = {
    "nothing": "pass",
    "a_variable_for_a_while": "import os; os.environ['X'] = '1'; del os.environ['X']",
    "errors_for_a_while": "import numpy\nwith numpy.errstate(all='raise'): pass",
    "filters_for_a_while": "import warnings\nwith warnings.catch_warnings(): warnings.simplefilter('error')",
    "printing_for_a_while": "import numpy\nwith numpy.printoptions(precision=2): str(numpy.ones(3))",
    "decimals_for_a_while": "import decimal\nwith decimal.localcontext() as c: c.prec = 3",
    "a_generator_of_its_own": "import random, numpy; random.Random(1).random(); numpy.random.default_rng(1).random()",
    "a_state_that_is_put_back": "import random; s = random.getstate(); random.seed(1); random.setstate(s)",
    "a_folder_for_a_while": "import os; d = os.getcwd(); os.chdir('/'); os.chdir(d)",
    "a_thread_that_ended": "import threading; t = threading.Thread(target=int); t.start(); t.join()",
    "a_pool_that_ended": (
        "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as p: list(p.map(abs, [1]))"
    ),
    "a_process_that_ended": "import subprocess; subprocess.run(['true'])",
    "a_process_that_nobody_asked_for": "import subprocess, time; subprocess.Popen(['true']); time.sleep(0.2)",
    "flags_of_decimals": "import decimal; decimal.Decimal(1) / 3",
    "output_for_a_while": "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()): print(1)",
    "shared_memory": (
        "from multiprocessing import shared_memory\nm = shared_memory.SharedMemory(create=True, size=10)\n"
        "m.close(); m.unlink()"
    ),
}

LIBRARIES = {
    "scientific": "import scipy.stats, scipy.optimize, skimage.io, skimage.measure, h5py, networkx",
    "figures": "import matplotlib.pyplot as plt; plt.figure(); plt.close('all')",
    "images": "import imageio.v3, tifffile, PIL.Image",
    "others": "import requests, jsonschema, pydantic, rich, yaml, jinja2, hypothesis",
}

# A library that does at its import what some do.
LIBRARY = """
import os, signal, sys, threading, time, warnings
os.environ["LIBRARY_THREADS"] = "1"
warnings.filterwarnings("ignore", module="library")
sys.path.append(os.path.join(os.path.dirname(__file__), "vendored"))
sys.setrecursionlimit(sys.getrecursionlimit() + 1000)
threading.Thread(target=time.sleep, args=(1.5,), daemon=True).start()
def handler(*arguments): pass
signal.signal(signal.SIGUSR1, handler)
"""


def compare(root, cases, **changed):
    """By case: what is left changed, what was drawn from, and what could not be put back."""
    return answers(root, COMPARING, cases, GAIN="1", **changed)


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    root = repository(tmp_path_factory.mktemp("left") / "repository")
    return compare(root, {name: code for name, (code, _) in LEFT.items()} | {"folder": "import os; os.chdir('data')"})


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    return compare(repository(tmp_path_factory.mktemp("calm") / "repository"), CALM)


@pytest.mark.parametrize("case", LEFT)
def test_what_a_stage_leaves_is_named(left, case):
    assert left[case][0] == LEFT[case][1]


@pytest.mark.parametrize("case", [case for case in LEFT if case not in CANNOT_BE_PUT_BACK])
def test_what_a_stage_leaves_is_put_back(left, case):
    assert left[case][2] == []


def test_the_working_directory_is_named_and_put_back(left):
    (fragment,), _, rest = left["folder"]
    assert fragment.startswith("the working directory (now /")
    assert fragment.endswith("/data)")
    assert rest == []


@pytest.mark.parametrize("case", CALM)
def test_what_a_stage_puts_back_itself_is_not_named(calm, case):
    assert calm[case] == [[], [], []]


def test_what_is_only_drawn_is_told_apart_from_what_is_seeded(tmp_path):
    """It decides nothing: the next stage draws something random either way."""
    cases = {
        "python": "import random; [random.random() for _ in range(3000)]",
        "one": "import random; random.random()",
        "numpy": "import numpy; numpy.random.rand(3000)",
        "both": "import random, numpy; numpy.random.rand(); random.shuffle([1, 2, 3])",
    }
    found = compare(repository(tmp_path / "repository"), cases)
    assert [found[case][0] for case in cases] == [[], [], [], []]
    assert [found[case][1] for case in cases] == [[PYTHON], [PYTHON], [NUMPY], [PYTHON, NUMPY]]


def test_generators_get_fresh_entropy_and_not_their_old_state(tmp_path):
    """What draws unseeded after a restoration differs every time, though the state was the same before."""
    code = """
        import json, random, numpy
        from harness.host import process_state
        before = process_state.capture()
        drawn = []
        for _ in range(3):
            process_state.restore(before)
            drawn.append((random.random(), float(numpy.random.rand())))
        print(json.dumps(drawn))
        """
    drawn = json.loads(run(repository(tmp_path / "repository"), textwrap.dedent(code)))
    assert len({python for python, _ in drawn}) == len({numpy for _, numpy in drawn}) == 3


def test_what_a_library_sets_up_when_it_is_imported_is_left_to_it(tmp_path):
    root = repository(tmp_path / "repository")
    packages = tmp_path / "lib" / "python3" / "site-packages"
    (packages / "vendored").mkdir(parents=True)
    (packages / "library.py").write_text(LIBRARY)
    code = f"""
        import sys
        def stage():
            sys.path.append({str(packages)!r})
            import library
        """
    check = "import os, sys, warnings; assert os.environ['LIBRARY_THREADS'] and sys.path[-1].endswith('vendored')\n"
    check += "assert any('library' in str(f[3]) for f in warnings.filters)"
    assert compare(root, {"first": code, "second": check}) == {"first": [[], [], []], "second": [[], [], []]}


@pytest.mark.parametrize("case", ["os.environ['A'] = '1'", "warnings.simplefilter('error')"])
def test_what_own_code_does_beside_a_library_is_named(tmp_path, case):
    root = repository(tmp_path / "repository")
    packages = tmp_path / "lib" / "python3" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "library.py").write_text(LIBRARY)
    code = f"import os, sys, warnings; sys.path.append({str(packages)!r}); import library; {case}"
    assert len(compare(root, {"stage_1": code})["stage_1"][0]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("case", LIBRARIES)
def test_libraries_that_are_first_imported_leave_nothing(tmp_path, case):
    if not possible({case: LIBRARIES[case]}):
        pytest.skip("a library of the case is not installed")
    assert compare(repository(tmp_path / "repository"), {case: LIBRARIES[case]})[case][0] == []


@pytest.mark.slow
def test_seeds_and_settings_of_a_backend_are_named_and_put_back(tmp_path):
    pytest.importorskip("keras")
    cases = {
        "imported": "import keras; keras.Sequential([keras.layers.Dense(1), keras.layers.Dropout(0.1)]).build((1, 2))",
        "seeded": "import keras; keras.utils.set_random_seed(1)",
        "backend_seeded": "import tensorflow; tensorflow.random.set_seed(1)",
        "exact": "import tensorflow as tf; tf.config.experimental.enable_op_determinism()",
        "coarse": "import tensorflow as tf; tf.config.experimental.enable_tensor_float_32_execution(False)",
        "typed": "import keras; keras.config.set_floatx('float64')",
        "policy": "import keras; keras.config.set_dtype_policy('mixed_float16')",
    }
    found = compare(repository(tmp_path / "repository"), cases)
    assert {case: answer[0] for case, answer in found.items()} == {
        "imported": [],
        "seeded": [PYTHON, NUMPY, "TensorFlow's global seed", "Keras's global seed"],
        "backend_seeded": ["TensorFlow's global seed"],
        "exact": ["TensorFlow's choice of deterministic operations"],
        "coarse": ["TensorFlow's choice of TensorFloat-32"],
        "typed": ["Keras's floating-point type"],
        "policy": ["Keras's policy of data types"],
    }
    assert all(answer[2] == [] for answer in found.values())


def test_to_look_and_to_put_back_takes_milliseconds(tmp_path):
    code = """
        import timeit
        from harness.host import process_state

        def once():
            before = process_state.capture()
            process_state.changes(before, process_state.capture())
            process_state.restore(before)

        print(min(timeit.repeat(once, number=20, repeat=10)) / 20)
        """
    assert float(run(repository(tmp_path / "repository"), textwrap.dedent(code))) < 0.005
