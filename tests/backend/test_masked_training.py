"""Masked detector pixels in features, losses and a whole run: seen by nothing, and no scale is off for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ptycho.model import losses
from ptycho.model.backend import host, ops
from ptycho.optics.probes import seen_norm
from ptycho.pipeline import stages
from ptycho.pipeline.inference import make_model
from ptycho.pipeline.values import Prepared


def silent(*_):
    """Progress that no one reads."""


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, np.float32))


@pytest.fixture(scope="module")
def gap():
    """A module gap of four columns beside the middle, and a hot pixel."""
    valid = np.ones((64, 64), bool)
    valid[:, 35:39] = valid[12, 50] = False
    return valid


@pytest.fixture(scope="module")
def masked(scene, gap):
    """The small scene behind that detector: ``masked("key=value", ...)``."""

    def make(*overrides):
        small = scene(*overrides)
        seen = replace(small.dataset.frames, mask=gap)
        share = seen.energy().mean() / small.dataset.frames.energy().mean()
        dataset = replace(small.dataset, frames=seen, nphotons=float(small.dataset.nphotons * share))
        split = stages.split(small.config, silent, dataset)
        group = stages.group(small.config, silent, dataset, split)
        scales = stages.normalize(small.config, silent, Prepared(dataset, split, small.probe, group))
        return replace(small, dataset=dataset, split=split, group=group, scales=scales)

    return make


# Losses


KINDS = {
    "nll": lambda counts, rate, valid: losses.poisson_nll(counts, rate, valid),
    "mae": lambda counts, rate, valid: losses.amplitude_mae(ops.sqrt(counts), rate, valid),
    "sample": lambda counts, rate, valid: losses.amplitude_l2_mae(ops.sqrt(counts), rate, "sample", valid),
    "patch": lambda counts, rate, valid: losses.amplitude_l2_mae(ops.sqrt(counts), rate, "patch", valid),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_is_that_of_the_valid_pixels_alone(kind, gap):
    """As if the detector had those pixels only, in one long row."""
    rng = np.random.default_rng(0)
    rate = rng.gamma(2.0, 5.0, (3, 2, 64, 64))
    counts = rng.poisson(rate).astype(float)
    valid = tensor(np.repeat(gap[None], 3, 0))
    there = KINDS[kind](tensor(np.where(gap, counts, 0)), tensor(1.1 * rate), valid)
    alone = KINDS[kind](tensor(counts[..., gap][:, :, None]), tensor(1.1 * rate[..., gap][:, :, None]), None)
    assert float(host(there)) == pytest.approx(float(host(alone)), rel=2e-6)
    unmasked = KINDS[kind](tensor(np.where(gap, counts, 0)), tensor(1.1 * rate), None)
    assert float(host(unmasked)) != pytest.approx(float(host(alone)), rel=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_masked_pixel_has_no_gradient(kind, gap, gradient):
    rng = np.random.default_rng(0)
    counts = np.where(gap, rng.poisson(4.0, (2, 2, 64, 64)), 0)
    valid = tensor(np.repeat(gap[None], 2, 0))
    value, slope = gradient(lambda rate: KINDS[kind](tensor(counts), rate, valid), rng.gamma(2.0, 2.0, counts.shape))
    assert np.isfinite(value)
    assert (slope[..., ~gap] == 0).all()
    assert (slope[..., gap] != 0).mean() > 0.9


# Features


def test_inputs_tell_the_mask_only_where_there_is_one(masked, scene, gap):
    small, plain = masked(), scene()
    _, maker = small.model()
    inputs = maker(small.split.train, small.group.train.take(slice(0, 3)))
    np.testing.assert_array_equal(inputs["mask"], np.repeat(gap[None].astype(np.float32), 3, 0))
    assert (inputs["diffraction"][..., ~gap] == 0).all()
    assert "mask" not in plain.model()[1](plain.split.train, plain.group.train.take(slice(0, 3)))


def test_the_estimate_hardly_sees_the_gap(masked, scene):
    """It is as near to the whole detector's as the gap is small; zeros that count as data are far off."""
    small, plain = masked(), scene()
    groups = plain.group.train
    wanted, unit = plain.model()[1](plain.split.train, groups)["estimate"][:, :, :2], plain.scales.counts_scale
    told = small.model()[1](small.split.train, groups)["estimate"][:, :, :2] * unit / small.scales.counts_scale
    told *= plain.scales.gain / small.scales.gain
    silent_zero = replace(small.split.train, mask=None)
    untold = plain.model()[1](silent_zero, groups)["estimate"][:, :, :2]

    def off(estimate):
        return np.linalg.norm(estimate - wanted) / np.linalg.norm(wanted)

    assert off(told) < 0.05
    assert off(untold) > 3 * off(told)


# Scales


def test_no_scale_is_off_for_the_mask(masked, scene, gap):
    """Energy is lost in the data and in the probe alike, so normalised objects and photons stay what they were."""
    small, plain = masked().scales, scene().scales
    lost = masked().split.train.energy().mean() / scene().split.train.energy().mean()
    assert lost < 0.97
    assert small.gain == pytest.approx(plain.gain / np.sqrt(lost), rel=1e-2)
    assert small.counts_scale == pytest.approx(small.closed_form_intensity_scale, rel=1e-6)
    assert small.counts_scale * small.gain == pytest.approx(plain.counts_scale * plain.gain, rel=1e-2)
    assert small.required_amplitude / small.gain == pytest.approx(plain.required_amplitude / plain.gain, rel=0.02)
    assert small.required_amplitude == pytest.approx(32 / seen_norm(masked().probe, gap), rel=1e-6)


@pytest.mark.slow
def test_a_run_behind_a_gap_undoes_every_scale(masked):
    """Trained, inferred and measured: the chain of gains is 1, and the amplitude is the truth's."""
    small = masked()
    trained = stages.train(small.config, silent, small.prepared, small.scales)
    result = stages.infer(small.config, silent, small.group, trained)
    reference = stages.oracle(small.config, silent, small.dataset, small.group)
    comparison = stages.compare(small.config, silent, small.prepared, trained, result, reference)
    told = stages.measure(small.config, silent, small.prepared, trained, result, comparison)
    assert told.intensity["full_chain_product"] == pytest.approx(1, abs=0.05)
    ladder = {rung["gain"]: rung for rung in told.intensity["gain_ladder"]}
    assert ladder["normalized_to_predicted"]["measured"] == pytest.approx(1, abs=0.05)
    counts = {s["name"]: s["stats"]["total_count"] for s in told.intensity["stages"]}
    assert counts["raw_diffraction"] == len(small.group.frames) * int(small.dataset.frames.mask.sum())
    assert abs(comparison.metrics["amplitude"]["relative_bias"]) < 0.05
    assert comparison.metrics["fourier_error"]["oracle"] < 0.1


def test_the_model_predicts_what_the_mask_hides(masked, gap):
    """Its loss does not ask for zeros there: an untrained conditioned network already shines through."""
    small = masked()
    model, maker = make_model(small.config, small.scales, small.probe, small.reach)
    inputs = {k: tensor(v) for k, v in maker(small.split.train, small.group.train.take(slice(0, 4))).items()}
    output = model(inputs)
    predicted = host(model.intensity(output["object"], inputs["offsets"]))
    assert predicted[..., ~gap].mean() > 0.5 * predicted[..., gap].mean()
    parts = model.loss_components(inputs, output)
    unmasked = model.loss_components({k: v for k, v in inputs.items() if k != "mask"}, output)
    assert float(host(parts["nll_loss"])) < 0.5 * float(host(unmasked["nll_loss"]))
