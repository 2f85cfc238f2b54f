"""Build both distributions, look into them, and try each from its wheel, in an environment that has nothing else.

``python tools/distributions.py [FOLDER]`` (``tox -e dist``) leaves them in FOLDER, ``dist`` by default, and ends with 1
and a sentence where one is not fit to be released. The tag in ``$RELEASE``, if there is one, must be of their version.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = {"ptycho_harness": ROOT, "ptycho_reference": ROOT / "reference"}
_BOTH = {"README.md", "LICENSE", "pyproject.toml", "PKG-INFO", ".gitignore"}
# What may be at the top of each wheel and of each source distribution.
WHEEL = {"ptycho_harness": {"harness", "harness_pytest.py"}, "ptycho_reference": {"ptycho"}}
SDIST = {
    "ptycho_harness": WHEEL["ptycho_harness"] | _BOTH | {"schemas"},
    "ptycho_reference": WHEEL["ptycho_reference"] | _BOTH | {"hatch_build.py"},
}
_OURS = re.compile(
    r"^shared/|(^|/)(tests?|goldens|guard|benchmarks|docs|conftest\.py|test_\w+\.py|__pycache__|\.harness)(/|$)"
)

# A guarded repository: one stage, and one test that checks a value.
TRIAL = {
    "plant.py": """\
from harness import Pipeline, Scenario, Stage


def double(config, progress):
    return {"total": 2.0 * config["n"]}


pipeline = Pipeline(
    "plant",
    (Stage("double", "doubled", double, reads=("n",)),),
    lambda: {"small": "a small one"},
    lambda name, profile, overrides: Scenario(name, profile, "a small one", {"n": 3}),
)
""",
    "pyproject.toml": '[tool.harness]\nadapter = "plant:pipeline"\n',
    ".gitignore": "__pycache__/\n.harness/\n",
    "goldens/tolerances.toml": 'version = 1\n[rules]\n"**" = { rtol = 1e-6 }\n',
    "schemas/doubled.schema.json": (
        '{"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "plant/doubled-1", "description": "it",'
        ' "type": "object"}\n'
    ),
    "test_plant.py": "def test_total(check):\n    check(6.0, rtol=1e-6)\n",
}


class UnfitError(Exception):
    """A distribution that must not be released; the message is a sentence."""


def run(*command: str | Path, cwd: Path, status: int = 0, environment: Mapping[str, str] | None = None) -> str:
    """What a command printed, which must end as it should."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode != status:
        said = f"{done.stdout}\n{done.stderr}"
        raise UnfitError(f"`{' '.join(words)}` ended with {done.returncode} instead of {status}:\n{said}")
    return done.stdout


def version() -> str:
    """The version of both, from the one place that states it."""
    text = (ROOT / "harness/__init__.py").read_text(encoding="utf-8")
    (found,) = re.findall(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    return str(found)


def build(name: str, out: Path) -> tuple[Path, Path]:
    """The wheel and the source distribution of ``name``; the wheel is made from the latter alone."""
    run(sys.executable, "-m", "build", "--outdir", out, SOURCES[name], cwd=out)
    stem = f"{name}-{version()}"
    return out / f"{stem}-py3-none-any.whl", out / f"{stem}.tar.gz"


def files_of(archive: Path) -> dict[str, bytes]:
    """The files of a distribution by their names; a source distribution's without its first folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(archive) as sdist:
        members = [member for member in sdist if not member.isdir()]
        return {m.name.partition("/")[2]: file.read() for m in members if (file := sdist.extractfile(m))}


def problems(archive: Path) -> list[str]:
    """Why a distribution is not fit, by what is inside."""
    name = archive.name.partition("-")[0]
    wheel = archive.suffix == ".whl"
    allowed = WHEEL[name] | {f"{name}-{version()}.dist-info"} if wheel else SDIST[name]
    found = []
    for path, content in files_of(archive).items():
        if path.partition("/")[0] not in allowed or _OURS.search(path):
            found.append(f"{archive.name} holds {path}, which is nothing of a user's")
        elif path.startswith("schemas/") and not path.startswith("schemas/harness/"):
            found.append(f"{archive.name} holds {path}, which is of the pipeline")
        elif str(ROOT).encode() in content:
            found.append(f"{archive.name}: {path} names a folder of this machine, {ROOT}")
    return found


def bare(folder: Path, wheel: Path) -> tuple[Path, dict[str, str]]:
    """An environment that has a wheel and what it needs; gives the folder of its commands, and its variables."""
    run(sys.executable, "-m", "venv", folder / "env", cwd=folder)
    commands = folder / "env/bin"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "CI", "GITHUB_", "TOX"))}
    environment = {**kept, "PATH": f"{commands}{os.pathsep}{kept['PATH']}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_NAME": "Trial", f"GIT_{who}_EMAIL": "trial@example.org"}
    run(
        commands / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        wheel,
        cwd=folder,
        environment=environment,
    )
    return commands, environment


def try_harness(wheel: Path, folder: Path) -> None:
    """Guard a repository with it, from nothing to a difference that is found."""
    _, environment = bare(folder, wheel)
    root = folder / "plant"
    for name, text in TRIAL.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")

    def do(*words: str, status: int = 0) -> str:
        return run(*words, cwd=root, status=status, environment=environment)

    do("harness", "--help")
    assert_told(do("python", "-c", "import harness; print(harness.__version__)"), version())
    for words in (
        ("init", "-q", "-b", "main"),
        ("config", "user.name", "Trial"),
        ("config", "user.email", "t@example.org"),
    ):
        do("git", *words)
    do("git", "add", "-A")
    do("git", "commit", "-q", "-m", "A plant")
    assert_told(do("pytest", "-q", status=1), "there is no golden yet")
    do("harness", "accept", "tolerances.toml", "schemas/doubled.schema.json", "--reason", "Trial")
    do("harness", "verify", status=1)
    do("harness", "accept", *do("harness", "pending", "--ids").split(), "--bulk", "--reason", "Trial")
    do("git", "add", "-A")
    do("git", "commit", "-q", "-m", "Goldens")
    assert_told(do("harness", "verify"), "as accepted")
    assert_told(do("pytest", "-q"), "1 golden was compared, as accepted")
    (root / "test_plant.py").write_text(TRIAL["test_plant.py"].replace("6.0", "6.1"), encoding="utf-8")
    (root / "plant.py").write_text(TRIAL["plant.py"].replace("2.0 *", "2.1 *"), encoding="utf-8")
    assert_told(do("pytest", "-q", status=1), "not as accepted")
    do("harness", "verify", status=1)


def try_reference(wheel: Path, folder: Path) -> None:
    """Ask it for its scenarios; it must not need the harness."""
    commands, environment = bare(folder, wheel)
    run(commands / "ptycho", "--help", cwd=folder, environment=environment)
    assert_told(run(commands / "ptycho", "list", cwd=folder, environment=environment), "gs2_ideal")
    run(commands / "python", "-c", "import harness", cwd=folder, status=1, environment=environment)


def assert_told(said: str, what: str) -> None:
    """Raise UnfitError where ``what`` was not said."""
    if what not in said:
        raise UnfitError(f"{what!r} was not said, but:\n{said}")


def check_release(tag: str, changelog: str) -> None:
    """Raise UnfitError where a tag is not of this version, or the changelog has no such release."""
    if not tag:
        return
    if tag != f"v{version()}":
        raise UnfitError(f"the tag {tag} is not v{version()}, which harness/__init__.py states")
    if f"\n## {version()} (" not in changelog:
        raise UnfitError(f"CHANGELOG.md has no release {version()}: give its entries the version and the day")


def main() -> int:
    """Build, look and try."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "dist")
    out = parser.parse_args().folder.resolve()
    try:
        check_release(os.environ.get("RELEASE", ""), (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        archives = [archive for name in SOURCES for archive in build(name, out)]
        run(sys.executable, "-m", "twine", "check", "--strict", *archives, cwd=out)
        if found := [problem for archive in archives for problem in problems(archive)]:
            raise UnfitError("\n".join(found))
        for name, attempt in (("ptycho_harness", try_harness), ("ptycho_reference", try_reference)):
            with tempfile.TemporaryDirectory(prefix="trial-") as folder:
                attempt(next(a for a in archives if a.name.startswith(name) and a.suffix == ".whl"), Path(folder))
            print(f"{name} {version()}: built, looked into, installed from its wheel and tried")
    except UnfitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
