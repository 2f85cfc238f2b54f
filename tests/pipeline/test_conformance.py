"""The conformance figures of docs/explanation/physics.md, and arrays that the upstream project computed."""

from __future__ import annotations

import numpy as np
import pytest

from ptycho.config.scenario import load_scenario
from ptycho.data.simulation import diffraction_amplitude, simulate_scan
from ptycho.data.splitting import split_frames
from ptycho.optics import objects, probes
from ptycho.optics.geometry import Canvas, extract_patches


@pytest.fixture(scope="module")
def upper_half():
    """The upper half of gs2_ideal's scan, 512 images."""
    config = load_scenario("gs2_ideal", "cpu").config
    return split_frames(simulate_scan(config).frames, config.split).test


def test_lines_object_has_the_published_statistics():
    amplitude = objects.lines(392, 42).real
    assert amplitude.shape == (392, 392)
    result = amplitude.mean(), amplitude.min(), amplitude.max(), amplitude.std()
    assert result == pytest.approx((2.7082474, 0.6128977, 4.8561268, 0.6410303), rel=1e-6)


def test_idealized_probe_has_the_published_norms():
    probe = probes.normalize_probe(probes.idealized(64), scale=10.0, mask=True)
    assert np.abs(probe).mean() == pytest.approx(0.1, rel=1e-6)
    assert np.linalg.norm(probe) == pytest.approx(20.0205, rel=1e-5)
    assert np.abs(probe).max() == pytest.approx(1.08936, rel=1e-5)


@pytest.mark.parametrize("N", [64, 128])
def test_idealized_probe_and_mask_agree_with_upstream(shared, N):
    stored = np.load(shared / "conformance" / "probe.npz")
    np.testing.assert_allclose(probes.idealized(N), stored[f"disk_{N}"], atol=1e-7)
    np.testing.assert_array_equal(probes.circular_mask(N), stored[f"mask_{N}"])


@pytest.mark.slow
def test_diffraction_has_the_published_statistics(upper_half):
    A, energy = upper_half.diffraction, upper_half.energy().mean()
    assert len(upper_half) == 512
    # Half of the last digit that is published, and four standard deviations (5.7e-7 over eight seeds of the noise).
    assert A.mean(dtype=float) == pytest.approx(0.145831, abs=5e-7 + 4 * 5.7e-7)
    assert A.std(dtype=float) == pytest.approx(0.84272, rel=1e-5)
    assert A.max() == pytest.approx(27.52, rel=1e-3)
    assert energy == pytest.approx(2995.98, abs=0.05)


def test_scales_have_the_published_values(upper_half):
    dataset = np.sqrt(1e9 / upper_half.energy().mean())
    assert dataset == pytest.approx(577.738, rel=1e-5)
    assert np.sqrt(1e9) / 32 == pytest.approx(988.212, rel=1e-6)
    assert np.log(np.sqrt(1e9) / 32) == pytest.approx(6.8959, abs=5e-5)


def test_patches_and_diffraction_agree_with_upstream(shared):
    stored = np.load(shared / "conformance" / "forward.npz")
    at = np.stack([stored["x_px"], stored["y_px"]], axis=-1)
    patches = extract_patches(objects.lines(392, 42), at, 64)
    np.testing.assert_allclose(patches, stored["patches"], atol=5e-5)
    amplitude = diffraction_amplitude(stored["patches"] * stored["probe"], 64)
    peak = stored["amplitude_noise_free"].max()
    np.testing.assert_allclose(amplitude, stored["amplitude_noise_free"], atol=1e-6 * peak)


def test_stitching_agrees_with_upstream(shared):
    stored = np.load(shared / "conformance" / "stitch.npz")
    n = int(stored["central_px"])
    offsets = stored["offsets_xy"] - stored["offsets_xy"].mean(axis=0)
    pad = int(np.ceil(np.abs(offsets).max()))
    side = n + 2 * (pad + pad % 2)
    canvas = Canvas((side, side), (-side // 2, -side // 2))
    low = (64 - n) // 2
    canvas.add(stored["patches"][:, low : low + n, low : low + n], np.ones((n, n)), offsets, "linear")
    assert stored["canvas"].shape == (side, side)
    np.testing.assert_allclose(canvas.average(), stored["canvas"], atol=1e-4)


def test_translation_agrees_with_upstream(shared):
    stored = np.load(shared / "conformance" / "translate.npz")
    for image, offset, wanted in zip(stored["images"], stored["offsets_xy"], stored["out"], strict=True):
        # Moving the content by +d is looking from -d.
        at = np.array([[8.0, 8.0]]) - offset
        np.testing.assert_allclose(extract_patches(image[..., 0], at, 16)[0], wanted[..., 0], atol=1e-5)
