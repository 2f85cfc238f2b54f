"""Every artifact of every scenario is as somebody accepted it."""

import pytest


@pytest.mark.integration
def test_artifact_is_as_accepted(golden):
    golden.check()
