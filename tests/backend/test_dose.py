"""Two scenarios' normalisation side by side, from the stages themselves."""

from __future__ import annotations

import json

import pytest

from ptycho.config.scenario import load_scenario
from ptycho.pipeline.dose import write_dose_parity

SMALL = ("simulate.scan.images=48", "group.train_groups=8", "model.sweeps=1", "model.filters=4")


@pytest.fixture(scope="module")
def stats(tmp_path_factory):
    out = tmp_path_factory.mktemp("dose")
    a, b = (load_scenario(name, "smoke", SMALL) for name in ("gs2_ideal", "dose_legacy_gs2"))
    write_dose_parity(a, b, out, lambda done, total, note: None)
    return json.loads((out / "dose_normalization_stats.json").read_text()), (
        out / "dose_normalization_stats.md"
    ).read_text()


@pytest.mark.slow
def test_both_scenarios_treat_their_own_dose_alike(stats):
    result, _ = stats
    assert result["a"]["first_break"] is None
    assert result["b"]["first_break"] is None
    assert result["first_apart"] is None
    assert (result["a"]["name"], result["b"]["name"]) == ("gs2_ideal", "dose_legacy_gs2")


def test_each_has_its_own_gain_and_ends_at_the_same_energy(stats):
    result, _ = stats
    gains = [result[side]["ratios"]["grouped_to_normalized"] for side in "ab"]
    assert gains[0] != pytest.approx(gains[1], rel=0.05)
    for side in "ab":
        assert result[side]["ratios"]["grouped_to_normalized"] == pytest.approx(
            result[side]["expected"]["grouped_to_normalized"], rel=1e-4
        )
        assert result[side]["ratios"]["normalized_to_container"] == pytest.approx(1, rel=1e-4)


def test_the_same_is_told_in_words(stats):
    _, words = stats
    assert "No step before training is apart by more than 5 %" in words
    assert "| container_X |" in words
