"""What the harness needs to know of grains: its stages. `harness init` drafted them; they are yours."""

from pathlib import Path

import grains
from harness import Pipeline, Stage, read_scenario, scenario_titles, steps_of

# The stages: settings and earlier outputs in, numbers, texts and arrays out.
# run of grains still calls them by itself: if it changes, defaults tells.


def micrograph(config, progress):
    return {"picture": grains.micrograph(config)}


def flatten(config, progress, micrograph):
    return {"flat": grains.flatten(config, micrograph["picture"])}


def segment(config, progress, flatten):
    level, mask, labels = grains.segment(config, flatten["flat"])
    return {"level": level, "mask": mask, "labels": labels}


def measure(config, progress, flatten, segment):
    return grains.measure(config, segment["labels"], flatten["flat"])


def summarise(config, progress, measure):
    return grains.summarise(measure)


def defaults(config, progress):
    """What the source sets where nobody says otherwise. Scenarios do: no other stage shows a change."""
    return {
        "CONFIG": grains.CONFIG,
        "run": steps_of("grains", "run", by="calls"),
    }


pipeline = Pipeline(
    name="grains",
    stages=(
        Stage(
            "micrograph",
            "micrograph",
            micrograph,
            reads=("image.grains", "image.noise", "image.seed", "image.side"),
            replay="verify",
        ),
        Stage(
            "flatten",
            "flatten",
            flatten,
            needs=("micrograph",),
            reads=("filter.background_px", "filter.sigma_px"),
            replay="verify",
        ),
        Stage(
            "segment",
            "segment",
            segment,
            needs=("flatten",),
            reads=("segment.closest_px", "segment.smallest_px"),
            replay="verify",
        ),
        Stage(
            "measure",
            "measure",
            measure,
            needs=("flatten", "segment"),
            reads=("pixel_um",),
            replay="verify",
        ),
        Stage("summarise", "summarise", summarise, needs=("measure",), replay="verify"),
        Stage("defaults", "defaults", defaults, files=lambda config: [Path("grains.py")]),
    ),
    scenarios=scenario_titles,
    load=read_scenario,
)
