"""CI: which commit approvals are checked against, and that some job compares every golden."""

from __future__ import annotations

import configparser
import json
import re
import runpy
import shlex
import subprocess
from pathlib import Path

import pytest

from harness.core.project import find_project

ROOT = Path(__file__).parent.parent
BASE = runpy.run_path(str(ROOT / "tools/ci_base.py"))


class History:
    """A repository whose commits have names."""

    def __init__(self, root):
        self.root = root
        self.git("init", "-q", "-b", "main")
        self.commits = {}

    def git(self, *arguments):
        who = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", "-C", self.root, *who, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, name, path="code.py"):
        file = self.root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", name)
        self.commits[name] = self.git("rev-parse", "HEAD")

    def publish(self, name, branch="main"):
        self.git("update-ref", f"refs/remotes/origin/{branch}", self.commits[name])

    def chosen(self, **environment):
        commit, why = BASE["choose"](self.root, environment)
        return next(name for name, known in self.commits.items() if known == commit), why

    def refused(self, **environment):
        with pytest.raises(BASE["BaseError"]) as refused:
            BASE["choose"](self.root, environment)
        return str(refused.value)


@pytest.fixture
def history(tmp_path):
    """Four commits: the first, one that changes goldens, and two that do not."""
    history = History(tmp_path)
    for name, path in (("first", "code.py"), ("goldens", "goldens/a.json"), ("third", "code.py"), ("last", "code.py")):
        history.commit(name, path)
    return history


def test_a_pull_request_is_checked_since_it_left_its_target(history):
    history.git("switch", "-q", "-c", "change", history.commits["third"])
    history.commit("change")
    history.publish("last")
    for variable in BASE["BRANCHES"]:
        name, why = history.chosen(**{variable: "main"})
        assert name == "third"
        assert variable in why
    assert history.chosen(CI_MERGE_REQUEST_DIFF_BASE_SHA=history.commits["goldens"])[0] == "goldens"
    assert history.chosen(GITHUB_BASE_REF="main", LAST_GREEN=history.commits["first"])[0] == "third"


def test_a_base_that_is_not_here_is_refused_not_replaced(history):
    assert "which shares no commit with HEAD here: fetch the whole history" in history.refused(GITHUB_BASE_REF="other")
    assert "APPROVALS_BASE names 'nowhere'" in history.refused(APPROVALS_BASE="nowhere")


def test_main_is_checked_since_it_was_last_green(history, tmp_path):
    history.publish("last")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"before": history.commits["third"]}))
    assert history.chosen(LAST_GREEN=history.commits["first"], GITHUB_EVENT_PATH=str(event)) == (
        "first",
        "the last green main (LAST_GREEN)",
    )
    assert history.chosen(GITHUB_EVENT_PATH=str(event))[0] == "third"
    assert history.chosen(CI_COMMIT_BEFORE_SHA=history.commits["goldens"])[0] == "goldens"


def test_what_is_not_published_is_checked_since_it_was(history):
    history.publish("goldens")
    assert history.chosen() == ("goldens", "the published main (origin/main)")
    assert history.chosen(LAST_GREEN="", CI_COMMIT_BEFORE_SHA=BASE["NOWHERE"])[0] == "goldens"


@pytest.mark.parametrize("published", [True, False])
def test_a_published_head_is_never_compared_with_itself(history, published):
    if published:
        history.publish("last")
    head = history.commits["last"]
    assert history.chosen(LAST_GREEN=head, CI_COMMIT_BEFORE_SHA=head)[0] == "first"  # before the goldens changed
    history.commit("more", "goldens/b.json")
    assert history.chosen()[0] == "last"
    history.commit("code")
    assert history.chosen()[0] == "last"


def test_without_a_parent_there_is_nothing_to_compare_with(tmp_path):
    history = History(tmp_path)
    assert "has no commit" in history.refused()
    history.commit("first")
    assert "HEAD has no parent here: there is nothing yet" in history.refused()


def test_a_shallow_clone_is_told_to_fetch(history, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{history.root}", clone], check=True)
    with pytest.raises(BASE["BaseError"], match="HEAD has no parent here: fetch the whole history"):
        BASE["choose"](clone, {})


def test_the_script_says_which(capsys, monkeypatch):
    for variable in (*BASE["COMMITS"], *BASE["BRANCHES"], "LAST_GREEN", "GITHUB_EVENT_PATH", "CI_COMMIT_BEFORE_SHA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("APPROVALS_BASE", "nowhere")
    assert BASE["main"]() == 2
    assert capsys.readouterr().err.startswith("error: APPROVALS_BASE names 'nowhere'")


# Jobs


def environments_of_ci():
    """The tox environments that ``.ci/run`` runs when nothing is named."""
    text = (ROOT / ".ci/run").read_text(encoding="utf-8")
    parts = re.search(r'"\$\{@:-(.+)\}"', text)[1].split()
    for part in parts:
        branch = re.search(rf"^ +{part}\)(.*?);;", text, re.MULTILINE | re.DOTALL)
        yield from re.findall(r"tox -e ([\w,-]+)", branch[1])[0:] if branch else [part]


def verifications():
    """The scenarios (none for all) and the profile of every whole ``harness verify`` of a job."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    for name in (name for names in environments_of_ci() for name in names.split(",")):
        for line in tox[f"testenv:{name}"]["commands"].strip().splitlines():
            words = shlex.split(line.replace("{posargs}", ""))
            if words[:2] == ["harness", "verify"] and "--no-training" not in words:
                profile = words[words.index("--profile") + 1] if "--profile" in words else ""
                options = {words[i + 1] for i, word in enumerate(words) if word in ("--profile", "--out")}
                yield [w for w in words[2:] if not w.startswith("--") and w not in options], profile


def test_every_golden_of_the_manifest_is_compared_by_a_job_of_ci():
    project = find_project(ROOT)
    goldens = json.loads((ROOT / "goldens/MANIFEST.json").read_text(encoding="utf-8"))["goldens"]
    wanted = {tuple(i.split("/")[:2]) for i, entry in goldens.items() if entry["kind"] == "golden"}
    scenarios = {scenario for scenario, _ in wanted}
    compared = set()
    for names, profile in verifications():
        for name in names or scenarios:
            compared |= {(name, profile or project.profile), (name, project.pipeline.replay_profile)}
    assert wanted - compared == set()
    assert ("gs2_base", "smoke") in wanted
