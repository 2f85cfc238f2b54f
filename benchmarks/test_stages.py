"""Time every stage at N = 64. ``python -m tox run -e bench`` rewrites docs/benchmarks.md from this.

Nothing is asserted about time: a benchmark measures, and the table is read by people.
"""

from __future__ import annotations

import numpy as np
import pytest

from ptycho.config.scenario import load_scenario
from ptycho.data.simulation import detect, simulate_scan
from ptycho.optics.geometry import Canvas
from ptycho.optics.projections import Correction, Projections, correction
from ptycho.pipeline.inference import infer_groups, make_model
from ptycho.pipeline.stages import group, normalize, split
from ptycho.pipeline.values import Prepared
from ptycho.quality import metrics
from ptycho.reconstruction.oracle import epie
from ptycho.reconstruction.stitching import predict
from ptycho.reconstruction.synchronization import synchronize_phases
from ptycho.training.training import GroupBatches, compile_model, input_maker


def silent(done: int, total: int, note: str) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def ready():
    """gs2_ideal at the cpu profile, up to an untrained model."""
    config = load_scenario("gs2_ideal", "cpu").config
    dataset = simulate_scan(config)
    parts = split(config, silent, dataset)
    grouped = group(config, silent, dataset, parts)
    scales = normalize(config, silent, Prepared(dataset, parts, dataset.probe, grouped))
    model, maker = make_model(config, scales, dataset.probe, grouped.reach)
    return config, dataset, parts, grouped, scales, model, maker


@pytest.mark.benchmark(group="simulate", min_rounds=3)
def test_simulate_1024_images(benchmark, ready):
    config, dataset, *_ = ready
    sim = config.simulate
    args = dataset.truth, dataset.probe, dataset.frames.positions, sim.nphotons
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 1024, "images"
    benchmark(lambda: detect(*args, np.random.default_rng(0)))


@pytest.mark.benchmark(group="group")
def test_group_512_frames(benchmark, ready):
    config, _, _, grouped, *_ = ready
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 512, "groups"
    benchmark(lambda: infer_groups(config, grouped.frames))


@pytest.mark.benchmark(group="normalize")
def test_normalize_512_groups(benchmark, ready):
    config, dataset, parts, grouped, *_ = ready
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 512, "groups"
    benchmark(lambda: normalize(config, silent, Prepared(dataset, parts, dataset.probe, grouped)))


@pytest.mark.benchmark(group="features", min_rounds=3)
def test_condition_512_groups(benchmark, ready):
    *_, grouped, _, _, maker = ready
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 512, "groups"
    benchmark(lambda: maker(grouped.frames, grouped.infer))


@pytest.mark.benchmark(group="train", min_rounds=3)
def test_train_one_epoch_of_512_groups(benchmark, ready):
    config, _, parts, grouped, _, model, maker = ready
    batches = GroupBatches(input_maker(maker, parts.train), grouped.train, config.train.batch_size, 0)
    compile_model(model, config.train, 1000)
    model.fit(batches, epochs=1, verbose=0, shuffle=False)
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 512, "groups"
    benchmark(lambda: model.fit(batches, epochs=1, verbose=0, shuffle=False))


@pytest.mark.benchmark(group="infer", min_rounds=3)
def test_infer_512_groups_features_included(benchmark, ready):
    config, _, _, grouped, _, model, maker = ready
    size = config.infer.batch_size
    list(predict(model, maker, grouped.frames, grouped.infer.take(slice(0, size)), size))
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 512, "groups"
    benchmark(lambda: [None for _ in predict(model, maker, grouped.frames, grouped.infer, size)])


@pytest.mark.benchmark(group="stitch")
def test_stitch_512_patches_onto_400_pixels(benchmark):
    rng = np.random.default_rng(0)
    patches = (rng.standard_normal((512, 64, 64)) + 1j * rng.standard_normal((512, 64, 64))).astype(np.complex64)
    positions = rng.integers(32, 368, (512, 2)).astype(float)
    weight = rng.uniform(size=(64, 64)).astype(np.float32)

    def stitch():
        canvas = Canvas((400, 400))
        canvas.add(patches, weight, positions)
        return canvas.average()

    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 512, "patches"
    benchmark(stitch)


@pytest.mark.benchmark(group="stitch")
def test_synchronize_512_groups(benchmark, ready):
    config, _, _, grouped, _, model, maker = ready
    parts = list(predict(model, maker, grouped.frames, grouped.infer, config.infer.batch_size))
    objects, weights = (np.concatenate([p[k] for p in parts]) for k in (1, 2))
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 512, "groups"
    benchmark(lambda: synchronize_phases(lambda part: (objects[part], weights[part]), grouped.infer.centers))


@pytest.mark.benchmark(group="oracle", min_rounds=1)
def test_oracle_40_sweeps_of_512_images(benchmark, ready):
    config, dataset, _, grouped, *_ = ready

    def reconstruct():
        return list(epie(grouped.frames, dataset.probe, dataset.object_shape, config.reference))

    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 40, "sweeps"
    benchmark(reconstruct)


@pytest.mark.benchmark(group="compare", min_rounds=2)
def test_compare_with_truth(benchmark, ready):
    _, dataset, *_ = ready
    support = np.ones(dataset.object_shape, bool)
    rng = np.random.default_rng(0)
    noisy = dataset.truth + 0.1 * rng.standard_normal(dataset.truth.shape)
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 1, "comparisons"
    benchmark(lambda: metrics.quality_scores(noisy.astype(np.complex64), dataset.truth, support))


@pytest.mark.benchmark(group="projections")
def test_one_sweep_of_16_groups_on_one_core(benchmark):
    rng = np.random.default_rng(0)
    canvas = np.ones((16, 96, 96), np.complex64)
    probes = (rng.standard_normal((16, 4, 32, 32)) + 0j).astype(np.complex64)
    corners = rng.integers(0, 64, (16, 4, 2))
    amplitude = rng.uniform(size=(16, 4, 64, 64)).astype(np.float32)
    benchmark.extra_info["items"], benchmark.extra_info["unit"] = 16, "groups"
    projections, (conjugate, inverse) = Projections(canvas, 32, 64), correction(probes, 1.0)

    def sweep():
        for c in range(4):
            by = Correction(conjugate[:, c], inverse[:, c])
            projections.update(corners[:, c], probes[:, c], by, amplitude[:, c])

    benchmark(sweep)
