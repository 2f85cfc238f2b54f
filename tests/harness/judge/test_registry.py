"""The registry: whatever lies beside it is there, no two policies take one key apart, and a rule chooses one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.judge import conditions, policies
from harness.judge.policies.registry import CHECKS, CONDITIONS, POLICIES, conditions_of, policies_of

FOLDERS = [Path(package.__file__).parent for package in (policies, conditions)]
ROOT = FOLDERS[0].parents[2]


def test_every_file_beside_the_registry_has_one_part():
    others = {"__init__", "registry", "policy", "elementwise"}
    files = {path.stem for folder in FOLDERS for path in folder.glob("*.py")} - others
    assert {type(part).__module__.rpartition(".")[2] for part in (*POLICIES, *CONDITIONS)} == files
    assert len(POLICIES) + len(CONDITIONS) == len(files)


def test_names_are_unique():
    names = [policy.name for policy in POLICIES] + [condition.key for condition in CONDITIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_each_decisive_key_chooses_its_policy(policy):
    assert policy.decisive <= set(policy.keys)
    for key in policy.decisive:
        assert policies_of({key: None}) == [policy]


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.key)
def test_a_condition_is_chosen_by_its_key_and_chooses_no_policy(condition):
    assert conditions_of({condition.key: None}) == (condition,)
    assert policies_of({condition.key: None}) == []


def test_of_a_bound_and_a_tolerance_the_one_that_takes_both_is_chosen():
    (policy,) = policies_of({"min": 0, "rtol": 1})
    assert policy.name == "min/max"
    assert len(policies_of({"exact": True, "rtol": 1})) == 2


def test_the_reference_has_every_key():
    page = (ROOT / "docs/reference/tolerances.md").read_text(encoding="utf-8")
    assert [key for key in CHECKS if f"`{key}" not in page] == []
