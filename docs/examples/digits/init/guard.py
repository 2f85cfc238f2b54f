"""What the harness needs to know of digits: its stages. `harness init` drafted them; they are yours."""

from pathlib import Path

import digits
from harness import Pipeline, Stage, defaults_of, options_of, read_scenario, scenario_titles, steps_of

# The stages: settings and earlier outputs in, numbers, texts and arrays out.
# main of digits still calls them by itself: if it changes, defaults tells.


def load(config, progress):
    images, labels = digits.load(**config["load"])
    return {"images": images, "labels": labels}


def split(config, progress, load):
    x_train, x_test, y_train, y_test = digits.split(
        load["images"],
        load["labels"],
        **config["split"],
    )
    return {"x_train": x_train, "x_test": x_test, "y_train": y_train, "y_test": y_test}


def reduce(config, progress, split):
    z_train, z_test, shares = digits.reduce(
        split["x_train"],
        split["x_test"],
        **config["reduce"],
    )
    return {"z_train": z_train, "z_test": z_test, "shares": shares}


def fit(config, progress, split, reduce):
    # TODO: model is an object (evaluate takes model.predict_proba): give its numbers in its
    # place, and build it again where it is used
    model = digits.fit(
        reduce["z_train"],
        split["y_train"],
        epochs=config["epochs"],
        **config["fit"],
    )
    return {"model": model}


def evaluate(config, progress, split, reduce, fit):
    return digits.evaluate(fit["model"], reduce["z_test"], split["y_test"])


def defaults(config, progress):
    """What the source sets where nobody says otherwise. Scenarios do: no other stage shows a change."""
    return {
        "load": defaults_of(digits.load),
        "split": defaults_of(digits.split),
        "reduce": defaults_of(digits.reduce),
        "fit": defaults_of(digits.fit),
        "options": options_of("digits"),
        "main": steps_of("digits", "main", by="calls"),
    }


pipeline = Pipeline(
    name="digits",
    stages=(
        Stage("load", "load", load, reads=("load",), replay="verify"),
        Stage("split", "split", split, needs=("load",), reads=("split",), replay="verify"),
        Stage("reduce", "reduce", reduce, needs=("split",), reads=("reduce",), replay="verify"),
        Stage("fit", "fit", fit, needs=("split", "reduce"), reads=("epochs", "fit"), replay="verify"),
        Stage("evaluate", "evaluate", evaluate, needs=("split", "reduce", "fit"), replay="verify"),
        Stage("defaults", "defaults", defaults, files=lambda config: [Path("digits.py")]),
    ),
    scenarios=scenario_titles,
    load=read_scenario,
)
