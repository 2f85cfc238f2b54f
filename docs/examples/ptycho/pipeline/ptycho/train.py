"""Simulate and reconstruct: python -m ptycho.train [iterations]"""

import sys

from ptycho import diffsim, params
from ptycho.evaluation import eval_reconstruction
from ptycho.probe import get_default_probe
from ptycho.reconstruct import pie


def main():
    if len(sys.argv) > 1:
        params.set("iterations", int(sys.argv[1]))
    probe = get_default_probe()
    truth = diffsim.sim_object_image()
    positions = diffsim.scan_positions()
    Y, scale = diffsim.illuminate_and_diffract(truth, probe, positions)
    obj, errors = pie(Y, probe, positions)
    metrics = eval_reconstruction(obj, truth)
    print(f"Fourier error {errors[-1]:.2e}, {metrics}")


if __name__ == "__main__":
    main()
