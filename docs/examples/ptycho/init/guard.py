"""What the harness needs to know of ptycho.train: its stages. `harness init` drafted them; they are yours."""

from pathlib import Path
from unittest.mock import patch

import ptycho.diffsim
import ptycho.params
import ptycho.train
from harness import Pipeline, Stage, read_scenario, scenario_titles, steps_of

# The stages: settings and earlier outputs in, numbers, texts and arrays out.
# main of ptycho.train still calls them by itself: if it changes, defaults tells.


def get_default_probe(config, progress):
    with patch.dict(ptycho.params.cfg, config["params"]):
        return {"probe": ptycho.train.get_default_probe()}


def sim_object_image(config, progress):
    with patch.dict(ptycho.params.cfg, config["params"]):
        return {"truth": ptycho.diffsim.sim_object_image()}


def scan_positions(config, progress):
    with patch.dict(ptycho.params.cfg, config["params"]):
        return {"positions": ptycho.diffsim.scan_positions()}


def illuminate_and_diffract(config, progress, get_default_probe, sim_object_image, scan_positions):
    with patch.dict(ptycho.params.cfg, config["params"]):
        Y, scale = ptycho.diffsim.illuminate_and_diffract(
            sim_object_image["truth"],
            get_default_probe["probe"],
            scan_positions["positions"],
        )
        return {"Y": Y, "scale": scale}


def pie(config, progress, get_default_probe, scan_positions, illuminate_and_diffract):
    with patch.dict(ptycho.params.cfg, config["params"]):
        obj, errors = ptycho.train.pie(
            illuminate_and_diffract["Y"],
            get_default_probe["probe"],
            scan_positions["positions"],
        )
        return {"obj": obj, "errors": errors}


def eval_reconstruction(config, progress, sim_object_image, pie):
    with patch.dict(ptycho.params.cfg, config["params"]):
        return ptycho.train.eval_reconstruction(pie["obj"], sim_object_image["truth"])


def defaults(config, progress):
    """What the source sets where nobody says otherwise. Scenarios do: no other stage shows a change."""
    return {
        "params": ptycho.params.cfg,
        "main": steps_of("ptycho/train", "main", by="calls"),
    }


pipeline = Pipeline(
    name="ptycho",
    stages=(
        Stage(
            "get_default_probe",
            "get_default_probe",
            get_default_probe,
            reads=("params.N", "params.probe_radius"),
            replay="verify",
        ),
        Stage(
            "sim_object_image",
            "sim_object_image",
            sim_object_image,
            reads=("params.N", "params.gridsize", "params.offset", "params.seed"),
            replay="verify",
        ),
        Stage(
            "scan_positions",
            "scan_positions",
            scan_positions,
            reads=("params.gridsize", "params.offset"),
            replay="verify",
        ),
        Stage(
            "illuminate_and_diffract",
            "illuminate_and_diffract",
            illuminate_and_diffract,
            needs=("get_default_probe", "sim_object_image", "scan_positions"),
            reads=("params.N", "params.nphotons", "params.seed"),
            replay="verify",
        ),
        Stage(
            "pie",
            "pie",
            pie,
            needs=("get_default_probe", "scan_positions", "illuminate_and_diffract"),
            reads=("params.N", "params.beta", "params.iterations"),
            replay="verify",
        ),
        Stage(
            "eval_reconstruction",
            "eval_reconstruction",
            eval_reconstruction,
            needs=("sim_object_image", "pie"),
            reads=("params.N",),
            replay="verify",
        ),
        Stage("defaults", "defaults", defaults, files=lambda config: [Path("ptycho/train.py")]),
    ),
    scenarios=scenario_titles,
    load=read_scenario,
)
