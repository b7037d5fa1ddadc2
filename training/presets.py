"""Reads a training configuration with the pipeline that its preset begins with."""

import re
from collections.abc import Sequence
from pathlib import Path

from beltmark.contract.documents import Document, read_document
from beltmark.contract.errors import InputError
from training.config import TrainConfig, Transform

PRESETS = Path(__file__).parent / "recipes" / "augment"


class Preset(Document):
    """A pipeline that configurations can begin with.

    Attributes:
        told: What it is for.
        pipeline: Albumentations transforms, in this order.
    """

    told: str
    pipeline: tuple[Transform, ...]


def read_config(path: Path) -> TrainConfig:
    """Reads a configuration; its `augment.pipeline` is the whole one, the preset's included.

    Raises:
        InputError: Missing, malformed, a field that does not fit, or no such preset.
    """
    return with_preset(read_document(path, TrainConfig), path)


def with_preset(config: TrainConfig, path: Path) -> TrainConfig:
    """Returns a configuration whose `augment.pipeline` is the whole one.

    Args:
        config: As it was read.
        path: Its file, for messages.

    Raises:
        InputError: No such preset.
    """
    augment = config.augment
    if augment.preset is None:
        return config
    try:
        preset = read_preset(augment.preset)
    except InputError as error:
        if error.file is not None:
            raise
        raise InputError(error.problem, error.mend, file=path, field="augment.preset") from None
    whole = extended(preset.pipeline, augment.pipeline)
    return config.model_copy(update={"augment": augment.model_copy(update={"pipeline": whole})})


def read_preset(name: str) -> Preset:
    """Reads a preset by its name, or a TOML file with one.

    Raises:
        InputError: There is none of that name, or the file does not fit.
    """
    if name.endswith(".toml"):
        return read_document(Path(name), Preset)
    if name not in preset_names():
        raise InputError(
            f"no preset {name[:60]!r}",
            f"name {', '.join(preset_names())}, or a file that ends in .toml",
        )
    return read_document(PRESETS / f"{name}.toml", Preset)


def preset_names() -> list[str]:
    """Returns the names of the presets that come with Beltmark."""
    return sorted(path.stem for path in PRESETS.glob("*.toml") if re.fullmatch(r"\w+", path.stem))


def extended(preset: Sequence[Transform], own: Sequence[Transform]) -> tuple[Transform, ...]:
    """Returns the preset's transforms with own ones in the place of those of the same name.

    Own ones that the preset lacks follow; those that never happen are left out.
    """
    names = {given.name for given in preset}
    replaced = {given.name: given for given in own if given.name in names}
    whole = [replaced.get(given.name, given) for given in preset]
    whole += [given for given in own if given.name not in names]
    return tuple(given for given in whole if given.p > 0)
