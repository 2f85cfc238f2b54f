"""Carry the GPU tests to a machine without a package index, and bring one report back.

``carry.py pack FOLDER --backend jax --cuda`` puts the committed repository, the wheels and this file into
FOLDER. There, ``python carry.py run`` installs from the wheels alone, runs ``pytest -m gpu`` and leaves
``gpu-report.json``. Nothing but Python's own library is imported, and nothing is asked of the other machine
but the same Python version.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ABOUT, REQUIREMENTS, REPOSITORY, REPORT = "carry.json", "requirements.txt", "repository.tar", "gpu-report.json"
PROJECTS = ("pyproject.toml", "reference/pyproject.toml")
TESTS = ("hypothesis>=6.100",)  # what tests/conftest.py imports beside the projects' own dependencies
BACKENDS = {
    "tensorflow": ("tensorflow>=2.15.1", "tensorflow[and-cuda]>=2.15.1"),
    "jax": ("jax", "jax[cuda12]"),
    "torch": ("torch", "torch"),  # PyPI's wheels for Linux hold CUDA in any case
}
MIB = 2**20


class CarryError(Exception):
    """What the user can mend, in one sentence."""


def name_of(requirement: str) -> str:
    """A requirement's distribution, as package indexes write it."""
    name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    if not name:
        raise CarryError(f"{requirement!r} is no distribution: --have takes names such as torch")
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def requirements(root: Path, backend: str, cuda: bool, have: list[str]) -> list[str]:
    """What must be installed to run the GPU tests of ``root``: one backend, and nothing of ``have``."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    wanted = [BACKENDS[backend][cuda], *TESTS]
    for name in PROJECTS:
        project = tomllib.loads((root / name).read_text(encoding="utf-8"))["project"]
        wanted += [r for r in project["dependencies"] if name_of(r) not in BACKENDS]
    left_out = {name_of(name) for name in have}
    return sorted({r for r in wanted if name_of(r) not in left_out})


def pack(given: argparse.Namespace, root: Path = ROOT) -> Path:
    """Fill the folder; raises CarryError, and leaves no folder, where something is not to be had."""
    folder: Path = given.folder.resolve()
    whole = tar_of(folder)
    for path in (folder, *(folder.parent.glob(f"{whole.name}*") if given.tar or given.split else ())):
        if path.exists():
            raise CarryError(f"{path} exists already: name a new folder, or remove it")
    if given.split < 0:
        raise CarryError(f"--split {given.split} is no size: give MiB, such as 500")
    if given.data and not given.data.is_dir():
        raise CarryError(f"{given.data} is no folder: --data names one with the measured data")
    commit = committed(root)
    python = version_of(given.python)
    try:
        folder.mkdir(parents=True)
        ask(["git", "-C", str(root), "archive", "--format=tar", "-o", str(folder / REPOSITORY), commit], "git")
        wanted = requirements(root, given.backend, given.cuda, given.have)
        (folder / REQUIREMENTS).write_text("".join(f"{line}\n" for line in wanted), encoding="utf-8")
        download(given, folder, python)
        if given.data:
            copy_data(given.data, folder / "data")
        about = {
            "commit": commit,
            "clean": True,
            "backend": given.backend,
            "cuda": given.cuda,
            "python": python,
            "have": sorted(given.have),
            "platforms": given.platform,
        }
        (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        shutil.copy(__file__, folder / "carry.py")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def committed(root: Path) -> str:
    """The commit of ``root``; raises CarryError where the working tree is not what it says."""
    commit = ask(["git", "-C", str(root), "rev-parse", "HEAD"], "git").strip()
    edits = ask(["git", "-C", str(root), "status", "--porcelain"], "git").splitlines()
    if edits:
        raise CarryError(f"{root} has edits ({edits[0][3:]}): commit first, because the report names what ran")
    return commit


def version_of(interpreter: str) -> str:
    """``3.11`` of a Python that has pip; raises CarryError where it is none."""
    code = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        return ask([interpreter, "-c", code], interpreter).strip()
    except CarryError as error:
        raise CarryError(f"{interpreter} is no Python with pip: name one that has it with --python") from error


def download(given: argparse.Namespace, folder: Path, python: str) -> None:
    """Every wheel that ``requirements.txt`` leads to, and pip's own; those the machine has are left out."""
    wheels = folder / "wheels"
    line = [given.python, "-m", "pip", "download", "--only-binary=:all:", "--disable-pip-version-check"]
    line += ["--progress-bar=off", "--dest", str(wheels), "-r", str(folder / REQUIREMENTS), "pip"]
    if given.platform:
        line += [word for tag in given.platform for word in ("--platform", tag)]
        line += ["--python-version", python, "--implementation", "cp"]
        line += [word for abi in (f"cp{python.replace('.', '')}", "abi3", "none") for word in ("--abi", abi)]
    try:
        ask(line, "pip")
    except CarryError as error:
        raise CarryError(
            f"{error}: check the network and --platform, or name what the machine has with --have"
        ) from None
    for path in wheels.iterdir():
        if name_of(path.name.partition("-")[0]) in {name_of(name) for name in given.have}:
            path.unlink()


def copy_data(source: Path, target: Path) -> None:
    """A folder of test data; raises CarryError, naming the first, where some of it cannot be copied."""
    try:
        shutil.copytree(source, target)
    except shutil.Error as error:
        path, _, why = error.args[0][0]
        raise CarryError(f"{path} cannot be copied ({why}): mend what --data names") from error


def tar_of(folder: Path) -> Path:
    """Where ``--tar`` puts the folder."""
    return folder.with_name(folder.name + ".tar")


def bundled(folder: Path, split_mib: int) -> list[Path]:
    """The folder as one tar, or as parts of at most ``split_mib``; wheels are compressed already."""
    whole = tar_of(folder)
    with tarfile.open(whole, "w") as archive:
        archive.add(folder, folder.name)
    if not split_mib or whole.stat().st_size <= split_mib * MIB:
        return [whole]
    parts: list[Path] = []
    with whole.open("rb") as file:
        while chunk := file.read(split_mib * MIB):
            parts.append(whole.with_name(f"{whole.name}.{len(parts):03d}"))
            parts[-1].write_bytes(chunk)
    whole.unlink()
    return parts


def message(folder: Path, files: list[Path]) -> str:
    """What was packed, how large it is, and what to do with it."""
    inside = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in inside) / MIB
    lines = [f"{folder}: {size:.0f} MiB in {len(inside)} files"]
    lines += [f"{path}: {path.stat().st_size / MIB:.0f} MiB" for path in files]
    if len(files) > 1:
        lines.append(f"there: cat {files[0].name[:-4]}.* | tar x")
    return "\n".join([*lines, f"there: python carry.py run, in {folder.name}; bring back {REPORT}"])


def run(given: argparse.Namespace, folder: Path = HERE) -> int:
    """Install from the wheels, run the GPU tests, leave the report; returns pytest's exit status."""
    began, about = time.monotonic(), read_about(folder)
    here = "{}.{}".format(*sys.version_info[:2])
    if here != about["python"]:
        raise CarryError(
            f"this is Python {here} and the wheels are for {about['python']}: run with python{about['python']}"
        )
    code = folder / "repository"
    shutil.rmtree(code, ignore_errors=True)
    try:
        with tarfile.open(folder / REPOSITORY) as archive:
            archive.extractall(code, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    except (FileNotFoundError, tarfile.TarError) as error:
        raise CarryError(f"{folder / REPOSITORY} is missing or not whole: pack again, and copy all of it") from error
    carried = {"commit": about["commit"], "clean": about["clean"]}
    (code / "CARRIED.json").write_text(json.dumps(carried), encoding="utf-8")
    python, site = install(folder, about, given.target)
    environment = os.environ | {
        "KERAS_BACKEND": about["backend"],
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join(str(path) for path in (code, site) if path),
    }
    if (folder / "data").is_dir():
        environment["PTYCHO_TEST_DATA"] = str(folder / "data")
    report = (given.report or folder / REPORT).resolve()
    report.unlink(missing_ok=True)
    line = [python, "-m", "pytest", "-m", "gpu", "tests/gpu", "-p", "no:cacheprovider", "--gpu-report", str(report)]
    line += ["--gpu-on-cpu"] if given.gpu_on_cpu else []
    if given.minutes is not None:
        line += ["--gpu-minutes", f"{max(0.0, given.minutes - (time.monotonic() - began) / 60):.3f}"]
    status = subprocess.run([*line, *given.pytest], cwd=code, env=environment).returncode
    if not report.is_file():
        raise CarryError(f"there is no report (pytest ended with status {status}): what it printed above says why")
    print(f"bring back {report}")
    return status


def read_about(folder: Path) -> dict[str, Any]:
    """What ``pack`` wrote; raises CarryError where it did not."""
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if not isinstance(about, dict) or not {"commit", "clean", "backend", "python", "have"} <= set(about):
            raise ValueError(f"{ABOUT} is not what pack writes")
    except (OSError, ValueError) as error:
        raise CarryError(f"{folder} was not packed ({error}): run this where `carry.py pack` put it") from error
    return about


def install(folder: Path, about: dict[str, Any], target: bool) -> tuple[str, Path | None]:
    """The Python to run with, and a folder for its path: a fresh venv, or where there is none to be made, a folder."""
    wheels = folder / "wheels"
    pip = next(iter(sorted(wheels.glob("pip-*.whl"))), None)
    if pip is None:
        raise CarryError(f"{wheels} has no pip wheel: pack again, the folder is not whole")
    common = ["install", "--no-index", "--find-links", str(wheels), "--disable-pip-version-check", "--quiet"]
    common += ["--no-warn-script-location", "-r", str(folder / REQUIREMENTS)]
    quiet = os.environ | {"PIP_CONFIG_FILE": os.devnull}
    python, site = sys.executable, None
    if target or not (fresh := new_venv(folder / "env", bool(about["have"]))):
        if about["have"]:
            names = ", ".join(about["have"])
            raise CarryError(
                f"without a venv what is installed ({names}) is not seen: install python3-venv, or pack it"
            )
        site = folder / "site"
        shutil.rmtree(site, ignore_errors=True)
        common += ["--target", str(site)]
    else:
        python = str(fresh)
    try:
        ask([python, f"{pip}/pip", *common], "pip", quiet)
    except CarryError as error:
        raise CarryError(f"{error}: pack for this machine's platform, and name with --have only what it has") from None
    return python, site


def new_venv(folder: Path, see_system: bool) -> Path | None:
    """The Python of a fresh venv without pip; None where none can be made."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        import venv

        venv.EnvBuilder(system_site_packages=see_system, with_pip=False, symlinks=os.name != "nt").create(folder)
    except (ImportError, OSError, subprocess.CalledProcessError):
        return None
    return next((p for p in (folder / "bin/python", folder / "Scripts/python.exe") if p.exists()), None)


def ask(line: list[str], who: str, environment: dict[str, str] | None = None) -> str:
    """What a command prints; raises CarryError with its last word where it fails."""
    try:
        done = subprocess.run(line, capture_output=True, text=True, env=environment)
    except OSError as error:
        raise CarryError(f"{who} cannot be run ({error.strerror})") from error
    if done.returncode:
        lines = [text.strip() for text in done.stderr.splitlines() if text.strip()]
        errors = [text for text in lines if text.startswith(("ERROR", "fatal"))] or lines
        last = errors[-1] if errors else f"exit status {done.returncode}"
        raise CarryError(f"{who} failed ({last.removeprefix('ERROR: ').rstrip('.')})")
    return done.stdout


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Carry the GPU tests to a machine without a package index.")
    commands = parser.add_subparsers(dest="command", required=True)
    out = commands.add_parser("pack", help="repository, wheels and this file, into one folder")
    out.add_argument("folder", type=Path, help="a new folder")
    out.add_argument("--backend", choices=sorted(BACKENDS), required=True, help="the Keras backend to run on")
    out.add_argument("--cuda", action="store_true", help="with the backend's CUDA libraries")
    out.add_argument("--python", default=sys.executable, help="a Python of the other machine's version, with pip")
    out.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="TAG",
        help="the other machine's platform, such as manylinux_2_28_x86_64; repeatable (default: this one's)",
    )
    out.add_argument("--have", action="append", default=[], metavar="NAME", help="what the machine has; repeatable")
    out.add_argument("--data", type=Path, help="a folder of measured data to take along (the GPU tests need none)")
    out.add_argument("--tar", action="store_true", help="also write FOLDER.tar")
    out.add_argument("--split", type=int, default=0, metavar="MIB", help="in parts of at most so much; implies --tar")
    there = commands.add_parser("run", help="on the other machine: install, test, leave the report")
    there.add_argument("--gpu-on-cpu", action="store_true", help="without an accelerator, run reduced on the CPU")
    there.add_argument("--minutes", type=float, help="for all; the tests have what the installation leaves")
    there.add_argument("--target", action="store_true", help="install into a folder instead of a venv")
    there.add_argument("--report", type=Path, help=f"where to leave the report (default: {REPORT} beside this file)")
    there.add_argument("pytest", nargs="*", help="more for pytest, after --")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 done, 1 a test failed, 2 nothing was done and one sentence says why."""
    given = parsed(arguments)
    try:
        if given.command == "run":
            return run(given)
        folder = pack(given)
        print(message(folder, bundled(folder, given.split) if given.tar or given.split else []))
    except CarryError as error:
        print(f"carry: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"carry: {error.filename} cannot be used ({error.strerror}): choose another place", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
