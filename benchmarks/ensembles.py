"""Single bounds, principal components and joint distances, compared on power and calm: docs/explanation/statistics.md.

``python benchmarks/ensembles.py [SCENARIO...]`` prints one table a scenario and size. The members are drawn with the
correlations of the accepted ensemble (97 % of them, the rest independent), as normal values, with heavy tails
(a common scale of Student's t with 5 degrees of freedom), along curves, and lognormal. Every method spends the same
false-alarm rate. Planted are shifts of one value, of all values by chance, and along what the members mostly do.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.judge.ensemble import quantile
from harness.judge.statistics.joint import joint_limit, standardised

Floats = NDArray[np.float64]
ROOT = Path(__file__).parents[1]
RATE, RUNS = 0.005, 2000
KINDS = ("normal", "heavy", "curved", "lognormal")
SHIFTS = ("none", "one 2", "one 4", "one 8", "dense 1", "main 4")


def correlations(scenario: str) -> Floats:
    """Those of the accepted ensemble of a scenario, (p, p)."""
    draws = json.loads((ROOT / f"goldens/{scenario}/cpu/ensemble.json").read_text())["values"]["draws"]
    x = np.array([d for d in draws.values() if np.std(d) > 1e-12 * np.max(np.abs(d))]).T
    return np.asarray(0.97 * np.corrcoef(x.T) + 0.03 * np.eye(x.shape[1]))


def draw(kind: str, root: Floats, count: int, rng: np.random.Generator) -> Floats:
    """``count`` healthy runs, (count, p)."""
    x = rng.standard_normal((count, len(root))) @ root
    if kind == "heavy":
        return np.asarray(x * np.sqrt(5 / rng.chisquare(5, (count, 1))))
    if kind == "curved":
        half = x.shape[1] // 2
        x[:, :half] += 0.3 * (x[:, -half:] ** 2 - 1)
    return np.exp(0.5 * x) if kind == "lognormal" else x


def shifted(shift: str, runs: Floats, scatter: Floats, main: Floats, rng: np.random.Generator) -> Floats:
    """Runs with a fault planted, sized in standard deviations."""
    what, _, size = shift.partition(" ")
    moved = runs.copy()
    if what == "one":
        place = rng.integers(0, runs.shape[1], len(runs))
        moved[np.arange(len(runs)), place] += float(size) * scatter[place]
    elif what == "dense":
        moved += float(size) * scatter * rng.standard_normal(runs.shape)
    elif what == "main":
        moved += float(size) * scatter * main
    return moved


def single(members: Floats, rate: float) -> Callable[[Floats], NDArray[np.bool_]]:
    """Bonferroni's union of prediction intervals."""
    n, p = members.shape
    half = quantile(n - 1, rate / p) * np.sqrt(1 + 1 / n) * members.std(axis=0, ddof=1)
    return lambda runs: np.any(np.abs(runs - members.mean(axis=0)) > half, axis=1)


def components(members: Floats, rate: float, needed: int = 3) -> Callable[[Floats], NDArray[np.bool_]]:
    """PyCECT's test: so many of the leading components (90 % of the variance) have to be beyond their bounds.

    The bound is the one at which healthy runs, drawn with the ensemble's own correlations, fail at ``rate``.
    """

    def scores(of: Floats, runs: Floats) -> Floats:
        own = standardised(of[None])
        strengths = own.strengths[0][::-1]
        kept = int(np.searchsorted(np.cumsum(strengths) / strengths.sum(), 0.9)) + 1
        along = own.scores(runs[None])[0] @ own.vectors[0][::-1][:kept].T
        size = np.sort(np.abs(along) / np.sqrt(strengths[:kept]), axis=1)
        return np.asarray(size[:, -needed] if kept >= needed else np.zeros(len(runs)))

    values, axes = np.linalg.eigh(standardised(members[None]).correlation())
    root, rng = (axes * np.sqrt(np.clip(values, 0, None))).T, np.random.default_rng(0)
    n = len(members)
    drawn = [rng.standard_normal((n + 40, len(root))) @ root for _ in range(150)]
    limit = np.quantile(np.concatenate([scores(d[:n], d[n:]) for d in drawn]), 1 - rate)
    return lambda runs: scores(members, runs) > limit


def joint(members: Floats, rate: float) -> Callable[[Floats], NDArray[np.bool_]]:
    """The distance with shrunk correlations."""
    own, limit = standardised(members[None]), joint_limit(members, rate)
    return lambda runs: own.distances(runs[None])[0] > limit


def both(members: Floats, rate: float) -> Callable[[Floats], NDArray[np.bool_]]:
    """What the harness does: half of the rate for single bounds, half for the distance."""
    one, other = single(members, rate / 2), joint(members, rate / 2)
    return lambda runs: one(runs) | other(runs)


Method = Callable[[Floats, float], Callable[[Floats], NDArray[np.bool_]]]


def of_logarithms(method: Method) -> Method:
    """A method on the scale of logarithms, as the harness judges skewed values."""

    def on_that_scale(members: Floats, rate: float) -> Callable[[Floats], NDArray[np.bool_]]:
        fails = method(np.log(members), rate)
        return lambda runs: np.any(runs <= 0, axis=1) | fails(np.log(np.maximum(runs, 1e-300)))

    return on_that_scale


METHODS = {"single bounds": single, "components": components, "joint distance": joint, "single and joint": both}
OF_POSITIVE = {f"{name}, of logarithms": of_logarithms(METHODS[name]) for name in ("single bounds", "single and joint")}


def trial(root: Floats, members: int, kind: str, ensembles: int) -> dict[tuple[str, str], float]:
    """How often each method fails each kind of run."""
    found: dict[tuple[str, str], list[float]] = {}
    _, axes = np.linalg.eigh(root.T @ root)
    main = axes[:, -1] / np.abs(axes[:, -1]).max()
    for seed in range(ensembles):
        rng = np.random.default_rng(seed)
        own, runs = draw(kind, root, members, rng), draw(kind, root, RUNS, rng)
        methods = METHODS | OF_POSITIVE if kind == "lognormal" else METHODS
        tests = {name: method(own, RATE) for name, method in methods.items()}
        for shift in SHIFTS:
            moved = shifted(shift, runs, own.std(axis=0, ddof=1), main, rng)
            for name, fails in tests.items():
                found.setdefault((name, shift), []).append(float(np.mean(fails(moved))))
    return {key: float(np.mean(rates)) for key, rates in found.items()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=["gs2_ideal"])
    parser.add_argument("--members", type=int, nargs="*", default=[8, 16, 30, 100])
    parser.add_argument("--ensembles", type=int, default=20)
    asked = parser.parse_args()
    for scenario in asked.scenarios:
        strengths, axes = np.linalg.eigh(correlations(scenario))
        root = (axes * np.sqrt(np.clip(strengths, 0, None))).T
        for members in asked.members:
            for kind in KINDS:
                rates = trial(root, members, kind, asked.ensembles)
                print(f"\n{scenario}, {len(root)} values, {members} members, {kind}")
                print("| method | " + " | ".join(SHIFTS) + " |")
                for name in dict.fromkeys(name for name, _ in rates):
                    print(f"| {name} | " + " | ".join(f"{rates[name, s]:.3f}" for s in SHIFTS) + " |", flush=True)


if __name__ == "__main__":
    main()
