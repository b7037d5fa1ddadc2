"""Images that could become tasks, and the tasks they become. What is chosen is left to `selection`.

An image is known by the digest of its file, here and on the server: a task says it in its data.
"""

import io
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.files import DatasetFiles, is_image
from beltmark.datasets.images import MAX_IMAGE_BYTES, decode_as_told
from beltmark.datasets.label_studio import memory
from beltmark.datasets.label_studio.words import IMAGE
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.sizes import Size, image_sizes

DIGEST_FIELD: Final = "sha256"
"""Field of a task's data: the digest of its image's file."""

_ORIENTATION: Final = 0x0112
_SHOWN_BY_BROWSERS: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")


@dataclass(frozen=True)
class Seen:
    """What a model makes of an image.

    Attributes:
        uncertainty: See `selection.uncertainty`.
        prediction: For a task, as Label Studio takes it.
        embedding: float32 [D], what the image looks like to the model, of length 1; None where it
            sees nothing, or tells none.
    """

    uncertainty: float
    prediction: dict[str, Any]
    embedding: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Sample:
    """An image that could become a task."""

    digest: str
    file_name: str
    image: LabelledImage

    @property
    def upload_name(self) -> str:
        """What its file is called on the server: told apart by content."""
        return f"{self.digest}{PurePosixPath(self.file_name).suffix.lower()}"


def read_images(path: Path, format: str | None = None) -> Dataset:
    """Reads a dataset, or a folder that has images and nothing else.

    Raises:
        InputError: It is neither.
    """
    if format is None and path.is_dir():
        names = DatasetFiles(path).files()
        has_folders = any(each.is_dir() for each in path.iterdir())
        if names and not has_folders and all(map(is_image, names)):
            return _plain(path, names)
    return read_dataset(path, format)


def _plain(folder: Path, names: Sequence[str]) -> Dataset:
    paths = [folder / name for name in names]
    try:
        sizes = image_sizes(paths)
    except InputError:  # some are damaged, or half written: those are told one by one
        sizes = [_size_of(path) for path in paths]
    images = [
        LabelledImage(path, *size, name, name, (), ())
        for path, name, size in zip(paths, names, sizes, strict=True)
    ]
    return Dataset(folder, "", (), tuple(images), 0, format="images")


def _size_of(path: Path) -> Size:
    try:
        return image_sizes([path])[0]
    except InputError:
        return (0, 0)  # decoding it tells what is wrong


def sample_of(image: LabelledImage, dataset: Dataset) -> tuple[Sample, bytes]:
    """Reads an image; returns its sample and the content of its file.

    Raises:
        InputError: It is gone, or people would see something else than the model.
    """
    content = read_bytes(image.path, limit=MAX_IMAGE_BYTES)
    name = image.attributes.get("file_name") or _name_of(image.path, dataset.path)
    if not name.lower().endswith(_SHOWN_BY_BROWSERS):
        raise InputError("browsers do not show such a file", "save it as JPEG", file=image.path)
    return Sample(sha256_of(content), name, image), content


def decode_sample(content: bytes, image: LabelledImage) -> NDArray[np.uint8]:
    """Decodes a sample as the model sees it: uint8 [H, W, 3], 0..255, BGR.

    Raises:
        InputError: No image, of another size, or a browser would turn it.
    """
    decoded = decode_as_told(content, image)
    if _orientation(content) != 1:
        raise InputError(
            "a flag in it says how to turn it, and browsers would",
            "save it upright",
            file=image.path,
        )
    return decoded


def task_data(
    sample: Sample, address: str, chosen: str, taken_names: Container[str]
) -> dict[str, Any]:
    """Returns the data of a sample's task.

    Args:
        sample: The image.
        address: Where the server has its file.
        chosen: Why it was chosen.
        taken_names: File names of the project's other images.
    """
    image = sample.image
    name = sample.file_name
    if name in taken_names:
        name = f"{sample.digest[:12]}/{name}"
    row = {
        "file_name": name,
        "width": image.width_px,
        "height": image.height_px,
        "scene": image.scene,
        "sequence": image.sequence,
    }
    kept = {k: v for k, v in image.attributes.items() if k not in ("file_name", "annotator")}
    return {
        IMAGE: address,
        DIGEST_FIELD: sample.digest,
        "chosen": chosen,
        **memory.of_task({**row, "attributes": kept} if kept else row),
    }


def _name_of(path: Path, dataset_path: Path) -> str:
    root = dataset_path if dataset_path.is_dir() else dataset_path.parent
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _orientation(content: bytes) -> int:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return int(image.getexif().get(_ORIENTATION) or 1)
    except (OSError, ValueError, SyntaxError):
        return 1  # without a readable flag nobody turns it
