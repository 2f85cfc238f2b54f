"""What doubling the probe's scale does to each loss of an untrained model: the table in docs/explanation/loss.md."""

from __future__ import annotations

import keras
import numpy as np

from ptycho.config.scenario import load_scenario
from ptycho.pipeline.dose import untrained
from ptycho.training.training import input_maker


def components(per: str, factor: float) -> dict[str, float]:
    """Every loss component on the first 32 training groups of gs2_ideal (smoke), the model's probe times ``factor``."""
    settings = ["loss.mae_weight=1.0", f"loss.amplitude_l2_mae={per}"]
    config = load_scenario("gs2_ideal", "smoke", settings).config
    start = untrained(config, lambda done, total, note: None)
    model = start.model
    built = input_maker(start.maker, start.parts.train)(start.grouped.train.take(slice(0, 32)))
    inputs = {k: keras.ops.convert_to_tensor(v) for k, v in built.items()}
    output = model(inputs)
    for weight in (model.illumination.real, model.illumination.imaginary):
        weight.assign(factor * np.asarray(keras.ops.convert_to_numpy(weight)))
    return {k: float(keras.ops.convert_to_numpy(v)) for k, v in model.loss_components(inputs, output).items()}


def main() -> None:
    """Print the table."""
    print("| loss | probe | probe x 2 |\n| --- | ---: | ---: |")
    rows = [("likelihood", "off", "nll_loss"), ("amplitude MAE", "off", "mae_loss")]
    rows += [(f"amplitude MAE, unit energy of a {per}", per, "mae_loss") for per in ("sample", "patch")]
    for label, per, name in rows:
        once, twice = (components(per, factor)[name] for factor in (1.0, 2.0))
        print(f"| {label} | {once:.6g} | {twice:.6g} |")


if __name__ == "__main__":
    main()
