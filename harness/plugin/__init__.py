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

In any git repository, with a table or without one, there is besides

``check``
    what compares a test's own values with the golden of that test: ``check(value, rtol=1e-6)``.

A session in which any test uses one of these has one item more, which checks the store of goldens as ``harness
verify`` does, and it fails where it was for every golden and left one out. Every session says at its end how many
goldens it compared. Where there is no such table, and no test uses ``check``, the plugin does nothing.
"""

from harness.plugin.hooks import (
    pytest_addoption,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_configure_node,
    pytest_deselected,
    pytest_itemcollected,
    pytest_load_initial_conftests,
    pytest_report_header,
    pytest_runtest_call,
    pytest_runtest_makereport,
    pytest_runtest_setup,
    pytest_sessionfinish,
)

__all__ = [
    "pytest_addoption",
    "pytest_collection_finish",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_configure_node",
    "pytest_deselected",
    "pytest_itemcollected",
    "pytest_load_initial_conftests",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_sessionfinish",
]
