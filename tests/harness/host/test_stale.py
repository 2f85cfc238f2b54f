"""No stale pass: what decides a result is edited between two verifications, and the second does not trust the first.

Either it computes anew, or the first was a problem already that names the thing, so that nothing was kept.
"""

from __future__ import annotations

import json
import os
import sys

import pytest

pytestmark = pytest.mark.slow

HEIGHTS = "return {'heights': gain * np.arange(config['days'], dtype=np.float64)}"
PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


class Edits:
    """What a case may edit: files of the repository, of libraries installed beside it, of the home; and variables."""

    def __init__(self, plant):
        self.plant, self.beside = plant, plant.root.parent / "beside"
        self.variables = {
            "PYTHONPATH": os.pathsep.join([plant.environment["PYTHONPATH"], str(self.beside / PACKAGES)]),
            "HOME": str(self.beside / "home"),
        }
        (self.beside / "home").mkdir(parents=True)

    def file(self, path, text):
        target = self.plant.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def library(self, name, text):
        self.file(self.beside / PACKAGES / f"{name}.py", text)

    def home(self, path, text):
        self.file(self.beside / "home" / path, text)

    def verify(self, options=""):
        """The status, and what failed."""
        done = self.plant.shell(f"harness verify --json {options}", **self.variables)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        report = json.loads(done.stdout)
        verdicts = [v for s in report["scenarios"] for a in s["artifacts"] for v in a.get("verdicts", ())]
        messages = [v.get("message", "") for v in verdicts if v["status"] != "pass"]
        return done.returncode, "\n".join([*messages, *report.get("problems", ())])


def put(plant, code):
    plant.put("in grow", f"{code}\n{HEIGHTS}")


# A name: the code of the stage, what is there before, and what is edited to triple the result.
DECIDE = {
    "a library that another one imports": (
        "import outer; gain = outer.GAIN",
        lambda e: (e.library("outer", "from inner import GAIN\n"), e.library("inner", "GAIN = 1.0\n")),
        lambda e: e.library("inner", "GAIN = 3.0\n"),
    ),
    "a library that is imported by a computed name": (
        "import importlib; gain = importlib.import_module('in' + 'ner').GAIN",
        lambda e: e.library("inner", "GAIN = 1.0\n"),
        lambda e: e.library("inner", "GAIN = 3.0\n"),
    ),
    "a library that was not there": (
        "import outer; gain = outer.GAIN",
        lambda e: e.library("outer", "try:\n    from inner import GAIN\nexcept ImportError:\n    GAIN = 1.0\n"),
        lambda e: e.library("inner", "GAIN = 3.0\n"),
    ),
    "whether a program is there": (
        "import shutil; gain = 3.0 if shutil.which('tool', path='tools') else 1.0",
        lambda e: None,
        lambda e: (e.file("tools/tool", "#!/bin/sh\n"), (e.plant.root / "tools/tool").chmod(0o755)),
    ),
    "whether a module is there": (
        "import importlib.util; gain = 3.0 if importlib.util.find_spec('ext' + 'ra') else 1.0",
        lambda e: None,
        lambda e: e.file("extra.py", ""),
    ),
    "what a library reads below the repository when it is imported": (
        "import matplotlib; gain = matplotlib.rcParams['figure.dpi'] / 100",
        lambda e: None,
        lambda e: e.file("matplotlibrc", "figure.dpi: 300\n"),
    ),
    "what a library reads in the home when it is imported": (
        "import matplotlib; gain = matplotlib.rcParams['figure.dpi'] / 100",
        lambda e: e.home(".config/matplotlib/matplotlibrc", "figure.dpi: 100\n"),
        lambda e: e.home(".config/matplotlib/matplotlibrc", "figure.dpi: 300\n"),
    ),
    "what a library looks for later": (
        "import outer; gain = outer.gain()",
        lambda e: e.library(
            "outer",
            "import os\nPATH = 'outer.toml'\ndef gain():\n"
            "    return float(open(PATH).read()) if os.path.exists(PATH) else 1.0\n",
        ),
        lambda e: e.file("outer.toml", "3.0"),
    ),
    "a table of types of files": (
        "import mimetypes; gain = 3.0 if mimetypes.MimeTypes(('types',)).guess_type('a.zzz')[0] else 1.0",
        lambda e: e.file("types", "x/y yyy\n"),
        lambda e: e.file("types", "x/y zzz\n"),
    ),
    "when a declared file was changed": (
        "gain = 3.0 if os.path.getmtime('declared.txt') > 2e9 else 1.0",
        lambda e: e.file("declared.txt", "1"),
        lambda e: os.utime(e.plant.root / "declared.txt", (2.1e9, 2.1e9)),
    ),
    "an empty folder in a declared one": (
        "gain = 3.0 if os.listdir('declared') else 1.0",
        lambda e: (e.plant.root / "declared").mkdir(),
        lambda e: (e.plant.root / "declared/inner").mkdir(),
    ),
    "a variable that C asks for": (
        "import ctypes; c = ctypes.CDLL(None); c.getenv.restype = ctypes.c_char_p\n"
        "gain = float(c.getenv(b'GAIN') or b'1')",
        lambda e: None,
        lambda e: e.variables.update(GAIN="3.0"),
    ),
    "a variable beneath os": (
        "import posix; gain = float(posix.environ.get(b'GAIN', b'1'))",
        lambda e: None,
        lambda e: e.variables.update(GAIN="3.0"),
    ),
    "a variable that a library asks for": (
        "import outer; gain = outer.GAIN",
        lambda e: e.library("outer", "import os\nGAIN = float(os.environ.get('OUTER_GAIN', '1'))\n"),
        lambda e: e.variables.update(OUTER_GAIN="3.0"),
    ),
    "a plug-in": (
        "import plugs; gain = plugs.GAIN",
        lambda e: e.file(
            "plugs/__init__.py",
            "import importlib, os\nGAIN = 1.0\nfor name in sorted(os.listdir(os.path.dirname(__file__))):\n"
            "    if name.startswith('plug_'):\n        GAIN *= importlib.import_module(f'plugs.{name[:-3]}').GAIN\n",
        ),
        lambda e: e.file("plugs/plug_a.py", "GAIN = 3.0\n"),
    ),
    "a plug-in that is installed": (
        "from importlib.metadata import entry_points\n"
        "gain = 3.0 if [e for e in entry_points() if getattr(e, 'group', e) == 'growth'] else 1.0",
        lambda e: None,
        lambda e: (
            e.file(e.beside / PACKAGES / "more-1.0.dist-info/METADATA", "Name: more\nVersion: 1.0\n"),
            e.file(e.beside / PACKAGES / "more-1.0.dist-info/entry_points.txt", "[growth]\nmore = more:grow\n"),
        ),
    ),
    "a library that is edited where it is installed": (
        "import outer; gain = outer.GAIN",
        lambda e: (
            e.library("outer", "GAIN = 1.0\n"),
            e.file(e.beside / PACKAGES / "outer-1.0.dist-info/METADATA", "Name: outer\nVersion: 1.0\n"),
            e.file(e.beside / PACKAGES / "outer-1.0.dist-info/RECORD", "outer.py,sha256=x,11\n"),
        ),
        lambda e: e.library("outer", "GAIN = 3.0\n"),
    ),
    "a plug-in that pkgutil finds": (
        "import plugs; gain = plugs.GAIN",
        lambda e: e.file(
            "plugs/__init__.py",
            "import importlib, pkgutil\nGAIN = 1.0\nfor found in pkgutil.iter_modules(__path__):\n"
            "    GAIN *= importlib.import_module(f'plugs.{found.name}').GAIN\n",
        ),
        lambda e: e.file("plugs/plug_a.py", "GAIN = 3.0\n"),
    ),
}


@pytest.mark.parametrize("case", DECIDE)
def test_what_decides_a_result_is_not_taken_from_before_its_edit(case, plant):
    code, before, edit = DECIDE[case]
    edits = Edits(plant)
    plant.put("in files", "return [p for p in ('declared', 'declared.txt') if os.path.exists(p)]")
    put(plant, code)
    before(edits)
    plant.commit()
    status, said = edits.verify()
    assert status == 0, said  # nobody is bothered
    edit(edits)
    status, said = edits.verify()
    if "variable" in case:  # which is withheld: without the cache it is as accepted, too
        assert (status, edits.verify("--no-cache")[0]) == (0, 0), said
    else:
        assert status == 1


def test_a_library_that_was_edited_in_the_second_in_which_it_was_compiled_runs_as_it_is_now(plant):
    """Python takes the bytecode for the edited source's, as their seconds and sizes agree."""
    edits = Edits(plant)
    put(plant, "import inner; gain = inner.GAIN")
    edits.library("inner", "GAIN = 1.0\n")
    plant.commit()
    assert edits.verify()[0] == 0
    (bytecode,) = (edits.beside / PACKAGES).rglob("inner.*.pyc")
    second = int.from_bytes(bytecode.read_bytes()[8:12], "little")  # of the source, as the bytecode has it
    os.utime(bytecode, (second + 0.25, second + 0.25))
    edits.library("inner", "GAIN = 3.0\n")
    os.utime(edits.beside / PACKAGES / "inner.py", (second + 0.75, second + 0.75))
    assert edits.verify()[0] == 1


def test_a_declared_variable_reaches_c_and_libraries_that_are_imported_first(plant):
    edits = Edits(plant)
    edits.library("outer", "import os\nGAIN = float(os.environ.get('OUTER_GAIN', '1'))\n")
    plant.edit("guard.py", "import numpy as np\n", "import numpy as np\nimport outer\n")
    plant.edit("guard.py", "    explain=explain,\n", "    explain=explain,\n    environment=('OUTER_GAIN',),\n")
    put(plant, "gain = outer.GAIN")
    assert edits.verify()[0] == 0
    edits.variables["OUTER_GAIN"] = "3.0"
    assert edits.verify()[0] == 1
    edits.variables["OUTER_GAIN"] = "1.0"
    assert edits.verify()[0] == 0


def test_the_settings_that_a_library_makes_where_there_were_none_make_nothing_stale(plant):
    edits = Edits(plant)
    edits.library(
        "outer",  # as Keras does, in a home that never saw it
        "import os\nfolder = os.path.expanduser('~/.outer')\nif not os.path.exists(folder):\n    os.makedirs(folder)\n"
        "path = os.path.join(folder, 'outer.json')\nif os.path.exists(path):\n    open(path).read()\n"
        "if not os.path.exists(path):\n    open(path, 'w').write('{}')\nGAIN = 1.0\n",
    )
    put(plant, "import outer; gain = outer.GAIN")
    plant.commit()
    assert edits.verify()[0] == 0

    def cached():
        report = json.loads(plant.shell("harness verify --json", **edits.variables).stdout)
        return {a.get("cached", False) for s in report["scenarios"] for a in s["artifacts"] if a["stage"] == "grow"}

    assert cached() == {True}
    edits.home(".outer/outer.json", "{'gain': 3}")
    assert False in cached()


def test_hooks_see_every_variable_since_what_they_make_is_in_the_key(plant):
    edits = Edits(plant)
    plant.put(
        "in load", "import subprocess; os.environ['GAIN_OF_LOAD']; subprocess.run('test $GAIN_OF_LOAD', shell=True)"
    )
    edits.variables["GAIN_OF_LOAD"] = "1"
    status, said = edits.verify()
    assert status == 0, said


def test_a_declared_path_is_of_the_repository_wherever_load_goes(plant):
    (plant.root / "gain.txt").write_text("1")
    (plant.root / "below").mkdir()
    (plant.root / "below/gain.txt").write_text("1")
    plant.put("in files", "return ['gain.txt']")
    plant.put("in load", "os.chdir('below')")
    root = str(plant.root)
    put(plant, f"gain = float(open({root!r} + '/gain.txt').read())")
    report = json.loads(plant.harness("verify --json", 1).stdout)
    assert all("working directory" in problem for problem in report["problems"]), report["problems"]
    (plant.root / "gain.txt").write_text("3")
    done = plant.shell("cd below && harness verify --json")
    artifacts = json.loads(done.stdout)["scenarios"][0]["artifacts"]
    assert [a["artifact"] for a in artifacts if a.get("cached") and a["track"] == "cpu"] == []


def test_what_the_harness_keeps_is_no_stages_to_read(plant):
    plant.put("in grow", "os.listdir('.harness')")
    assert "reads the folder .harness/" in plant.harness("verify", 1).stdout


def test_what_one_stage_patches_does_not_decide_another(plant):
    plant.put("in grow", "import math; math.pi = 3")
    plant.put("in weigh", "import math; return {'weight': 6.0 * math.pi / 3.141592653589793}")
    for _ in range(2):
        assert "leaves math.pi changed" in plant.harness("verify", 1).stdout
