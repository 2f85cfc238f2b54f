"""The pytest plugin: every stage a fixture, every artifact a test.

In a repository with a ``[tool.harness]`` table there are, without a line in ``conftest.py``:

``scenario``
    the name of a scenario; a test that asks for it runs once for each.
one fixture for each stage, named after its artifact
    a ``StageResult`` of ``scenario``: computed once, whatever the number of tests and of workers.
``invariants``
    the verdicts on the invariants of ``scenario``.
``golden``
    an artifact and its golden; a test that asks for it runs once for each, and calls ``golden.check()``.

Anywhere else the plugin does nothing.
"""

from harness.plugin.hooks import pytest_addoption, pytest_configure, pytest_configure_node

__all__ = ["pytest_addoption", "pytest_configure", "pytest_configure_node"]
