"""How good network and oracle are: against the truth where there is one, else against the data and one another."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import KDTree

from ptycho.arrays import Complex, Integer, Mask, Real
from ptycho.config.pipeline import PipelineConfig
from ptycho.data.frames import Frames
from ptycho.optics.geometry import Canvas
from ptycho.pipeline.inference import infer_frames, infer_groups
from ptycho.pipeline.values import Comparison, Prepared, Reference, Trained
from ptycho.quality import metrics
from ptycho.quality.gates import photon_floor
from ptycho.reconstruction.engines import reconstruct
from ptycho.reconstruction.oracle import fourier_error
from ptycho.reconstruction.stitching import Reconstruction


def compare_objects(
    config: PipelineConfig, prepared: Prepared, trained: Trained, reconstruction: Reconstruction, reference: Reference
) -> Comparison:
    """Network and oracle against the truth where there is one, else against the data and one another."""
    dataset, frames, probe = prepared.dataset, prepared.groups.frames, prepared.probe
    shape, settings = dataset.object_shape, config.compare
    support = illuminated(frames, probe, shape, settings.support_threshold)
    known, filled = reconstruction.support(shape), reconstruction.filled(shape, support)
    figures: dict[str, Any] = {
        "support": {
            "threshold": settings.support_threshold,
            "count": int(support.sum()),
            "coverage": float(support.mean()),
            "reconstructed_share": float(known[support].mean()),
        },
        "fourier_error": {
            "network": fourier_error(filled, probe, frames),
            "oracle": fourier_error(reference.object, reference.probe, frames, reference.positions, reference.levels),
        },
    }
    against = reference.object if dataset.truth is None else dataset.truth
    aligned, how = metrics.align_objects(filled, against, support, settings.align_plane, settings.align_shift)
    scores = metrics.quality_scores(aligned, against, support)
    figures["alignment"] = how
    if dataset.truth is None:
        figures["network_to_oracle"] = scores
        figures["half_scan"], held_out = half_scans(config, prepared, trained)
        figures["fourier_error"] |= {"network_held_out": held_out, "photon_floor": photon_floor(dataset.frames)}
        return Comparison(figures, support, aligned, reference.object)
    figures |= scores
    best, _ = metrics.align_objects(
        reference.object, dataset.truth, support, settings.align_plane, settings.align_shift
    )
    figures["oracle"] = metrics.quality_scores(best, dataset.truth, support)
    whole = np.ones(shape, bool)
    figures["full_canvas"] = metrics.quality_scores(np.where(known, aligned, 0), dataset.truth, whole)
    return Comparison(figures, support, aligned, best)


def illuminated(frames: Frames, probe: Complex, shape: tuple[int, int], threshold: float) -> Mask:
    """Pixels that gathered at least ``threshold`` of the scan's typical dose.

    A pixel's dose is ``sum |P|**2`` over the frames that reached it. The typical one is the median over the area
    of the scan: what a pixel inside it gets, whatever a single pixel of the probe has.
    """
    canvas = Canvas(shape)
    intensity = (np.abs(probe) ** 2 / np.sum(np.abs(probe) ** 2)).astype(np.float32)
    for i in range(0, len(frames), 256):
        at = frames.positions[i : i + 256]
        canvas.add(np.ones((len(at), *probe.shape), np.complex64), intensity, at, "linear")
    x, y = np.clip(_scanned(frames.positions), 0, np.array(shape[::-1]) - 1).T
    least = threshold * float(np.median(canvas.weight[y, x]))
    return canvas.support(max(least, float(np.finfo(np.float32).tiny)))


def _scanned(positions: Real) -> Integer:
    """Pixels ``(K, 2)`` that stand for the area of a scan: around each position, as far as half-way to the next."""
    places = np.unique(positions, axis=0)
    near = KDTree(places).query(places, min(2, len(places)))[0]
    half = float(np.median(near[..., -1])) / 2
    around = np.stack(np.meshgrid(*2 * [np.linspace(-half, half, 5)]), axis=-1).reshape(-1, 2)
    return np.rint(places[:, None] + around).astype(int).reshape(-1, 2)


def half_scans(config: PipelineConfig, prepared: Prepared, trained: Trained) -> tuple[dict[str, Any], float]:
    """Agreement of two reconstructions, each from every second frame, and the network's Fourier error held out.

    No truth is needed. The oracle's halves share neither frames nor a probe: each corrects the given one for itself,
    and what that leaves open, a shift and a plane of phase, is aligned. The network's share what training learnt.
    Held out are those test frames of a half that the network's object of the other half is asked to explain: neither
    training nor inference has seen them. Where the halves see no common part of the object, there is no agreement.
    """
    frames, shape = prepared.groups.frames, prepared.dataset.object_shape
    halves = [frames.take(np.arange(first, len(frames), 2)) for first in (0, 1)]
    objects: dict[str, list[Complex]] = {"network": [], "oracle": []}
    support, errors = np.ones(shape, bool), []
    for half, other in zip(halves, reversed(halves), strict=True):
        network = infer_frames(config, trained.model, trained.maker, half, infer_groups(config, half), None)
        objects["network"].append(network.on(shape))
        *_, last = reconstruct(half, prepared.dataset.probe, shape, config.reference)
        objects["oracle"].append(last.object)
        support &= illuminated(half, prepared.probe, shape, config.compare.support_threshold)
        support &= network.support(shape)
        unseen = other.take(np.flatnonzero(np.isin(other.ids, prepared.split.test.ids)))
        if len(unseen):
            errors.append(fourier_error(network.filled(shape), prepared.probe, unseen))
    scores = {}
    if support.any():
        for name, (a, b) in objects.items():
            aligned, _ = metrics.align_objects(a, b, support, plane=True, shift=True)
            scores[name] = metrics.quality_scores(aligned, b, support)
    return scores, float(np.sqrt(np.mean(np.square(errors))))
