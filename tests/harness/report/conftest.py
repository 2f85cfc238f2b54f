"""The reports that several tests of the room read."""

from __future__ import annotations

import pytest
from report_example import example


@pytest.fixture(scope="session")
def failing():
    return example()


@pytest.fixture(scope="session")
def healthy():
    return example(failing=False)
