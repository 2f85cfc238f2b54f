"""What one ``check`` costs a test, beside pytest-regressions, syrupy (where it is installed) and a test without either.

``python benchmarks/check_cost.py [TESTS]`` makes a repository in a temporary folder, accepts its goldens, and times one
session in which each way has as many tests. A test's time is the processor's, from its setup to its teardown, so that
what else the machine does counts little.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

BAR = 2.0  # milliseconds that one check of a small value may cost beyond a test without
WAYS = {
    "neither": "def test_neither(n):\n    assert VALUE | {'n': n}\n",
    "check": "def test_check(check, n):\n    check(VALUE | {'n': n}, rtol=1e-6)\n",
    "data_regression": "def test_data_regression(data_regression, n):\n    data_regression.check(VALUE | {'n': n})\n",
    "ndarrays_regression": (
        "def test_ndarrays_regression(ndarrays_regression, n):\n"
        "    ndarrays_regression.check({'value': np.array([n, 2.5])}, default_tolerance={'rtol': 1e-6})\n"
    ),
}
SYRUPY = "def test_snapshot(snapshot, n):\n    assert snapshot == VALUE | {'n': n}\n"
HEAD = "import numpy as np\nimport pytest\n\nVALUE = {'energy': 1.5, 'peaks': [1.0, 2.0, 3.0]}\n"


CLOCK = """\
import json
import time
from collections import defaultdict

import pytest

TIMES = defaultdict(list)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    start = time.process_time()
    try:
        return (yield)
    finally:
        TIMES[item.name.partition("[")[0].removeprefix("test_")].append(1e3 * (time.process_time() - start))


def pytest_sessionfinish():
    with open("times.json", "w") as file:
        json.dump(TIMES, file)
"""


def run(root: Path, *command: str, status: int | None = 0) -> None:
    """Run a command, which must end as it should."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=root, capture_output=True, text=True)
    if status is not None and done.returncode != status:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}")


def git(root: Path, *words: str) -> None:
    """Run git as somebody."""
    person = ["-c", "user.name=Bench", "-c", "user.email=bench@example.org"]
    subprocess.run(["git", *person, *words], cwd=root, check=True, capture_output=True)


def milliseconds(count: int) -> dict[str, list[float]]:
    """The time of every test, by its way."""
    ways = WAYS | ({"snapshot": SYRUPY} if find_spec("syrupy") else {})
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Path(folder)
        case = f"\n\n@pytest.mark.parametrize('n', range({count}))\n"
        (root / "test_cost.py").write_text(HEAD + "".join(case + way for way in ways.values()), encoding="utf-8")
        (root / "conftest.py").write_text(CLOCK, encoding="utf-8")
        (root / ".gitignore").write_text("__pycache__/\ntimes.json\n", encoding="utf-8")
        git(root, "init", "-q")
        git(root, "config", "user.name", "Bench")
        git(root, "config", "user.email", "bench@example.org")
        options = ["-q", "-p", "no:cacheprovider"]
        run(root, "pytest", *options, *(["--snapshot-update"] if "snapshot" in ways else []), status=1)
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "tests")
        ids = [f"test_cost/check/test_check-{n}" for n in range(count)]
        run(root, "harness", "accept", *ids, "--bulk", "--reason", "Benchmark")
        run(root, "pytest", *options)
        times = json.loads((root / "times.json").read_text(encoding="utf-8"))
        return {way: times[way] for way in ways}


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    load = os.getloadavg()[0]
    times = milliseconds(count)
    base = statistics.median(times["neither"])
    print(f"{count} tests each, load average {load:.2f} before; medians\n")
    print("| way | a test | beyond a test without |\n| --- | ---: | ---: |")
    for way, values in times.items():
        middle = statistics.median(values)
        print(f"| `{way}` | {middle:.2f} ms | {middle - base:.2f} ms |")
    more = statistics.median(times["check"]) - base
    print(f"\n`check` costs {more:.2f} ms, {'within' if more <= BAR else 'BEYOND'} its bar of {BAR:g} ms.")
    if "snapshot" not in times:
        print("syrupy is not installed, so that nothing is said of it.")


if __name__ == "__main__":
    main()
