"""A training of seconds, by training's own steps but for what measures: it learns these images."""

from pathlib import Path

from beltmark.contract.documents import parse
from beltmark.contract.package import GOLDEN, MODEL, Manifest, ModelPackage, Postprocess
from beltmark.datasets.images import read_image_bytes
from training import engine
from training.drafting import NOT_YET, SCORE_FLOORS
from training.export import export_core, outputs_of, with_pixels
from training.package import write_package
from training.presets import read_config
from training.sources import input_spec, open_dataset, training_samples

CONFIG = """
name = "{name}"

[data]
annotations = "{dataset}"
test_share = 0.25  # must be said; here all are learnt

[input]
width_px = 96
height_px = 64

[training]
steps = {steps}
batch_size = 8
workers = 0
warmup_steps = 4
learning_rate = 0.008
average_decay = 0.8
frozen_stages = 5
threads = 1

[augment]
mosaic_share = 0
paste_share = 0

[tracking]
enabled = false
"""


def train_package(dataset: Path, folder: Path, name: str, steps: int) -> ModelPackage:
    """Trains a detector on a dataset; returns its package, before compression."""
    folder.mkdir()
    path = folder / "run.toml"
    path.write_text(CONFIG.format(name=name, dataset=dataset, steps=steps))
    config = read_config(path)
    data = open_dataset(config, folder)
    samples = training_samples(config, path, data.images, len(data.class_names), folder)
    state = engine.start(config, len(data.class_names))
    network = engine.train(state, samples, config, "tiny", folder)
    spec = input_spec(config)
    manifest = parse(
        {
            "name": name, "task": config.task, "classes": data.class_names, "input": spec,
            "none_of_these": config.none_of_these, "outputs": outputs_of(config.task),
            "postprocess": Postprocess(score_floor=SCORE_FLOORS[config.task]),
            "files": {MODEL: NOT_YET, GOLDEN: NOT_YET},
        },
        Manifest,
        path,
    )  # fmt: skip
    model = with_pixels(export_core(network, spec), spec)
    return write_package(folder / "package", model, manifest, [read_image_bytes(data.images[0])])
