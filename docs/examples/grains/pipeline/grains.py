"""Grains in a micrograph: how many are there, how large are they, and which way do they lie?"""

import json

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import regionprops_table
from skimage.morphology import remove_small_objects
from skimage.segmentation import clear_border, watershed

CONFIG = {
    "image": {"side": 160, "grains": 40, "noise": 0.08, "seed": 5},
    "filter": {"sigma_px": 1.5, "background_px": 30.0},
    "segment": {"closest_px": 6, "smallest_px": 40},
    "pixel_um": 0.5,
}


def micrograph(cfg):
    """A picture of bright ellipses on an uneven background, as a microscope would give it."""
    image = cfg["image"]
    rng = np.random.default_rng(image["seed"])
    y, x = np.mgrid[: image["side"], : image["side"]] / image["side"]
    picture = 0.3 * x + 0.1 * y
    for _ in range(image["grains"]):
        cy, cx, angle = *rng.uniform(0, 1, 2), rng.uniform(0, np.pi)
        a, b = rng.uniform(0.03, 0.06, 2)
        u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
        v = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        picture = np.maximum(picture, (u**2 / a**2 + v**2 / b**2 < 1) * rng.uniform(0.7, 1.0))
    return picture + image["noise"] * rng.normal(size=picture.shape)


def flatten(cfg, picture):
    """The picture without noise and without its background."""
    smooth = gaussian(picture, cfg["filter"]["sigma_px"])
    return smooth - gaussian(picture, cfg["filter"]["background_px"])


def segment(cfg, flat):
    """A mask of all grains, and a number for each pixel that says which grain it belongs to."""
    options = cfg["segment"]
    level = threshold_otsu(flat)
    mask = remove_small_objects(flat > level, max_size=options["smallest_px"])
    distance = ndimage.distance_transform_edt(mask)
    peaks = peak_local_max(distance, min_distance=options["closest_px"], labels=ndimage.label(mask)[0])
    seeds = np.zeros(flat.shape, dtype=np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return level, mask, clear_border(watershed(-distance, seeds, mask=mask))


def measure(cfg, labels, flat):
    """A table with a row for each grain, lengths in micrometres."""
    names = ("label", "area", "major_axis_length", "minor_axis_length", "orientation", "mean_intensity")
    raw = regionprops_table(labels, flat, properties=names)
    um = cfg["pixel_um"]
    return {
        "label": raw["label"],
        "area_um2": raw["area"] * um**2,
        "major_um": raw["major_axis_length"] * um,
        "minor_um": raw["minor_axis_length"] * um,
        "orientation_rad": raw["orientation"],
        "intensity": raw["mean_intensity"],
    }


def summarise(table):
    """What goes into the paper."""
    diameter = np.sqrt(4 * table["area_um2"] / np.pi)
    return {
        "grains": len(diameter),
        "mean_diameter_um": float(diameter.mean()),
        "d10_d50_d90_um": [float(q) for q in np.percentile(diameter, [10, 50, 90])],
        "elongation": float(np.mean(table["major_um"] / table["minor_um"])),
    }


def run(cfg=CONFIG):
    picture = micrograph(cfg)
    flat = flatten(cfg, picture)
    level, mask, labels = segment(cfg, flat)
    table = measure(cfg, labels, flat)
    summary = summarise(table)
    return summary


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
