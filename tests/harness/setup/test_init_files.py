"""The files that `harness init` writes: plain, complete, and never over somebody's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from heat_repository import users_environment

from harness.cli.app import main
from harness.core.errors import ProjectError
from harness.core.project import tomllib

SOURCE = "def load(count=3):\n    return [1.0] * count\n\n\ndef total(load):\n    return sum(load)\n"
FILES = {
    *("pyproject.toml", "guard.py", "goldens/main/scenario.toml", "test_goldens.py"),
    *(".github/workflows/goldens.yml", ".gitignore", ".gitattributes"),
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "pipe.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(monkeypatch, capfd, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["harness", "init", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), *capfd.readouterr()


def written(root: Path) -> dict[str, str]:
    files = (p for p in root.rglob("*") if p.is_file() and p.name != "pipe.py")
    return {p.relative_to(root).as_posix(): p.read_text() for p in files}


def test_everything_is_written_and_a_second_time_changes_nothing(repository, monkeypatch, capfd):
    status, out, _ = init(monkeypatch, capfd, "pipe")
    assert status == 0
    first = written(repository)
    assert set(first) == FILES
    assert tomllib.loads(first["pyproject.toml"]) == {"tool": {"harness": {"adapter": "guard:pipeline"}}}
    assert first[".gitattributes"] == "goldens/** -text\nschemas/** -text\n"
    assert "golden.check()" in first["test_goldens.py"]
    assert "harness init --draft" in out
    assert init(monkeypatch, capfd, "pipe")[0] == 0
    assert written(repository) == first


def test_what_is_there_is_kept_and_only_extended_where_lines_are_lacking(repository, monkeypatch, capfd):
    own = {
        "pyproject.toml": '[project]\nname = "pipe" # mine\nversion = "1"\n\n[tool.other]\nx = 1',
        ".gitignore": "out/\n__pycache__/",
        "test_goldens.py": "# mine\n",
    }
    for name, text in own.items():
        (repository / name).write_text(text)
    status, out, _ = init(monkeypatch, capfd, "pipe")
    assert status == 0
    now = written(repository)
    assert now["pyproject.toml"] == own["pyproject.toml"] + '\n\n[tool.harness]\nadapter = "guard:pipeline"\n'
    assert now[".gitignore"] == "out/\n__pycache__/\n.harness/\n"
    assert now["test_goldens.py"] == "# mine\n"
    assert "kept" in out
    assert "-harness .\n" in now[".github/workflows/goldens.yml"]
    assert init(monkeypatch, capfd, "pipe", "--force")[0] == 0
    assert "golden.check()" in written(repository)["test_goldens.py"]


def test_a_table_without_an_adapter_gets_one_and_keeps_the_rest(repository, monkeypatch, capfd):
    (repository / "pyproject.toml").write_text("[tool.harness] # ours\nvalues = 5\n\n[tool.x]\n")
    assert init(monkeypatch, capfd, "pipe", "--no-ci")[0] == 0
    text = (repository / "pyproject.toml").read_text()
    assert text == '[tool.harness] # ours\nadapter = "guard:pipeline"\nvalues = 5\n\n[tool.x]\n'
    assert not (repository / ".github").exists()


@pytest.mark.parametrize(
    ("files", "words", "said"),
    [
        ({"guard.py": "# mine\n"}, ("pipe",), "guard.py is there already"),
        ({"guard/__init__.py": ""}, ("pipe", "--force"), "choose another, --adapter"),
        ({"pyproject.toml": '[tool.harness]\nadapter = "x:y"\n'}, ("pipe",), "change that line by hand"),
        ({"pyproject.toml": "[tool.harness\n"}, ("pipe",), "is not valid TOML"),
        ({}, ("pipe", "--adapter", "a b"), "names are single words"),
        ({}, ("pipe", "--adapter", "pipe"), "is there already"),
        ({}, ("pipe", "--scenario", "../up"), "names are single words"),
        ({}, ("pipe", "--stages", "nothing"), "no function 'nothing'"),
        ({}, ("pipe", "--draft"), "--draft takes no module"),
        ({}, (), "name the module of the pipeline: harness init MODULE (pipe)"),
        ({}, ("nowhere",), "there is no module 'nowhere'"),
    ],
)
def test_what_is_refused_leaves_everything_as_it_was(repository, monkeypatch, capfd, files, words, said):
    for name, text in files.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(text)
    before = written(repository)
    status, out, err = init(monkeypatch, capfd, *words)
    assert (status, out) == (2, "")
    assert said in " ".join(err.split())
    assert written(repository) == before


def test_outside_of_git_one_sentence_says_what_to_do(repository, monkeypatch, capfd):
    (repository / ".git").rmdir()
    status, _, err = init(monkeypatch, capfd, "pipe")
    assert status == 2
    assert "is in no git repository: run `git init` first" in " ".join(err.split())
    assert "pyproject" not in err


def test_where_nothing_is_pending_diff_says_so(repository, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["harness", "diff"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code or 0, "nothing is pending" in capfd.readouterr().out) == (0, True)


def test_a_module_of_tests_is_offered_by_its_whole_name(repository, monkeypatch):
    from harness.core.project import Project, find_project
    from harness.core.protocol import Pipeline

    (repository / "goldens/tests.test_survey/check").mkdir(parents=True)
    (repository / "pyproject.toml").write_text('[tool.harness]\nadapter = "guard:pipeline"\n')
    pipeline = Pipeline("p", (), lambda: {"main": "Main"}, dict)
    monkeypatch.setattr(Project, "pipeline", pipeline)
    for name in ("test_survey", "tests/test_survey.py"):
        with pytest.raises(ProjectError, match=r"did you mean 'tests\.test_survey'\? there are: main"):
            find_project().scenario(name, "cpu")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
def test_on_a_terminal_it_asks(repository):
    import pty

    (repository / "pipe.py").write_text(SOURCE)
    mine, theirs = pty.openpty()
    code = "from harness.cli import main; import sys; sys.argv = ['harness', 'init']; main()"
    environment = users_environment() | {"TERM": "dumb"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, cwd=repository, env=environment
    )
    os.close(theirs)
    os.write(mine, b"\ntotal,load\nwarm\nn\n")  # the module, the functions, the scenario, and no job for CI
    said = b""
    while chunk := _read(mine):
        said += chunk
    assert process.wait(timeout=60) == 0, said
    assert b"Module of the pipeline (pipe)" in said
    assert set(written(repository)) == (FILES - {"goldens/main/scenario.toml", ".github/workflows/goldens.yml"}) | {
        "goldens/warm/scenario.toml"
    }


def _read(descriptor: int) -> bytes:
    """What a terminal shows next; nothing when the other side has closed it."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def test_the_job_installs_what_own_modules_behind_the_named_one_import(repository, monkeypatch, capfd):
    package = repository / "waves"
    package.mkdir()
    for name, source in {
        "__init__": "",
        "run": "import waves.signals\nfrom waves import places\nfrom .tables import told\n" + SOURCE,
        "signals": "import numpy as np\n",
        "places": "import scipy.optimize\n",
        "tables": "from jinja2 import Template\n\n\ndef told():\n    pass\n",
        "unused": "import markdown_it\n",
    }.items():
        (package / f"{name}.py").write_text(source)
    status, _, said = init(monkeypatch, capfd, "waves.run")
    assert status == 0, said
    job = (repository / ".github/workflows/goldens.yml").read_text()
    assert "-harness Jinja2 numpy scipy\n" in job
