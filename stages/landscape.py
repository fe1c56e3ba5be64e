"""Draw and measure the loss surface around the trained network, with the path that its training took."""

from __future__ import annotations

from pathlib import Path

from llp.datasets.dataset import load_dataset
from llp.errors import exit_cleanly
from llp.files import write_json
from llp.loss_surface import Look, look_around
from llp.loss_surface_figures import draw_all
from llp.params import read_params
from llp.training.precision import choose_device
from llp.training.recipe import Recipe
from llp.training.weights import load_model
from llp.training_path import load_path


def main() -> None:
    params = read_params()
    model, description = load_model("models/final.safetensors")
    surface = look_around(
        model,
        load_path("models/path.safetensors"),
        load_dataset(Path("data/target")),
        choose_device(params.compute.device),
        Recipe.of(description["configuration"]).label_smoothing,
        Look(**params.surface.model_dump()),
        params.seed,
    )
    draw_all(surface, "reports/landscape")
    write_json("metrics/landscape.json", surface.numbers)
    if surface.missing is not None:
        print(surface.missing)


if __name__ == "__main__":
    exit_cleanly(main)
