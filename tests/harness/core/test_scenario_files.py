"""Scenarios as data: profiles, one that extends another, changes of single settings, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import ProjectError, as_attributes, defaults_of, read_scenario, scenario_titles

MAIN = """
title = "the usual one"
unit = "m"

[train]
epochs = 10
rate = 0.1
layers = [8, 4]

[train.noise]
sigma = 0.5

[profile.cpu]

[profile.replay]
train.epochs = 2
"""
QUIET = """
title = "without noise"
extends = "main"

[train.noise]
sigma = 0.0

[profile.replay]
train.rate = 0.2
"""


@pytest.fixture
def goldens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\nadapter = "guard:pipeline"\ngoldens = "accepted"\n')
    for name, text in (("main", MAIN), ("quiet", QUIET)):
        write(tmp_path / "accepted", name, text)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")  # the folder of the project counts, wherever the command was started
    return tmp_path / "accepted"


def write(goldens: Path, name: str, text: str) -> None:
    (goldens / name).mkdir(parents=True, exist_ok=True)
    (goldens / name / "scenario.toml").write_text(text, encoding="utf-8")


def test_every_file_is_a_scenario_with_its_title(goldens):
    (goldens / "approvals").mkdir()
    assert scenario_titles() == {"main": "the usual one", "quiet": "without noise"}


def test_a_scenario_holds_its_settings_and_nothing_of_its_form(goldens):
    scenario = read_scenario("main", "cpu")
    assert (scenario.name, scenario.profile, scenario.title) == ("main", "cpu", "the usual one")
    train = {"epochs": 10, "rate": 0.1, "layers": [8, 4], "noise": {"sigma": 0.5}}
    assert scenario.config == {"unit": "m", "train": train}


def test_a_profile_and_then_changes_are_laid_on_the_settings_of_the_extended_scenario(goldens):
    train = read_scenario("quiet", "replay").config["train"]
    assert train == {"epochs": 2, "rate": 0.2, "layers": [8, 4], "noise": {"sigma": 0.0}}
    changed = read_scenario("quiet", "replay", ["train.rate=0.3", "train.epochs = 5", "unit=mm"]).config
    assert (changed["train"]["rate"], changed["train"]["epochs"], changed["unit"]) == (0.3, 5, "mm")


@pytest.mark.parametrize(
    ("profile", "change", "said"),
    [
        ("gpu", "", "goldens/main/scenario.toml has no [profile.gpu]"),
        ("cpu", "train.epoch=3", "'train.epoch', which is no setting; did you mean 'train.epochs'?"),
        ("cpu", "train.noise.sigmas=3", "did you mean 'train.noise.sigma'?"),
        ("cpu", "train=3", "'train', which is a table"),
        ("cpu", "unit.of=3", "'unit', which is no table"),
        ("cpu", "train.epochs", "write it as table.setting=value"),
        ("cpu", "=3", "write it as table.setting=value"),
        ("cpu", "profile.cpu.unit=3", "which is no setting"),
    ],
)
def test_what_would_change_nothing_is_refused(goldens, profile, change, said):
    with pytest.raises(ProjectError) as error:
        read_scenario("main", profile, [change] if change else [])
    assert said.replace("goldens/", "accepted/") in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("unit = 1", "has no title"),
        ('title = "x"\n[profile]\ncpu = 3', "write [profile.cpu]"),
        ('title = "x"\nextends = "nobody"', "there is no accepted/nobody/scenario.toml"),
        ('title = "x"\nextends = "other"', "extends itself: other -> other"),
        ('title = "x"\nextends = 3', "name one other scenario"),
        ('title = "x"\nextends = "main"\n[train]\nepoch = 1', "did you mean 'train.epochs'?"),
        ('title = "x"\n[profile.cpu]\nunit = 1', "there are none"),
        ("title =", "is not valid TOML"),
        ("title = '\ud800'".encode("utf-8", "surrogatepass"), "is not valid TOML"),
    ],
)
def test_a_file_that_says_nothing_sensible_is_named(goldens, text, said):
    (goldens / "other").mkdir()
    (goldens / "other/scenario.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProjectError) as error:
        read_scenario("other", "cpu")
    assert said in str(error.value)
    assert "accepted/" in str(error.value) or "itself" in str(error.value)


def test_settings_as_attributes_are_the_settings():
    config = as_attributes({"train": {"epochs": 3}, "unit": "m"})
    assert (config.train.epochs, config.unit) == (3, "m")
    with pytest.raises(AttributeError, match="there is no setting 'epoch'"):
        _ = config.train.epoch


def test_defaults_are_told_as_data():
    def fit(x, hidden=32, rate=0.1, layers=(8, 4), loss=abs, table={"a": 1}, *, seed=None):  # noqa: B006
        return x

    told = {"hidden": 32, "rate": 0.1, "layers": [8, 4], "loss": "abs", "table": {"a": 1}, "seed": None}
    assert defaults_of(fit) == told
