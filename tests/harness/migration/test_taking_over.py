"""Old files become candidates where a run of the rewritten test agrees with them, and else are told."""

from __future__ import annotations

import json
import zipfile
from importlib.util import find_spec

import numpy as np
import pytest
from checked_repository import write
from heat_repository import ROOT, follow, new_repository
from PIL import Image

TESTS = """\
import numpy as np
import pytest


def test_table(check):
    check(np.array([1.5, 2.5, 3.5]), "energy", rtol=1e-6)
    check(np.array([0.1], np.float32), "short", rtol=1e-6)


def test_arrays(check):
    check({"a": np.arange(6.0).reshape(2, 3), "b": np.array([1 + 2j])}, rtol=1e-6)


@pytest.mark.parametrize("n", [3, 4])
def test_data(check, n):
    check({"n": n, "list": [1, 2.5, None, True], "text": "a\\nb"}, exact=True)


def test_picture(check):
    check(np.arange(64, dtype=np.uint8).reshape(8, 8), exact=True)


def test_png(check):
    import io
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(file, "PNG", compress_level=0)
    check(file.getvalue(), exact=True)


class TestPeaks:
    def test_in(self, check):
        check([1.5, 2.5], "first", rtol=1e-6)
        check("eV", "unit", exact=True)


def test_two(check):
    check(1, exact=True)
    check(2, "value_1", exact=True)


def test_moved(check):
    check([1.5, 2.75], rtol=1e-6)


def test_odd(check):
    check([1.5], rtol=1e-6)


def test_more(check):
    check(1.5, "a", rtol=1e-6)
    check(2.5, "b", rtol=1e-6)


def test_without_rule(check):
    check(1.5)
"""
AMBER = """\
# serializer version: 1
# name: TestPeaks.test_in[first]
  list([
    1.5,
    2.5,
  ])
# ---
# name: TestPeaks.test_in[unit]
  'eV'
# ---
# name: test_odd
  array([1.5])
# ---
# name: test_two
  1
# ---
# name: test_two.1
  2
# ---
# name: test_not_rewritten
  1
# ---
"""
FILES = {
    ".gitignore": "__pycache__/\n",
    "tests/test_old.py": TESTS,
    "tests/__snapshots__/test_old.ambr": AMBER,
    "tests/test_old/test_table.csv": ",energy,short\n0,1.5,0.10000000000000001\n1,2.5,\n2,3.5000000001,\n",
    "tests/test_old/test_data_3_.yml": "list:\n- 1\n- 2.5\n- null\n- true\nn: 3\ntext: 'a\n\n  b'\n",
    "tests/test_old/test_data_4_.yml": "list:\n- 1\n- 2.5\n- null\n- true\nn: 4\ntext: 'a\n\n  b'\n",
    "tests/test_old/test_moved.yml": "[1.5, 2.5]\n",
    "tests/test_old/test_more.yml": "a: 1.5\n",
    "tests/test_old/test_without_rule.yml": "1.5\n",
    "tests/test_old/named.yml": "2.5\n",
    "tests/test_old/test_moved_left.yml": "1\n",
    "tests/data.csv": ",a\n0,1\n",  # beside no module
}
TAKEN = {
    f"tests.test_old/check/{name}"
    for name in (
        "test_table",
        "test_arrays",
        "test_data-3",
        "test_data-4",
        "test_picture",
        "test_png",
        "TestPeaks.test_in",
        "test_two",
    )
}


@pytest.fixture(scope="module")
def taken(ready, tmp_path_factory):
    """A repository in which the command ran, and what it said."""
    repository = new_repository(tmp_path_factory.mktemp("old"), ready)
    repository.expect("git init -q -b main")
    folder = repository.root / "tests/test_old"
    folder.mkdir(parents=True)
    np.savez(folder / "test_arrays.npz", a=np.arange(6.0).reshape(2, 3), b=np.array([1 + 2j]))
    for name in ("test_picture", "test_png"):
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(folder / f"{name}.png")
    write(repository, FILES)
    told = json.loads(repository.harness("import-goldens --json", status=1).stdout)
    return repository, told


def about(told, name: str) -> dict:
    (found,) = [each for each in told if any(name in file for file in each["files"])]
    return found


pytestmark = pytest.mark.slow


def test_what_agrees_is_a_candidate_with_the_files_own_numbers(taken):
    repository, told = taken
    assert {each["identity"] for each in told if each["outcome"] == "candidate"} == TAKEN
    waiting = json.loads(repository.harness("pending --json").stdout)
    assert {item["identity"] for item in waiting} == TAKEN
    table = next(item for item in waiting if item["identity"].endswith("test_table"))
    assert table["headline"] == "taken over from tests/test_old/test_table.csv"
    assert table["about"]["environment"].startswith("not known")
    pending = repository.root / ".harness/pending/tests.test_old/check/test_table.npz"
    with np.load(pending) as arrays:
        assert arrays["energy"].tolist() == [1.5, 2.5, 3.5000000001]
        assert arrays["short"].dtype == np.float32


@pytest.mark.parametrize(
    ("name", "outcome", "message"),
    [
        ("test_moved.yml", "differs", "value/1: "),
        ("(test_odd)", "refused", "holds the repr of an object, array, and not its data"),
        ("test_more.yml", "refused", "only the test has 'b'"),
        ("test_without_rule.yml", "refused", "no rule speaks of"),
        ("named.yml", "other", "no test of test_old.py is called like it"),
        ("test_moved_left.yml", "waiting", "no test that checks values is called like it"),
        ("(test_not_rewritten)", "waiting", "rewrite its test to check(...)"),
    ],
)
def test_what_does_not_agree_or_is_no_data_is_told(taken, name, outcome, message):
    found = about(taken[1], name)
    assert found["outcome"] == outcome
    assert message in found["message"]
    assert "\n" not in found["message"]


def test_a_file_beside_no_module_is_none_of_theirs(taken):
    assert not [each for each in taken[1] if "tests/data.csv" in each["files"]]
    told = taken[0].harness("import-goldens tests/data.csv", status=2).stderr
    assert "is no file of pytest-regressions or syrupy beside a module of tests" in " ".join(told.split())


def test_the_old_numbers_are_accepted_though_the_tests_ran_meanwhile(taken, tmp_path):
    repository = taken[0].copy(tmp_path / "copy")
    repository.expect("pytest -q", 1)  # keeps candidates of its own for all others
    repository.harness(f"accept {' '.join(sorted(TAKEN))} --bulk --reason Taken")
    with np.load(repository.root / "goldens/tests.test_old/check/test_table.npz") as arrays:
        assert arrays["energy"].tolist() == [1.5, 2.5, 3.5000000001]
    repository.commit("Goldens")
    again = json.loads(repository.harness("import-goldens --json tests/test_old/test_table.csv").stdout)
    assert [each["outcome"] for each in again] == ["golden"]
    repository.expect("pytest -q tests/test_old.py::test_table")
    repository.edit("tests/test_old.py", "3.5]", "3.6]")
    repository.expect("pytest -q tests/test_old.py::test_table", 1)


def test_a_run_that_does_not_agree_any_more_replaces_the_candidate(taken, tmp_path):
    repository = taken[0].copy(tmp_path / "copy")
    repository.edit("tests/test_old.py", "3.5]", "3.6]")
    repository.commit("Another energy")
    told = repository.harness("accept tests.test_old/check/test_table --reason No", status=2).stderr
    assert "energy" in told
    repository.expect("pytest -q tests/test_old.py::test_table", 1)
    waiting = {item["identity"]: item for item in json.loads(repository.harness("pending --json").stdout)}
    assert waiting["tests.test_old/check/test_table"]["headline"] == "there is no golden yet"


def test_a_file_of_any_name_is_said_to_be_of_a_test(taken, tmp_path):
    repository = taken[0].copy(tmp_path / "copy")
    write(repository, {"tests/test_old.py": f"{TESTS}\n\ndef test_any(check):\n    check(2.5, rtol=1e-6)\n"})
    line = "import-goldens tests/test_old/named.yml"
    assert "waits" in repository.harness(line, status=1).stdout
    assert "kept as candidate" in repository.harness(f"{line} --test tests.test_old/check/test_any").stdout
    repository.expect("mkdir baselines && cp tests/test_old/named.yml baselines/else.yml")
    elsewhere = repository.harness("import-goldens baselines/else.yml --test tests.test_old/check/test_any").stdout
    assert "kept as candidate" in elsewhere
    told = repository.harness(f"{line} --test tests.test_old/check/test_none", status=2).stderr
    assert "is no test that checks values" in told
    told = repository.harness("import-goldens tests --test tests.test_old/check/test_any", status=2).stderr
    assert "name one" in told


def test_in_ci_and_without_old_files_it_says_so(taken, ready, tmp_path):
    assert "in CI nothing is kept" in taken[0].harness("import-goldens", status=2, CI="true").stderr
    repository = new_repository(tmp_path, ready)
    repository.expect("git init -q -b main")
    assert "no file of pytest-regressions" in repository.harness("import-goldens", status=2).stderr
    assert "does not exist" in repository.harness("import-goldens nowhere", status=2).stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.yml", b"a: &x [1]\nb: *x\n", "has aliases"),
        ("bad.yml", b"!!python/object/apply:os.system ['true']\n", "cannot be read as plain YAML"),
        ("bad.yml", b"day: 2020-01-01\n", r"datetime.date\(2020, 1, 1\) in the file"),
        ("bad.yml", b"--- 1\n--- 2\n", "has 2 documents"),
        ("bad.yml", b"1: 2\nday: 3\n", "has the key 1, which is no text"),
        ("bad.yml", b"day: [{2: 3}]\n", "has the key 2, which is no text"),
        ("bad.yml", b"\xff\xfe", "is no text in UTF-8"),
        ("bad.csv", b"a,b\n1,2\n", "is no table of num_regression"),
        ("bad.csv", b",a\n0,1,2\n", "has rows of unequal length"),
        ("bad.npz", b"PK\x03\x04", "is damaged"),
        ("bad.png", b"\x89PNG\r\n\x1a\n", "is no readable PNG"),
    ],
)
def test_a_file_that_is_no_data_is_refused(tmp_path, name, content, message):
    from harness.core.errors import HarnessError
    from harness.verify.migration.old_files import find_old_files
    from harness.verify.migration.taking_over import claimed, named_value

    (tmp_path / "test_x").mkdir()
    (tmp_path / "test_x.py").write_text("")
    (tmp_path / "test_x" / name).write_bytes(content)
    (file,) = find_old_files([tmp_path])
    with pytest.raises(HarnessError, match=message):
        claimed(named_value("value", {"day": "x"}, "t"), [("", file.data(tmp_path))], "t")


def test_an_archive_with_a_pickle_is_never_unpickled(tmp_path):
    from harness.core.errors import RefusedDataError
    from harness.verify.migration.old_files import find_old_files

    (tmp_path / "test_x").mkdir()
    (tmp_path / "test_x.py").write_text("")
    np.savez(tmp_path / "test_x/test_a.npz", a=np.array([{"x": 1}], dtype=object))
    assert zipfile.is_zipfile(tmp_path / "test_x/test_a.npz")
    (file,) = find_old_files([tmp_path])
    with pytest.raises(RefusedDataError, match="no other arrays than those of numbers"):
        file.data(tmp_path)


real_tools = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("syrupy", "pandas")), reason="syrupy or pandas is not installed"
)


@real_tools
def test_syrupy_and_check_do_not_disturb_each_other(ready, tmp_path):
    repository = new_repository(tmp_path, ready)
    repository.expect("git init -q -b main")
    both = "def test_both(check, snapshot):\n    check(1.5, rtol=1e-6)\n    assert snapshot == [1]\n"
    alone = "def test_snapshot(snapshot):\n    assert snapshot == 2\n"
    write(repository, {"test_a.py": both + alone, ".gitignore": "__pycache__/\n"})
    repository.expect("pytest -q --snapshot-update", 1)
    repository.commit("Snapshots")
    repository.harness("accept test_a/check/test_both --reason First")
    repository.commit("Goldens")
    done = repository.expect("pytest -q")
    assert "2 snapshots passed" in done.stdout
    assert "1 golden was compared, as accepted" in done.stdout
    repository.harness("verify")  # runs the one that checks alone, and removes no snapshot
    assert not repository.expect("git status --porcelain").stdout
    repository.edit("test_a.py", "[1]", "[3]")
    assert "1 snapshot failed" in repository.expect("pytest -q", 1).stdout


@real_tools
def test_files_of_the_real_tools_are_taken_over_as_the_how_to_says(ready, tmp_path):
    follow(new_repository(tmp_path, ready), (ROOT / "docs/how-to/import-goldens.md").read_text(encoding="utf-8"))
