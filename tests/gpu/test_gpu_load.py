"""How busy a device is, from a tool that prints what the driver's prints."""

from __future__ import annotations

import sys
import time

import pytest
from gpu_load import Load


def printing(lines, then="time.sleep(60)"):
    """A command that prints lines, one a twentieth of a second, and goes on as the driver's tool does."""
    return [
        sys.executable,
        "-c",
        f"import time\nfor line in {lines!r}: print(line, flush=True); time.sleep(0.05)\n{then}",
    ]


def watched(lines, seconds=10.0, then="time.sleep(60)"):
    load = Load("gpu:0")
    load.command = printing(lines, then)
    wanted = sum(line.isdigit() for line in lines)
    with load:
        end = time.monotonic() + seconds
        while len(load.samples) < wanted and time.monotonic() < end:
            time.sleep(0.01)
    return load


def test_the_samples_between_two_times_are_averaged():
    load = watched(["10", "80", "90", "[N/A]", "40"])
    times = [at for at, _ in load.samples]
    assert [share for _, share in load.samples] == [0.1, 0.8, 0.9, 0.4]
    assert load.between(times[1], times[2]) == pytest.approx(0.85)
    assert load.between(times[-1] + 1, times[-1] + 2) is None


def test_the_tool_is_ended_with_what_it_watched():
    load = watched(["10"])
    assert load._process is not None
    assert load._process.returncode is not None


def test_it_asks_for_the_device_that_computes():
    assert "--id=1" in Load("cuda:1").command


def test_without_the_tool_nothing_is_known():
    load = Load("gpu:0")
    load.command = ["/nowhere/nvidia-smi"]
    with load:
        pass
    assert load.samples == []
    assert load.between(0.0, time.perf_counter()) is None


def test_a_processor_is_not_watched():
    load = Load("cpu:0")
    load.command = printing(["10"])
    with load:
        time.sleep(0.2)
    assert load.samples == []


def test_a_tool_that_refuses_tells_nothing():
    load = watched(["no device was found"], seconds=0.5, then="raise SystemExit(9)")
    assert load.samples == []
