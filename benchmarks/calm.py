"""Verify the tutorial's repository many times, each time in another environment: a healthy one must never fail.

    python benchmarks/calm.py 500 [SEED]

Hash seeds, locales, time zones, umasks and thread numbers are drawn at random, with and without the cache and workers.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "harness"))

from heat_repository import new_repository, play

LOCALES = ("C", "C.UTF-8", "POSIX", "en_US.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8", "")
ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "Europe/Berlin", "nonsense")
OPTIONS = ("", "--no-cache", "--workers 2", "--no-cache --workers 2", "--json", "--no-training")


def draw(chance: random.Random) -> tuple[str, int, dict[str, str]]:
    """A command, a umask and an environment."""
    threads = str(chance.choice((1, 2, 3, 8)))
    environment = {
        "PYTHONHASHSEED": str(chance.randrange(2**32)),
        "LC_ALL": chance.choice(LOCALES),
        "TZ": chance.choice(ZONES),
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads),
        "PYTHONOPTIMIZE": chance.choice(("", "1")),
        "TERM": chance.choice(("dumb", "xterm-256color")),
        "COLUMNS": str(chance.choice((20, 80, 200))),
    }
    line = "pytest -q" if chance.random() < 0.1 else f"harness verify {chance.choice(OPTIONS)}"
    return line, chance.choice((0o022, 0o077, 0o002, 0o027)), environment


def main(times: int, seed: int) -> int:
    """Verify so many times; gives how many failed."""
    chance, failures, started = random.Random(seed), 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        repository = new_repository(Path(folder))
        play(repository, until="Break it")
        for number in range(1, times + 1):
            line, umask, environment = draw(chance)
            os.umask(umask)
            done = repository.shell(line, **environment)
            if done.returncode != 0:
                failures += 1
                print(f"{number}: {line} {umask:o} {environment} -> {done.returncode}\n{done.stdout}\n{done.stderr}")
            if number % 50 == 0:
                print(f"{number} verifications, {failures} failed, {time.monotonic() - started:.0f} s", flush=True)
    return failures


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)))
