"""What several tests share: the real data, and one small simulated data set."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from scipy import fft

from ptycho.config.scenario import load_scenario
from ptycho.data.files import find_data_file
from ptycho.errors import DataError

# A busy machine must not turn a slow example into a failure.
hypothesis.settings.register_profile("quiet", deadline=None)
hypothesis.settings.load_profile("quiet")


CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """What the GPU tests ask for; here, because pytest reads options before it looks into deeper folders."""
    group = parser.getgroup("gpu", "trainings on an accelerator (-m gpu)")
    group.addoption("--gpu-on-cpu", action="store_true", help="where there is none, run them reduced on the CPU")
    group.addoption("--gpu-minutes", type=float, metavar="M", help="no more than so many; what had no time says so")
    group.addoption("--gpu-report", metavar="FILE", help="their one report (default: .harness/gpu/report.json)")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of test data; tests that need it are skipped, saying so, where it is missing."""
    try:
        return find_data_file("siemens-star-small.npz.bz2").parent
    except DataError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def gs2():
    """The smoke profile of gs2_ideal: its configuration and its simulated data."""
    from ptycho.data.simulation import simulate_scan

    config = load_scenario("gs2_ideal", "smoke").config
    return config, simulate_scan(config)


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; tests that look at a page are skipped, saying so, where it is missing."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield started
        started.close()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def another_fft(monkeypatch) -> Callable[[], None]:
    """From the call on, SciPy's FFT rounds otherwise, as another release's may: same transform, turned by a phase."""

    def turned(original: Callable[..., Any]) -> Callable[..., Any]:
        def transform(x: Any, *arguments: Any, **options: Any) -> Any:
            phase = np.asarray(x).dtype.type(np.exp(1j))
            return original(x * phase, *arguments, **options) / phase

        return transform

    def change() -> None:
        for name in ("fft", "fft2", "ifft", "ifft2"):
            monkeypatch.setattr(fft, name, turned(getattr(fft, name)))

    return change
