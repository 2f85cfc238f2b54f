"""The bundle: what comes back, and how everything that is not a fitting, whole bundle is refused."""

from __future__ import annotations

import gc
import json
import warnings
import zipfile
from dataclasses import asdict, replace

import numpy as np
import pytest

from ptycho.config.reading import config_digest
from ptycho.errors import BundleError
from ptycho.model import bundle
from ptycho.optics import probes
from ptycho.pipeline.inference import make_model, to_bundle
from ptycho.pipeline.values import Trained
from ptycho.training.training import TrainingOutcome

VERSIONS = {"python": "3", "backend": "any"}


@pytest.fixture(scope="module")
def trained(scene, enliven):
    """A model whose weights are not those it starts with, as the train stage would give it."""
    model, maker = scene().model()
    initial = model.get_weights()
    enliven(model).scaler.log_scale.assign(6.75)
    return Trained(model, maker, TrainingOutcome(), initial, 0.0)


@pytest.fixture(scope="module")
def built(scene, trained):
    small = scene()
    return to_bundle(small.config, small.dataset, small.scales, trained, VERSIONS)


@pytest.fixture
def path(tmp_path, built):
    bundle.save_bundle(tmp_path / "bundle.npz", built)
    return tmp_path / "bundle.npz"


def rewrite(path, change):
    """The bundle at ``path`` with its description changed and its arrays kept."""
    with np.load(path) as file:
        arrays = dict(file)
    about = change(json.loads(arrays["about"].tobytes()))
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, **arrays)


def refusal(path):
    """The sentence with which ``load`` refuses a file: one line that names the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # NumPy leaves a damaged archive open
        with pytest.raises(BundleError) as caught:
            bundle.load_bundle(path)
        message = str(caught.value)
        del caught
        gc.collect()
    assert str(path) in message
    assert "\n" not in message
    return message


def test_everything_comes_back(path, built):
    result = bundle.load_bundle(path)
    assert result.config == built.config
    assert asdict(result.scales) == asdict(built.scales)
    assert (result.log_scale, result.photon_scale, result.versions) == (6.75, built.photon_scale, VERSIONS)
    np.testing.assert_array_equal(result.probe, built.probe)
    np.testing.assert_array_equal(result.given_probe, built.given_probe)
    assert result.probe.dtype == np.complex64
    assert len(result.weights) == len(built.weights) > 20
    for a, b in zip(result.weights, built.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_loaded_bundle_predicts_the_same(scene, trained, path, canvases):
    small, result = scene(), bundle.load_bundle(path)
    model, maker = make_model(result.config, result.scales, result.probe, small.reach)
    groups = small.group.infer.take(slice(0, 8))
    untrained = canvases(model, maker, small.group.frames, groups, 8)
    model.set_weights(result.weights)
    again = canvases(model, maker, small.group.frames, groups, 8)
    wanted = canvases(trained.model, trained.maker, small.group.frames, groups, 8)
    np.testing.assert_array_equal(again, wanted)
    assert not np.allclose(untrained, wanted, atol=1e-3)


def test_nothing_inside_needs_unpickling(path):
    with np.load(path, allow_pickle=False) as file:
        kinds = {file[name].dtype.kind for name in file}
    assert kinds <= set("fcub")
    with zipfile.ZipFile(path) as archive:
        assert all(name.endswith(".npy") for name in archive.namelist())


def test_saving_leaves_nothing_else_behind(path):
    assert [p.name for p in path.parent.iterdir()] == ["bundle.npz"]


# A bundle that does not fit


def test_a_fitting_use_is_accepted(built):
    built.check(64, 2, built.probe)
    built.check(64, 2, np.complex64(0.3 - 2j) * built.probe)
    built.check(64, 2)


def test_the_probe_that_the_models_own_was_refined_from_is_accepted(built):
    refined = replace(built, probe=built.probe * np.exp(0.5j * np.arange(64, dtype=np.float32)))
    refined.check(64, 2, built.probe)
    refined.check(64, 2, refined.probe)


@pytest.mark.parametrize(
    ("N", "gridsize", "wanted"),
    [(128, 2, ("N = 64", "N = 128")), (64, 1, ("gridsize = 2", "gridsize = 1"))],
)
def test_another_n_or_gridsize_is_refused_naming_both(built, N, gridsize, wanted):
    with pytest.raises(BundleError) as caught:
        built.check(N, gridsize)
    for text in wanted:
        assert text in str(caught.value)


def test_another_probe_is_refused_naming_both_widths(built):
    other = probes.defocused(64)
    with pytest.raises(BundleError) as caught:
        built.check(64, 2, other)
    for probe in (built.probe, other):
        assert f"{probes.rms_width(probe):.2f} px" in str(caught.value)


def test_a_probe_of_another_size_is_refused(built):
    with pytest.raises(BundleError, match="another probe"):
        built.check(64, 2, np.ones((128, 128), np.complex64))


# A file that is no whole bundle


def test_a_missing_file_is_named(tmp_path):
    assert "no bundle" in refusal(tmp_path / "nothing.npz")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_bundle_is_refused(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert "damaged" in refusal(path)


def test_a_bundle_with_a_flipped_byte_is_refused(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 not really", b'{"format": 1}'])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "foreign.npz").write_bytes(content)
    refusal(tmp_path / "foreign.npz")


def test_a_folder_is_refused(tmp_path):
    refusal(tmp_path)


def test_an_npz_of_someone_elses_is_refused(tmp_path):
    np.savez(tmp_path / "data.npz", probe=np.ones((64, 64), np.complex64), data=np.zeros(3))
    refusal(tmp_path / "data.npz")


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    refusal(tmp_path / "array.npy")


@pytest.mark.slow
def test_pickled_objects_are_refused_unread(tmp_path):
    np.savez(tmp_path / "objects.npz", about=np.array([{"format": 1}], dtype=object), probe=np.zeros(2))
    assert "pickle" in refusal(tmp_path / "objects.npz")


def test_an_altered_configuration_is_noticed(path):
    def faster(about):
        about["config"]["train"]["learning_rate"] *= 2
        return about

    rewrite(path, faster)
    assert "altered" in refusal(path)


def test_a_bundle_from_before_a_setting_that_may_be_left_out_is_read(path):
    """It was trained in float32, when there was nothing else to choose."""

    def older(about):
        del about["config"]["model"]["precision"]
        return {**about, "config_digest": config_digest(about["config"])}

    rewrite(path, older)
    assert bundle.load_bundle(path).config.model.precision == "float32"


def test_an_unknown_setting_is_named(path):
    def misspelt(about):
        about["config"]["train"]["epoch"] = 3
        return about

    rewrite(path, misspelt)
    assert "'epoch'" in refusal(path)


def test_another_format_is_named(path):
    rewrite(path, lambda about: {**about, "format": 99})
    assert "99" in refusal(path)


@pytest.mark.parametrize("key", ["config", "config_digest", "scales", "log_scale", "photon_scale", "versions"])
def test_a_bundle_without_one_of_its_parts_is_refused(path, key):
    rewrite(path, lambda about: {k: v for k, v in about.items() if k != key})
    refusal(path)


def test_scales_of_another_version_are_refused(path):
    rewrite(path, lambda about: {**about, "scales": {**about["scales"], "extra": 1.0}})
    refusal(path)


def test_a_description_that_is_no_table_is_refused(path):
    rewrite(path, lambda about: [about])
    refusal(path)


def test_a_bundle_that_is_not_strict_json_is_never_written(tmp_path, built):
    with pytest.raises(ValueError, match="JSON"):
        bundle.save_bundle(tmp_path / "bundle.npz", replace(built, log_scale=float("nan")))
    assert not list(tmp_path.iterdir())
