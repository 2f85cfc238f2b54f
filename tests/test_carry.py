"""Carrying the GPU tests: what is packed, what is refused, and a whole small journey without an index."""

from __future__ import annotations

import argparse
import json
import runpy
import subprocess
import sys
import tarfile
import types
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
carry = types.SimpleNamespace(**runpy.run_path(str(ROOT / "benchmarks/carry.py")))
HERE = "{}.{}".format(*sys.version_info[:2])


def test_one_backend_is_required_and_what_the_machine_has_is_not():
    names = {b: {carry.name_of(r) for r in carry.requirements(ROOT, b, False, [])} for b in carry.BACKENDS}
    for backend, required in names.items():
        assert required & set(carry.BACKENDS) == {backend}
        assert {"keras", "numpy", "pytest", "jsonschema", "hypothesis", "h5py"} <= required
    without = {carry.name_of(r) for r in carry.requirements(ROOT, "torch", False, ["Torch", "scikit_image"])}
    assert names["torch"] - without == {"torch", "scikit-image"}


def test_with_cuda_the_backend_brings_its_libraries():
    assert "jax[cuda12]" in carry.requirements(ROOT, "jax", True, [])
    assert "tensorflow[and-cuda]>=2.15.1" in carry.requirements(ROOT, "tensorflow", True, [])


@pytest.fixture
def repository(tmp_path) -> Path:
    """A small committed repository whose GPU test writes a report."""
    root = tmp_path / "repository"
    (root / "tests/gpu").mkdir(parents=True)
    (root / "reference").mkdir()
    for name in carry.PROJECTS:
        (root / name).write_text('[project]\nname = "x"\ndependencies = ["nothing-heavy>=1"]\n')
    (root / "tests/gpu/test_it.py").write_text("")
    for line in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@y", *line], cwd=root, check=True)
    return root


def packing(folder, **given):
    return argparse.Namespace(
        **{
            "folder": folder, "backend": "jax", "cuda": False, "python": sys.executable, "platform": [], "have": [],
            "data": None, "tar": False, "split": 0, **given,
        }
    )  # fmt: skip


class Commands:
    """Stands for ``subprocess.run``: git is real, pip is not."""

    def __init__(self, pip=0, stderr=""):
        self.pip, self.stderr, self.lines = pip, stderr, []
        self.real = subprocess.run

    def __call__(self, line, **keywords):
        self.lines.append(line)
        if line[0] == "git":
            return self.real(line, **keywords)
        if "import sys, pip" in str(line):
            return subprocess.CompletedProcess(line, 0, f"{HERE}\n", "")
        if "download" in line and not self.pip:
            wheels = Path(line[line.index("--dest") + 1])
            wheels.mkdir()
            for name in ("pip-26.0-py3-none-any.whl", "numpy-2.4-cp311-x.whl", "scikit_image-0.26-cp311-x.whl"):
                (wheels / name).write_bytes(b"wheel")
        return subprocess.CompletedProcess(line, self.pip, "", self.stderr)


@pytest.fixture
def commands(monkeypatch):
    recorder = Commands()
    monkeypatch.setattr(subprocess, "run", recorder)
    return recorder


def test_a_pack_holds_the_commit_the_wheels_and_itself(repository, commands, tmp_path):
    data = tmp_path / "measured"
    data.mkdir()
    (data / "x.npz").write_bytes(b"data")
    folder = carry.pack(packing(tmp_path / "out", data=data, have=["scikit-image"]), repository)
    assert sorted(p.name for p in folder.iterdir()) == [
        "carry.json", "carry.py", "data", "repository.tar", "requirements.txt", "wheels",
    ]  # fmt: skip
    with tarfile.open(folder / "repository.tar") as archive:
        assert "tests/gpu/test_it.py" in archive.getnames()
    about = json.loads((folder / "carry.json").read_text())
    assert len(about["commit"]) == 40
    assert about["python"] == HERE
    assert sorted(p.name[:5] for p in (folder / "wheels").iterdir()) == ["numpy", "pip-2"]
    assert (folder / "data/x.npz").read_bytes() == b"data"
    assert "jax" in (folder / "requirements.txt").read_text().split()


def test_another_platform_is_asked_for_by_its_tags(repository, commands, tmp_path):
    carry.pack(packing(tmp_path / "out", platform=["manylinux_2_28_x86_64", "manylinux2014_x86_64"]), repository)
    (line,) = [line for line in commands.lines if "download" in line]
    assert line.count("--platform") == 2
    assert line[line.index("--python-version") + 1] == HERE
    assert "abi3" in line


def test_what_cannot_be_packed_is_one_sentence_and_leaves_nothing(repository, tmp_path, monkeypatch):
    def refused(match, **given):
        with pytest.raises(carry.CarryError, match=match) as caught:
            carry.pack(packing(tmp_path / "out", **given), repository)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out").exists()

    refused("is no Python with pip: .* --python", python="/nowhere/python")
    offline = Commands(
        1, "WARNING: Retrying\nERROR: Could not find a version that satisfies jax\nERROR: No matching jax\n"
    )
    monkeypatch.setattr(subprocess, "run", offline)
    refused(r"pip failed \(No matching jax\): check the network and --platform, or .* --have")
    monkeypatch.setattr(subprocess, "run", Commands())
    refused("'!!!' is no distribution: --have", have=["!!!"])
    refused("--split -3 is no size", split=-3)
    (tmp_path / "out.tar").write_bytes(b"")
    refused(r"out\.tar exists already", tar=True)
    (tmp_path / "out.tar").rename(tmp_path / "out.tar.009")
    refused(r"out\.tar\.009 exists already", split=5)
    offline.lines.clear()
    monkeypatch.setattr(subprocess, "run", offline)
    refused("is no folder: --data", data=tmp_path / "nowhere")
    assert offline.lines == []  # told before anything is fetched
    monkeypatch.setattr(subprocess, "run", Commands())
    (tmp_path / "data").mkdir()
    (tmp_path / "data/gone").symlink_to("nowhere")
    refused("data/gone cannot be copied .*: mend what --data names", data=tmp_path / "data")
    (repository / "edited.py").write_text("")
    refused(r"has edits \(edited.py\): commit first")
    (tmp_path / "taken").mkdir()
    with pytest.raises(carry.CarryError, match="exists already"):
        carry.pack(packing(tmp_path / "taken"), repository)


def test_a_pack_is_split_into_parts_that_join_again(tmp_path):
    folder = tmp_path / "packed"
    folder.mkdir()
    (folder / "wheel").write_bytes(bytes(range(256)) * 10240)  # 2.5 MiB
    assert [p.name for p in carry.bundled(folder, 0)] == ["packed.tar"]
    parts = carry.bundled(folder, 1)
    assert [p.name for p in parts] == ["packed.tar.000", "packed.tar.001", "packed.tar.002"]
    assert all(p.stat().st_size <= 2**20 for p in parts)
    whole = tmp_path / "joined.tar"
    whole.write_bytes(b"".join(p.read_bytes() for p in parts))
    with tarfile.open(whole) as archive:
        assert archive.extractfile("packed/wheel").read() == bytes(range(256)) * 10240
    assert "cat packed.tar.* | tar x" in carry.message(folder, parts)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(carry.pack.__globals__, "committed", lambda root: "c" * 40)
    monkeypatch.setitem(carry.pack.__globals__, "version_of", lambda python: HERE)
    (tmp_path / "file").write_text("")
    assert carry.main(["pack", str(tmp_path / "file/out"), "--backend", "jax"]) == 2
    assert (
        capsys.readouterr().err
        == f"carry: {tmp_path}/file/out cannot be used (Not a directory): choose another place\n"
    )


# On the other machine


def wheel(folder: Path, name: str, files: dict[str, str]) -> None:
    """A wheel of pure Python, as pip takes it."""
    about = f"{name}-1.0.dist-info"
    files |= {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)


PYTEST = """import os, pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index("--gpu-report") + 1])
asked = " ".join(sys.argv[1:])
if "--nothing" not in asked:
    out.write_text(os.environ["KERAS_BACKEND"] + " " + asked)
sys.exit(int("--gpu-on-cpu" not in asked))
"""


@pytest.fixture
def packed(tmp_path) -> Path:
    """A packed folder, whose ``pytest`` is a few lines that write a report, with a pip that unpacks wheels."""
    folder = tmp_path / "packed"
    (folder / "wheels").mkdir(parents=True)
    wheel(folder / "wheels", "pytest", {"pytest/__init__.py": "", "pytest/__main__.py": PYTEST})
    unpack = (
        "import pathlib, sys, sysconfig, zipfile\n"
        "a = sys.argv\n"
        "assert '--no-index' in a\n"
        "to = a[a.index('--target') + 1] if '--target' in a else sysconfig.get_paths()['purelib']\n"
        "links = pathlib.Path(a[a.index('--find-links') + 1])\n"
        "for name in pathlib.Path(a[a.index('-r') + 1]).read_text().split():\n"
        "    found = list(links.glob(name + '-*.whl'))\n"
        "    if not found: sys.exit('ERROR: No matching distribution found for ' + name)\n"
        "    zipfile.ZipFile(found[0]).extractall(to)\n"
    )
    wheel(folder / "wheels", "pip", {"pip/__init__.py": "", "pip/__main__.py": unpack})
    (folder / "requirements.txt").write_text("pytest\n")
    with tarfile.open(folder / "repository.tar", "w") as archive:
        archive.add(ROOT / "LICENSE", "LICENSE")
    (folder / "carry.json").write_text(
        json.dumps({"commit": "c" * 40, "clean": True, "backend": "jax", "python": HERE, "have": []})
    )
    (folder / "carry.py").write_bytes((ROOT / "benchmarks/carry.py").read_bytes())
    return folder


def journey(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-I", str(folder / "carry.py"), "run", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("where", [(), ("--target",)], ids=["venv", "target"])
def test_a_journey_installs_from_the_wheels_and_leaves_one_report(packed, where):
    done = journey(packed, "--gpu-on-cpu", *where, "--", "-k", "one")
    assert done.returncode == 0, done.stderr
    report = (packed / "gpu-report.json").read_text()
    assert report.startswith("jax -m gpu tests/gpu")
    assert report.endswith("--gpu-on-cpu -k one")
    assert json.loads((packed / "repository/CARRIED.json").read_text()) == {"commit": "c" * 40, "clean": True}
    assert (packed / ("site" if where else "env")).is_dir()
    assert journey(packed, *where).returncode == 1  # as pytest ended, and it starts afresh


def test_the_minutes_of_a_journey_are_those_that_the_installation_left(packed):
    assert journey(packed, "--gpu-on-cpu", "--minutes", "8").returncode == 0
    asked = (packed / "gpu-report.json").read_text().split()
    assert 6 < float(asked[asked.index("--gpu-minutes") + 1]) < 8
    assert journey(packed, "--gpu-on-cpu", "--minutes", "0").returncode == 0
    assert "--gpu-minutes 0.000" in (packed / "gpu-report.json").read_text()


def test_a_journey_that_leaves_no_report_says_so(packed):
    (packed / "gpu-report.json").write_text("an older one")
    done = journey(packed, "--gpu-on-cpu", "--", "--nothing")
    assert done.returncode == 2
    assert "there is no report (pytest ended with status 0)" in done.stderr
    assert not (packed / "gpu-report.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("carry.json", b"{}", "was not packed (carry.json is not what pack writes)"),
        ("carry.json", b"[]", "was not packed (carry.json is not what pack writes)"),
        ("repository.tar", b"cut short", "is missing or not whole"),
        ("repository.tar", None, "is missing or not whole"),
    ],
)
def test_a_folder_that_did_not_arrive_whole_is_refused(packed, name, content, message):
    (packed / name).unlink() if content is None else (packed / name).write_bytes(content)
    done = journey(packed)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr


def changed(folder: Path, **about: object) -> None:
    path = folder / "carry.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | about))


def test_what_stops_a_journey_is_one_sentence(packed):
    def refused(text, *arguments):
        done = journey(packed, *arguments)
        assert done.returncode == 2
        assert text in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1

    (packed / "requirements.txt").write_text("pytest\nabsent\n")
    refused("pip failed (No matching distribution found for absent): pack for this machine's platform")
    changed(packed, have=["torch"])
    refused("without a venv what is installed (torch) is not seen", "--target")
    changed(packed, python="2.7")
    refused("the wheels are for 2.7: run with python2.7")
    (packed / "carry.json").unlink()
    refused("was not packed")
