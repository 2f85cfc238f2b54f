"""What becomes of a command whose output cannot be written, or whose terminal knows other letters: real processes."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from plant_repository import Plant, raw

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def plant(tmp_path_factory):
    """A verified repository, which nobody changes; its candidates wait."""
    plant = Plant(tmp_path_factory.mktemp("plant") / "repository")
    plant.write(
        scenarios="return {'small': 'a \u2212 \u00d7 \u2026 small one \u6f22'}",
        make="return {'total': config['n'] * -2e-9}",
    )
    assert plant.run("$H verify").returncode == 1
    return plant


# Streams that take nothing


@pytest.mark.parametrize(
    ("line", "status"), [("list", 2), ("list --json", 2), ("--help", 2), ("verify", 1), ("verify --json", 1)]
)
@pytest.mark.parametrize(("where", "why"), [(">&-", "it is closed"), (">/dev/full", "No space left on device")])
def test_output_that_cannot_be_written_is_never_status_0(plant, line, status, where, why):
    done = plant.run(f"$H {line} {where}")
    assert done.returncode == status
    errors = [each for each in done.stderr.splitlines() if each.startswith("error: ")]
    assert errors == [
        f"error: standard output could not be written ({why}), so what was printed is not whole: make room, "
        "or send it elsewhere"
    ]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_errors_that_nobody_hears_change_no_verdict(plant, where):
    assert plant.run(f"$H list {where}").returncode == 0
    done = plant.run(f"$H verify --json {where}")
    assert done.returncode == 1
    assert json.loads(done.stdout)["project"] == "plant"
    assert plant.run(f"$H run nothing {where}").returncode == 2


def test_nothing_at_all_can_be_written(plant):
    for where in (">&- 2>&-", ">/dev/full 2>/dev/full", "<&- >&- 2>&-"):
        assert plant.run(f"$H list {where}").returncode == 2
        assert plant.run(f"$H run nothing {where}").returncode == 2


@pytest.mark.parametrize(("line", "status"), [("list", 141), ("--help", 141), ("list --json", 141), ("verify", 1)])
def test_a_reader_that_had_enough_ends_nothing_half_way(plant, line, status):
    done = plant.run(f"{{ $H {line}; echo $? >&2; }} | head -0")
    assert done.stderr.splitlines()[-1] == str(status)
    assert "error" not in done.stderr
    assert "Traceback" not in done.stderr
    if line == "verify":
        report = plant.root / ".harness/report/report.json"
        assert json.loads(report.read_bytes())["project"] == "plant"


# Disks that take nothing


def unwritable(plant, line, mount):
    """Run a line where the repository, or a part of it, is mounted in another way; skip where nobody may mount."""
    if os.geteuid() != 0 or plant.run("unshare -m true").returncode != 0:
        pytest.skip("only root may mount")
    done = plant.run(f"unshare -m sh -c '{mount} && cd {plant.root} && exec $H {line}'")
    if "mount:" in done.stderr:
        pytest.skip("mounting is not allowed here")
    return done


@pytest.mark.parametrize("line", ["verify", "verify --no-cache", "run small", "review small/cpu/made", "prune"])
@pytest.mark.parametrize("state", [True, False])
def test_a_repository_that_can_only_be_read_is_one_sentence(plant, tmp_path, line, state):
    copy = tmp_path / "copy"
    shutil.copytree(plant.root, copy, ignore=None if state else shutil.ignore_patterns(".harness"))
    copied = Plant.at(copy)
    done = unwritable(copied, line, f"mount --bind {copy} {copy} && mount -o remount,ro,bind {copy}")
    assert done.returncode == 2
    errors = [each for each in done.stderr.splitlines() if each.startswith("error: ")]
    assert len(errors) == 1
    assert ("Read-only file system" in errors[0]) is (state or not line.startswith("review"))
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", ["list", "log", "pending", "report", "diff", "doctor"])
def test_what_only_reads_works_in_a_repository_that_can_only_be_read(plant, line):
    root = plant.root
    done = unwritable(plant, line, f"mount --bind {root} {root} && mount -o remount,ro,bind {root}")
    usual = plant.run(f"$H {line}")
    assert (done.returncode, done.stderr) == (usual.returncode, usual.stderr)


@pytest.mark.parametrize("size", ["12k", "64k", "128k"])
def test_a_full_disk_is_one_sentence_and_never_status_0(plant, size):
    state = plant.root / ".harness"
    done = unwritable(plant, "verify --json", f"mount -t tmpfs -o size={size} none {state}")
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert done.stdout == ""


def test_a_log_that_takes_no_more_is_no_fault_of_the_adapter(plant):
    done = plant.run("trap '' XFSZ; ulimit -f 0; $H list")
    assert (done.returncode, done.stderr) == (0, "")


# Terminals of other encodings

ENCODINGS = (
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "cp1252"},
    {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "20", "FORCE_COLOR": "1"},
)


@pytest.mark.parametrize("environment", ENCODINGS, ids=lambda e: "-".join(e.values()))
def test_a_terminal_of_another_encoding_gets_what_it_can_show(plant, environment):
    for line, status in (("list", 0), ("verify", 1), ("diff", 1), ("report", 1), ("doctor", 0), ("run small", 0)):
        done = plant.run(f"$H {line}", **environment)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        assert "UnicodeEncodeError" not in done.stderr
        if "TERM" in environment:
            continue
        encoding = environment.get("PYTHONIOENCODING", "ascii")
        assert raw(done.stdout.encode("utf-8", "surrogateescape").decode(encoding)) == []
        if encoding == "ascii":
            assert done.stdout.isascii()
            rows = [each for each in done.stdout.splitlines() if each.startswith(("|", "+"))]
            assert rows
            assert line == "diff" or len({len(each) for each in rows}) == 1  # each table is as wide as its rows


def test_ascii_has_the_look_of_what_it_lacks(plant):
    out = plant.run("$H list", PYTHONIOENCODING="ascii").stdout
    assert "| a - x ... small one \\u6f22 |" in out
    assert "-6e-9" in plant.run("$H diff", PYTHONIOENCODING="ascii").stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_is_json_whatever_the_encoding(plant, encoding):
    done = plant.run("$H list --json", PYTHONIOENCODING=encoding)
    assert json.loads(done.stdout)[0]["title"] == "a \u2212 \u00d7 \u2026 small one \u6f22"
    assert done.stdout.isascii() is (encoding != "utf-8")
