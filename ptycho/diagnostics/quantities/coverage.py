"""How much of what a metric was taken over was reconstructed at all."""

from __future__ import annotations

from dataclasses import dataclass

from ptycho.diagnostics.records import RunRecord
from ptycho.diagnostics.wording import percent


@dataclass(frozen=True)
class Coverage:
    """Share of a metric's pixels that hold a prediction, and how that is known.

    ``exact`` is False for a lower bound; ``covered`` is then None.
    """

    share: float
    pixels: float
    covered: float | None
    evidence: str

    @property
    def exact(self) -> bool:
        """Whether pixels were counted."""
        return self.covered is not None


def metrics_coverage(run: RunRecord) -> Coverage | None:
    """The coverage of the run's amplitude metrics, from the best source that there is.

    In this order: the run's own count; pixels that became NaN where something was reconstructed; those of
    a run of the same scan; and a bound: of a canvas that is zero outside its support, no less than
    ``mean(x)**2 / mean(x**2)`` of the pixels can be inside it (Cauchy-Schwarz), for amplitude and phase.
    """
    pixels = run.positive("metrics", "amplitude", "count")
    share = run.positive("metrics", "support", "reconstructed_share")
    support = run.positive("metrics", "support", "count")
    if share is not None and support and share <= 1 and (pixels is None or pixels <= support):
        return Coverage(
            share, support, share * support, f"{share:.2%} of the {support:.0f} pixels compared were reconstructed"
        )
    covered = run.positive("inference", "covered_pixels") or run.positive("scaling", "count")
    if pixels and covered and covered <= pixels:
        return _counted(covered, pixels, "counted where the prediction is not zero")
    if pixels is None:
        return None
    if (nan := nan_pixels(run)) is not None:
        return _counted(nan[0], nan[1], "the pixels that are NaN are those where something was reconstructed")
    for other in run.beside:
        if (nan := nan_pixels(other)) is not None and nan[1] == pixels:
            return _counted(
                nan[0],
                pixels,
                f"not recorded here: the NaN pixels of {other.name}, beside it, "
                "whose scan has the same offsets to the last digit",
            )
    return _bound(run, pixels)


def _counted(covered: float, pixels: float, how: str) -> Coverage:
    evidence = f"{covered:,.0f} of {pixels:,.0f} pixels ({percent(covered / pixels)}); {how}"
    return Coverage(covered / pixels, pixels, covered, evidence)


def nan_pixels(run: RunRecord) -> tuple[float, float] | None:
    """NaN pixels of a reconstruction that is zero elsewhere, and all its pixels."""
    stats = ("metrics", "amplitude", "pred_stats")
    nan, finite = run.positive(*stats, "nan_count"), run.positive("metrics", "amplitude", "count")
    if nan is None or finite is None or run.number(*stats, "max") != 0 or run.number(*stats, "min") != 0:
        return None
    return nan, nan + finite


def _bound(run: RunRecord, pixels: float) -> Coverage | None:
    bounds = []
    for part in ("amplitude", "phase"):
        place = ("metrics", part, "pred_stats")
        mean, std, low = run.positive(*place, "mean"), run.finite(*place, "std"), run.finite(*place, "min")
        # Zero must be what the rest is filled with: the smallest amplitude is exactly that.
        if mean and std is not None and low == 0 and mean < 1e6 and 0 <= std < 1e6:
            bounds.append((mean**2 / (mean**2 + std**2), part))
    if not bounds:
        return None
    share, part = max(bounds)
    evidence = (
        f"at least {percent(share)}: the {part}'s mean and spread allow no less, "
        "if it is zero where nothing was reconstructed"
    )
    return Coverage(share, pixels, None, evidence)
