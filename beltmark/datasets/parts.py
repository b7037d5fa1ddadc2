"""The parts that a dataset came in: training, validation, test, by whatever name they go."""

from typing import Final

SPLIT: Final = "split"
"""Attribute of an image that names its part."""

PARTS: Final = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""What each name stands for."""


def part_of(name: str) -> str | None:
    """Returns which part a name stands for: `train`, `validation`, `test`, or none."""
    return PARTS.get(name.lower())
