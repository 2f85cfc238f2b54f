"""The parameters of the whole package. Ask with get(), change with set()."""

cfg = {
    "N": 32,
    "gridsize": 7,
    "offset": 6,
    "probe_radius": 9.0,
    "nphotons": 1e6,
    "seed": 3,
    "iterations": 40,
    "beta": 0.9,
    "output_prefix": "outputs",
}


def get(key):
    return cfg[key]


def set(key, value):
    if key not in cfg:
        raise ValueError(f"unknown parameter {key}")
    cfg[key] = value
