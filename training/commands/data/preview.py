"""`beltmark-train data preview`: shows on one sheet what augmentation makes of the images."""

import argparse
from pathlib import Path

from beltmark.command import whole
from beltmark.contract.documents import write_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset

DEFAULT_PRESET = "belt"


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    preview = words.add_parser(
        "preview", help="a contact sheet: images, their variants, and each transform alone"
    )
    preview.add_argument("source", type=Path, help="a training configuration (.toml) or a dataset")
    preview.add_argument(
        "--pipeline", metavar="PRESET", help="light, belt, strong, photographs, or a TOML file"
    )
    preview.add_argument("--seed", type=whole(0, 2**31), default=0)
    preview.add_argument(
        "--count", type=whole(1, 600), default=48, help="at most about so many pictures"
    )
    preview.add_argument("--out", type=Path, required=True, help="JPEG or PNG file to write")
    preview.set_defaults(command=_preview)


def _preview(arguments: argparse.Namespace) -> int:
    # Torch takes seconds to load; other commands do without it.
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    from training.data.channels import channel_statistics  # noqa: PLC0415
    from training.data.preview import make_sheet, make_training_rows  # noqa: PLC0415
    from training.presets import read_config, read_preset  # noqa: PLC0415

    source, out = arguments.source, arguments.out
    if out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise InputError("is no name of a picture", "end it in .jpg or .png", file=out)
    config = read_config(source) if source.suffix == ".toml" else None
    if config is not None and config.data.annotations is None:
        raise InputError("its images are drawn when it runs", "give a dataset", file=source)
    path = (config.data.annotations if config else None) or source
    if arguments.pipeline or config is None:
        config = None
        pipeline = read_preset(arguments.pipeline or DEFAULT_PRESET).pipeline
    else:
        pipeline = config.augment.pipeline
    dataset = read_dataset(path)
    if not dataset.images:
        raise InputError("has no images", "give a dataset with some", file=path)
    sheet, images = make_sheet(
        dataset, pipeline, source, seed=arguments.seed, count=arguments.count
    )
    if config is not None:
        count = len(pipeline) + 5
        sheet = np.vstack([sheet, make_training_rows(config, source, dataset, images, count)])
    written, content = cv2.imencode(out.suffix, sheet)
    if not written:
        raise InputError("cannot be encoded", "ask for fewer pictures", file=out)
    write_bytes(out, content.tobytes())
    print(f"channels: {channel_statistics(dataset.images)}")
    print(f"{out}: {len(images)} images, {sheet.shape[1]}x{sheet.shape[0]} pixels")
    return 0
