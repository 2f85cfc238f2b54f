"""A repository without an adapter whose tests have goldens, for whoever tests the fixture ``check`` from outside."""

from __future__ import annotations

import json

from heat_repository import Repository, new_repository

MODULE = "tests.test_spectrum"
TESTS = """\
import numpy as np
import pytest

SCALE = 1.0


def spectrum(points):
    return SCALE * (1 + np.linspace(0, 1, points) ** 2)


def test_spectrum(check):
    energies = spectrum(5)
    check(energies, rtol=1e-6)
    check(energies.size, "count", exact=True)
    check({"sum": float(energies.sum()), "unit": "eV"}, "about", rtol=1e-6)


@pytest.mark.parametrize("points", [3, 4])
def test_sizes(check, points):
    check(spectrum(points), rtol=1e-6)


class TestPeaks:
    def test_spectrum(self, check):
        check([1.5, 2.5], "peaks")
"""
RULES = """\
version = 1

[rules]
"check/tests.test_spectrum/TestPeaks.test_spectrum/**" = { rtol = 1e-6 }
"""
IDS = [
    f"{MODULE}/check/{name}" for name in ("TestPeaks.test_spectrum", "test_sizes-3", "test_sizes-4", "test_spectrum")
]


def write(repository: Repository, files: dict[str, str]) -> None:
    """Write files and commit all."""
    for name, content in files.items():
        path = repository.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    repository.commit()


def bare_repository(root, ready=None) -> Repository:
    """A repository with tests that check values, and nothing else."""
    repository = new_repository(root, ready)
    repository.expect("git init -q -b main")
    write(repository, {".gitignore": "__pycache__/\n", "tests/test_spectrum.py": TESTS})
    return repository


def accept_all(repository: Repository) -> None:
    """Make golden whatever waits, rules first; commit it."""
    kinds = {p["identity"]: p["kind"] for p in json.loads(repository.harness("pending --json").stdout)}
    for ids in ([i for i, kind in kinds.items() if kind != "golden"], [i for i, k in kinds.items() if k == "golden"]):
        if ids:
            repository.harness(f"accept {' '.join(ids)} --bulk --reason First")
    repository.commit("Goldens")


def make_accepted(repository: Repository) -> None:
    """Follow a newcomer's way, until all is golden."""
    write(repository, {"goldens/tolerances.toml": RULES})
    repository.expect("pytest -q", 1)
    accept_all(repository)
