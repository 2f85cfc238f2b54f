"""Own modules are loaded from their source's bytes, and the digest of these bytes is known."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import py_compile
import subprocess
import sys
import sysconfig
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pytest
from host_cases import HARNESS, repository, run

import harness
from harness.host.senses.origins import Origin, origin_of_place, real_path

TELL = "\nimport json; print(json.dumps(loaded()))"
START = "from harness.host.own_modules import loaded, record_imports; record_imports()\n"


def is_own_source(path) -> bool:
    """Whether the watch takes a file for the repository's own, links followed."""
    return not str(path).startswith("<") and origin_of_place(real_path(str(path))) is Origin.OWN


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def recorded(root: Path, code: str, **changed: str) -> dict[str, str]:
    """What is recorded of a process that runs ``code``, by the path relative to the repository."""
    out = run(root, START + textwrap.dedent(code) + TELL, PYTHONDONTWRITEBYTECODE="", **changed)
    found = json.loads(out.splitlines()[-1])
    return {os.path.relpath(path, root.resolve()): value for path, value in found.items()}


@pytest.fixture
def root(tmp_path):
    return repository(tmp_path / "repository")


# Whose a file is


@pytest.mark.parametrize(
    "path",
    [
        os.__file__,
        json.__file__,
        np.__file__,
        pytest.__file__,
        harness.__file__,
        "<frozen importlib._bootstrap>",
        "<string>",
        "/home/x/.local/lib/python3.12/site-packages/a.py",
        "/usr/lib/python3/dist-packages/a.py",
        "/repository/.venv/lib/python3.11/site-packages/a/b.so",
    ],
)
def test_what_is_not_own(path):
    assert not is_own_source(path)


@pytest.mark.parametrize(
    "path",
    [__file__, "/repository/a.py", "/repository/vendor/site-packages/a.py", "/repository/lib/a.py", "a.zip/b.py"],
)
def test_what_is_own(path):
    assert is_own_source(path)


def test_a_link_is_followed_both_ways(tmp_path):
    installed = tmp_path / "lib" / "python3.11" / "site-packages"
    installed.mkdir(parents=True)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.py").touch()
    (installed / "library.py").touch()
    (installed / "linked").symlink_to(tmp_path / "own")  # an editable install by a link
    (tmp_path / "own" / "b.py").symlink_to(installed / "library.py")
    assert is_own_source(installed / "linked" / "a.py")
    assert not is_own_source(tmp_path / "own" / "b.py")


def test_an_installer_that_links_to_its_store_is_an_installer(tmp_path):
    installed, store = tmp_path / "lib" / "python3.11" / "site-packages", tmp_path / "archive-v0" / "x"
    for folder in (installed, store):
        folder.mkdir(parents=True)
    (store / "library.py").touch()
    (installed / "library.py").symlink_to(store / "library.py")
    assert not is_own_source(installed / "library.py")


# What is recorded


def test_nothing_is_recorded_of_what_is_not_own(root):
    assert recorded(root, "import json, numpy, scipy, harness.core.trees") == {}


def test_modules_and_packages_are_recorded(root):
    (root / "package" / "deep.py").write_text("from . import VALUE\n")
    (root / "package" / "__init__.py").write_text("VALUE = 1\n")
    assert recorded(root, "import helper, package.deep") == {
        name: digest(root / name) for name in ("helper.py", "package/__init__.py", "package/deep.py")
    }


def test_a_namespace_package_is_its_modules(root):
    (root / "space").mkdir()
    (root / "space" / "a.py").touch()
    assert recorded(root, "import space.a") == {"space/a.py": digest(root / "space" / "a.py")}


def test_bytecode_of_equal_size_and_time_does_not_decide(root):
    """Without the recording it does: this is what Python checks."""
    source = root / "constant.py"
    source.write_text("VALUE = 1\n")
    times = os.stat(source)
    py_compile.compile(str(source))
    source.write_text("VALUE = 2\n")
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    tell = "import constant; print(constant.VALUE)"
    assert run(root, tell).strip() == "1"
    assert run(root, START + tell).strip() == "2"
    assert recorded(root, "import constant") == {"constant.py": hashlib.sha256(b"VALUE = 2\n").hexdigest()}


def test_bytecode_of_an_unchecked_hash_does_not_decide(root):
    source = root / "constant.py"
    source.write_text("VALUE = 1\n")
    py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    source.write_text("VALUE = 2\n")
    assert run(root, START + "import constant; print(constant.VALUE)").strip() == "2"


def test_no_bytecode_is_written_for_own_modules(root):
    recorded(root, "import helper, package")
    assert not [*root.rglob("*.pyc")]
    run(root, "import helper", PYTHONDONTWRITEBYTECODE="")
    assert [*root.rglob("*.pyc")]  # as it is without the recording


def test_bytecode_kept_elsewhere_is_nobodys_module(root, tmp_path):
    for _ in range(2):  # the first writes it
        assert recorded(root, "import email.mime.text, pytest", PYTHONPYCACHEPREFIX=str(tmp_path / "kept")) == {}


def test_what_was_loaded_counts_and_not_what_is_there_later(root):
    code = """
        import helper
        open("helper.py", "w").write("VALUE = 2")
        """
    before = digest(root / "helper.py")
    assert recorded(root, code) == {"helper.py": before}


def test_of_two_versions_neither_counts(root):
    code = """
        import helper, importlib
        text = open("helper.py").read()
        for new in ("VALUE = 2", text):
            open("helper.py", "w").write(new)
            importlib.reload(helper)
        """
    (found,) = recorded(root, code).values()
    assert found not in (digest(root / "helper.py"), hashlib.sha256(b"VALUE = 2").hexdigest())


def test_a_reload_of_the_same_is_the_same(root):
    code = "import helper, importlib; importlib.reload(helper)"
    assert recorded(root, code) == {"helper.py": digest(root / "helper.py")}


@pytest.mark.parametrize(
    "code",
    [
        "import runpy; runpy.run_path('helper.py')",
        "import runpy; runpy.run_module('helper')",
        "import importlib.util as u; s = u.spec_from_file_location('x', 'helper.py')\n"
        "m = u.module_from_spec(s); s.loader.exec_module(m)",
        "import importlib.machinery as m; m.SourceFileLoader('x', 'helper.py').load_module()",
        "exec(compile(open('helper.py').read(), 'helper.py', 'exec'))",
        "exec(compile(open('helper.py', 'rb').read(), 'helper.py', 'exec'))",
        "import ast; exec(compile(ast.parse(open('helper.py').read()), 'helper.py', 'exec'))",
        "import os; os.chdir('data'); exec(compile(open('../helper.py').read(), '../helper.py', 'exec'))",
        "import threading; t = threading.Thread(target=__import__, args=('helper',)); t.start(); t.join()",
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_every_way_to_run_a_file_is_recorded(root, code):
    assert recorded(root, code) == {"helper.py": digest(root / "helper.py")}


def test_text_that_is_changed_before_it_is_compiled_is_not_the_file(root):
    code = "exec(compile(open('helper.py').read().replace('1', '2'), 'helper.py', 'exec'))"
    (found,) = recorded(root, code).values()
    assert found != digest(root / "helper.py")


def test_other_encodings_and_line_ends_are_still_the_file(root):
    (root / "helper.py").write_bytes("# coding: latin-1\r\nVALUE = 'ä'\r\n".encode("latin-1"))
    code = "exec(compile(open('helper.py', encoding='latin-1').read(), 'helper.py', 'exec')); import helper"
    assert recorded(root, code) == {"helper.py": digest(root / "helper.py")}


@pytest.mark.parametrize("code", ["import helper", "import runpy; runpy.run_path('helper.pyc')"])
def test_bytecode_without_source_is_recorded_as_it_is(root, code):
    py_compile.compile(str(root / "helper.py"), cfile=str(root / "helper.pyc"))
    (root / "helper.py").unlink()
    assert recorded(root, code) == {"helper.pyc": digest(root / "helper.pyc")}


def test_an_archive_counts_as_a_whole(root):
    with zipfile.ZipFile(root / "modules.zip", "w") as archive:
        archive.writestr("zipped.py", "VALUE = 1")
    assert recorded(root, "import sys; sys.path.insert(0, 'modules.zip'); import zipped")["modules.zip"] == digest(
        root / "modules.zip"
    )


def test_an_extension_counts_as_a_file(root):
    """Any compiled module will do: it is another's own as soon as it lies in the repository."""
    source = importlib.util.find_spec("_bisect").origin
    if not source or not source.endswith(".so"):
        pytest.skip("this interpreter has no extension of its own to copy")
    (root / Path(source).name).write_bytes(Path(source).read_bytes())
    code = f"import sys; sys.path.insert(0, {str(root)!r}); sys.modules.pop('_bisect', None); import _bisect"
    assert recorded(root, code) == {Path(source).name: digest(root / Path(source).name)}


def test_an_editable_install_is_own(root, tmp_path):
    """By a path file, as setuptools and hatchling write it."""
    own = tmp_path / "elsewhere"
    own.mkdir()
    (own / "editable.py").touch()
    installed = tmp_path / "lib" / "python3.11" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "editable.pth").write_text(f"{own}\n")
    code = f"import site; site.addsitedir({str(installed)!r}); import editable"
    assert recorded(root, code) == {"../elsewhere/editable.py": digest(own / "editable.py")}


def test_what_a_process_generates_among_temporary_files_is_no_source(root):
    """As backends do that rewrite functions; the same below the repository is source."""
    code = """
        import importlib.util, tempfile
        for folder in (None, "."):
            with tempfile.NamedTemporaryFile("w", suffix=".py", dir=folder, delete=False) as file:
                file.write("VALUE = 1")
            spec = importlib.util.spec_from_file_location("generated", file.name)
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        """
    (name,) = recorded(root, code)
    assert "/" not in name


def test_errors_of_own_modules_are_pythons(root):
    (root / "broken.py").write_text("def f(:\n")
    done = subprocess.run(
        [sys.executable, "-c", START + "import broken"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([HARNESS, str(root)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("SyntaxError")


def test_the_standard_library_is_known_by_its_place():
    assert not is_own_source(Path(sysconfig.get_paths()["stdlib"], "antigravity.py"))
