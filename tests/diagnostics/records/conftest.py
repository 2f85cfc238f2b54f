"""Folders to damage, and a watch over every file that is opened."""

from __future__ import annotations

import json
import os
import sys

import pytest
from example_runs import load, own

WATCH: list[str] | None = None  # paths that are opened, while somebody watches


def _watch(event, arguments):
    if WATCH is not None and event == "open":
        WATCH.append(os.fspath(arguments[0]))


sys.addaudithook(_watch)  # cannot be taken away again; does nothing unless WATCH is a list


@pytest.fixture
def watched():
    """Every file that is opened during the test."""
    global WATCH
    b"x".decode("utf-8-sig")  # a codec is imported when it is first used
    WATCH = []
    yield WATCH
    WATCH = None


@pytest.fixture(scope="module")
def bases(shared):
    """Folders by name: this pipeline's, upstream's three, and upstream's single reports."""
    real = shared / "upstream_artifacts"
    folders = {name: load(real / name) for name in ("dose_legacy_gs2", "gs2_base", "gs2_ne60")}
    reports = {p.name: json.loads(p.read_bytes()) for p in sorted(real.glob("*.json"))}
    return {"own": own(), **folders, "reports": reports}
