"""Every artifact of every scenario against its golden: one test each, so that CI shows which broke."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.integration


def test_artifact_is_as_accepted(golden):
    golden.check()


def test_invariants_hold(invariants):
    assert not [f"{v.path}: {v.message}" for v in invariants if v.status.failed]
