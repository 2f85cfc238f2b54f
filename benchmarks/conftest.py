"""Benchmarks record how busy the machine was when they began."""

import os


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info["load"] = f"{os.getloadavg()[0]:.2f}"
