"""What a whole warm ``harness verify`` of 60,000 single values takes, beside that of ten in one run.

``python benchmarks/verify_values.py [VALUES] [RUNS]`` makes a guarded repository in a temporary folder, accepts its
golden, and times commands in turn, by the processor's clock and so of all their processes: what else the machine does
counts little, and the least of each counts.
With ``--profile`` it prints where the time goes.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ADAPTER = """\
from harness import Artifact, Pipeline, Scenario, Stage

VALUES = {values}


def load(name, profile, overrides):
    return Scenario(name, profile, "many values", {{"n": VALUES}})


def make(config, progress):
    n = config["n"]
    rows = [{{"label": f"row {{i}}", "count": i, "area": (i + 1) ** 0.5, "mean": 1 / (i + 1)}} for i in range(n // 4)]
    return {{"rows": rows}}


pipeline = Pipeline("values", (Stage("make", "made", make, reads=("n",)),), lambda: {{"many": "many values"}}, load)
"""
RULES = 'version = 1\n\n[rules]\n"made/**" = {{ rtol = 1e-6 }}\n"made/rows/*/count" = {{ exact = true }}\n{0}'
OTHERS = '"configuration/**" = { exact = true }\n"invariants/**" = { exact = true }\n'
BAR = 3.0  # seconds


def run(root: Path, *command: str, status: int = 0) -> float:
    """Run the command, which must end as it should, and give the processors' time that it took, in seconds."""
    began = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    done = subprocess.run([sys.executable, *command], cwd=root, capture_output=True, text=True)
    if done.returncode != status:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - began


def git(root: Path, *words: str) -> None:
    """Run git."""
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def accepted(root: Path, values: int) -> Path:
    """A guarded repository whose golden has so many values."""
    root.mkdir()
    git(root, "init", "-q")
    git(root, "config", "user.name", "Bench")
    git(root, "config", "user.email", "bench@example.org")
    pyproject = '[project]\nname = "values"\nversion = "1"\n[tool.harness]\nadapter = "guard:pipeline"\n'
    row = {name: {"type": kind} for name, kind in (("label", "string"), ("count", "integer"), ("area", "number"))}
    rows = {"type": "array", "items": {"type": "object", "properties": row | {"mean": {"type": "number"}}}}
    schema = {
        "$id": "values/made-1",
        "type": "object",
        "properties": {"values": {"type": "object", "required": ["rows"], "properties": {"rows": rows}}},
    }
    files = {
        "pyproject.toml": pyproject,
        "guard.py": ADAPTER.format(values=values),
        "goldens/tolerances.toml": RULES.format(OTHERS),
        "schemas/made.schema.json": json.dumps(schema),
        ".gitignore": ".harness/\n__pycache__/\n",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Values")
    harness = ("-m", "harness")
    run(root, *harness, "verify", status=1)
    waiting = subprocess.run([sys.executable, *harness, "pending", "--json"], cwd=root, capture_output=True, text=True)
    ids = [each["identity"] for each in json.loads(waiting.stdout)]
    kinds = {each["identity"]: each["kind"] for each in json.loads(waiting.stdout)}
    for golden in (False, True):
        if chosen := [i for i in ids if (kinds[i] == "golden") is golden]:
            run(root, *harness, "accept", *chosen, "--bulk", "--reason", "Benchmark")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Goldens")
    run(root, *harness, "verify")
    return root


def main() -> None:
    """Print the table."""
    words = [word for word in sys.argv[1:] if word.isdigit()]
    values, runs = (int(w) for w in [*words, *("60000", "3")[len(words) :]])
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        roots = {n: accepted(Path(folder) / str(n), n) for n in (12, values)}
        if "--profile" in sys.argv:
            profile = str(Path(folder) / "profile")
            run(roots[values], "-m", "cProfile", "-o", profile, "-m", "harness", "verify")
            import pstats

            pstats.Stats(profile).sort_stats("tottime").print_stats(60)
            return
        times: dict[int, list[float]] = {n: [] for n in roots}
        for _ in range(runs):
            for n, root in roots.items():
                times[n].append(run(root, "-m", "harness", "verify"))
    few, many = (min(each) for each in times.values())
    print(f"least of {runs}, load average {load:.2f} before; bar {BAR:g} s for 60,000\n")
    print("| values | `harness verify` |\n| ---: | ---: |")
    print(f"| 12 | {few:.2f} s |\n| {values:,} | {many:.2f} s |")
    print(f"\n{1e6 * (many - few) / values:.1f} µs a value, {many / few:.2f} times the command itself")


if __name__ == "__main__":
    main()
