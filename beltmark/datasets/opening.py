"""Opens a dataset in whatever format it comes; each format has its reader."""

from pathlib import Path

from beltmark.datasets.coco import read_coco
from beltmark.datasets.dataset import Dataset


def read_dataset(path: Path) -> Dataset:
    """Reads the dataset at a path; what it is is told from the file or folder itself.

    Raises:
        InputError: Nothing is there, no reader knows it, or it would mislead training.
    """
    return read_coco(path)
