"""Quality: an object against the truth, or against another reconstruction, over a stated support.

Only true ambiguities are aligned (docs/explanation/physics.md, "Ambiguities a metric must respect"): the global
phase always, a phase plane and a sub-pixel shift when asked. Amplitude is never rescaled; the
least-squares scalar is reported beside the metrics and feeds none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import fft
from scipy.ndimage import fourier_shift, gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.registration import phase_cross_correlation

from ptycho.arrays import Complex, Mask, Real

SHIFT_ROUNDS = 4
DIM = 0.01  # of the mean weight; a phase that counts for less is left out of the largest difference


@dataclass(frozen=True)
class Alignment:
    """What was taken out before comparing."""

    global_phase_rad: float
    plane_rad_per_px: tuple[float, float] = (0.0, 0.0)
    shift_px: tuple[float, float] = (0.0, 0.0)


def align_objects(
    pred: Complex, truth: Complex, support: Mask, plane: bool = False, shift: bool = False
) -> tuple[Complex, Alignment]:
    """``pred`` with its global phase (and, when asked, shift and phase plane) made ``truth``'s."""
    moved = (0.0, 0.0)
    if shift:
        down, right = _sub_pixel_shift(pred, truth, support)
        moved = (right, down)
        pred = _shifted(pred, (down, right))
    slope = (0.0, 0.0)
    if plane:
        slope = _phase_plane(pred, truth, support)
        rows, columns = np.indices(pred.shape)
        pred = pred * np.exp(-1j * (slope[0] * columns + slope[1] * rows))
    phase = float(np.angle(np.vdot(pred[support], truth[support])))
    return (pred * np.exp(1j * phase)).astype(np.complex64), Alignment(phase, slope, moved)


def _sub_pixel_shift(pred: Complex, truth: Complex, support: Mask) -> tuple[float, float]:
    """Rows and columns that move ``pred``'s amplitude onto ``truth``'s.

    The support is tapered, or its own edge, which never moves, would be what correlates; as the
    image moves under the taper, the estimate is repeated until it stands still.
    """
    taper = support * gaussian_filter(support.astype(float), 4.0)

    def seen(obj: Complex) -> Real:
        amplitude = np.abs(obj)
        return (amplitude - amplitude[support].mean()) * taper

    total = np.zeros(2)
    for _ in range(SHIFT_ROUNDS):
        moved = _shifted(pred, (total[0], total[1]))
        total += phase_cross_correlation(seen(truth), seen(moved), upsample_factor=100, normalization=None)[0]
    return float(total[0]), float(total[1])


def _shifted(obj: Complex, shift: tuple[float, float]) -> Complex:
    """The object moved by whole and fractional pixels, by Fourier phase."""
    return np.asarray(fft.ifft2(fourier_shift(fft.fft2(obj), shift))).astype(np.complex64)


def _phase_plane(pred: Complex, truth: Complex, support: Mask) -> tuple[float, float]:
    """Slope ``(x, y)`` of the phase difference, rad a pixel: the peak of its spectrum, refined by least squares."""
    cross = np.where(support, pred * truth.conj(), 0)
    rows, columns = np.nonzero(support)
    spectrum = np.abs(fft.fft2(cross))
    peak = np.unravel_index(int(np.argmax(spectrum)), spectrum.shape)
    slope = np.array([2 * np.pi * fft.fftfreq(n)[k] for n, k in zip(cross.shape[::-1], peak[::-1], strict=True)])
    for _ in range(3):
        left = cross[rows, columns] * np.exp(-1j * (slope[0] * columns + slope[1] * rows))
        left = left * np.exp(-1j * np.angle(left.sum()))
        weight = np.sqrt(np.abs(left))
        design = np.stack([columns, rows, np.ones_like(rows)], axis=-1) * weight[:, None]
        slope = slope + np.linalg.lstsq(design, np.angle(left) * weight, rcond=None)[0][:2]
    return float(slope[0]), float(slope[1])


def quality_scores(pred: Complex, truth: Complex, support: Mask) -> dict[str, Any]:
    """Amplitude and phase differences over ``support``, after ``align``; SSIM, PSNR and FRC too.

    ``phase`` differences are wrapped to (-pi, pi], and weigh ``|pred| |truth|``: where next to no light
    passes, a phase says nothing, and in an opaque object half of them are chance. The same weights are those
    of the inner product by which ``align_objects`` turns the phase; an object of one amplitude weighs alike
    everywhere. A constant truth has no ``pearson_r`` (None).
    """
    p, t = np.abs(pred[support]).astype(np.float64), np.abs(truth[support]).astype(np.float64)
    turn = np.angle(pred[support] * truth[support].conj()).astype(np.float64)
    angle = np.angle(truth[support]).astype(np.float64)
    amplitude = _differences(p, t)
    amplitude["relative_bias"] = float((p.mean() - t.mean()) / t.mean())
    amplitude["ratio"] = truth_to_prediction(p, t)
    amplitude |= _image_quality(np.abs(pred), np.abs(truth), support)
    return {
        "amplitude": amplitude,
        "phase": _differences(angle + turn, angle, p * t),
        "frc": ring_correlation(pred, truth, support),
    }


def _differences(p: Real, t: Real, weight: Real | None = None) -> dict[str, Any]:
    """Figures of ``p - t``, in which every pixel counts alike or as its ``weight`` says; ``*_stats`` count alike."""
    if weight is None or not weight.any():
        weight = np.ones(p.shape)
    share = weight / weight.sum()
    d = p - t
    p05, median, p95 = _percentiles(d, share, (5, 50, 95))
    return {
        "count": int(d.size),
        "bias_summary": {"mean": float(share @ d), "median": median, "p05": p05, "p95": p95},
        "mae": float(share @ np.abs(d)),
        "rmse": float(np.sqrt(share @ d**2)),
        "max_abs": float(np.abs(d[share >= DIM / d.size]).max()),
        "pearson_r": pearson(p, t, share),
        "pred_stats": array_summary(p),
        "truth_stats": array_summary(t),
    }


def _percentiles(values: Real, share: Real, wanted: tuple[float, ...]) -> list[float]:
    """Between neighbours in order, each in the middle of its share: NumPy's own where all shares are one."""
    order = np.argsort(values, kind="stable")
    at = np.cumsum(share[order]) - 0.5 * (share[order] + share[order[0]])
    spread = at[-1] if at[-1] > 0 else 1.0
    return [float(v) for v in np.interp(np.array(wanted) / 100, at / spread, values[order])]


def pearson(p: Real, t: Real, weight: Real | None = None) -> float | None:
    """The correlation coefficient, or None when either side is constant."""
    if np.ptp(p) <= 1e-6 * np.abs(p).max() or np.ptp(t) <= 1e-6 * np.abs(t).max():
        return None
    covariance = np.cov(p, t, aweights=weight)
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


def array_summary(values: Real) -> dict[str, Any]:
    """Extremes, mean, standard deviation and the number of NaN."""
    return {
        "min": float(np.min(values)),
        "max": float(np.max(values)),
        "mean": float(np.mean(values, dtype=np.float64)),
        "std": float(np.std(values, dtype=np.float64)),
        "nan_count": int(np.isnan(values).sum()),
    }


def truth_to_prediction(p: Real, t: Real) -> dict[str, Any]:
    """``truth / prediction`` pixel by pixel, and the scalar that fits best: diagnostics only."""
    ratio = t[p > 1e-12] / p[p > 1e-12]
    energy = float(p @ p)
    scalar = float(p @ t / energy) if energy > 0 else None
    if not ratio.size:
        return {"mean": None, "median": None, "p05": None, "p95": None, "count": 0, "least_squares": scalar}
    p05, median, p95 = (float(v) for v in np.percentile(ratio, [5, 50, 95]))
    return {
        "mean": float(ratio.mean()),
        "median": median,
        "p05": p05,
        "p95": p95,
        "count": int(ratio.size),
        "least_squares": scalar,
    }


def _image_quality(p: Real, t: Real, support: Mask) -> dict[str, Any]:
    """SSIM and PSNR over the support; outside it both images are set to the truth's mean."""
    span = float(np.ptp(t[support]))
    if span <= 1e-6 * float(np.abs(t[support]).max()):
        return {"ssim": None, "psnr_db": None}
    a, b = (np.where(support, image, t[support].mean()) for image in (p, t))
    local = structural_similarity(b, a, data_range=span, full=True)[1]
    noise_free = np.array_equal(a[support], b[support])
    psnr = None if noise_free else float(peak_signal_noise_ratio(b[support], a[support], data_range=span))
    return {"ssim": float(local[support].mean()), "psnr_db": psnr}


def ring_correlation(a: Complex, b: Complex, support: Mask) -> dict[str, Any]:
    """Fourier ring correlation (van Heel & Schatz 2005) of two objects over the support.

    Both are cut to the largest square in the support's bounding box, freed of their mean and
    tapered. ``crossing_1_7``: the first spatial frequency (cycles a pixel) below 1/7, or 0.5.
    """
    rows, columns = np.nonzero(support)
    side = int(min(np.ptp(rows), np.ptp(columns))) // 2 * 2
    if side < 8:
        return {"frequency": [], "correlation": [], "mean": None, "crossing_1_7": None}
    top, left = (rows.min() + rows.max() - side) // 2 + 1, (columns.min() + columns.max() - side) // 2 + 1
    cut = (slice(top, top + side), slice(left, left + side))
    taper = np.hanning(side)[:, None] * np.hanning(side)[None, :] * support[cut]
    F, G = (fft.fftshift(fft.fft2((x[cut] - x[support].mean()) * taper)) for x in (a, b))
    radius = np.hypot(*np.indices((side, side)) - side // 2).astype(int).ravel()
    cross = np.bincount(radius, (F * G.conj()).real.ravel())
    power = np.bincount(radius, np.abs(F).ravel() ** 2) * np.bincount(radius, np.abs(G).ravel() ** 2)
    rings = slice(1, side // 2)
    frc = (cross / np.sqrt(np.maximum(power, 1e-30)))[rings]
    frequency = np.arange(1, side // 2) / side
    below = np.flatnonzero(frc < 1 / 7)
    return {
        "frequency": [float(f) for f in frequency],
        "correlation": [float(c) for c in frc],
        "mean": float(frc.mean()),
        "crossing_1_7": float(frequency[below[0]]) if below.size else 0.5,
    }
