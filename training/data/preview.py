"""Draws a contact sheet: images beside their variants, so that people see what a model will see.

What varies them is left to `augment` and `batches`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.package import InputSpec
from beltmark.datasets.dataset import Dataset, LabelledImage
from training.config import TrainConfig, Transform
from training.data.augment import Augmenter
from training.data.batches import TrainingSamples
from training.data.cutouts import cut_out_all
from training.data.samples import Sample, SampleStore

CELL_PX = 232
GAP_PX = 4
HEADER_PX = 22
BACKGROUND = 245
JUDGED, NOT_JUDGED_COLOUR, INK = (60, 200, 0), (150, 150, 150), (30, 30, 30)
VARIANTS = 4
LONGEST_PX = 1024
"""Pictures are drawn small; varying larger ones would take long."""


def make_sheet(
    dataset: Dataset, pipeline: Sequence[Transform], file: Path, *, seed: int, count: int
) -> tuple[NDArray[np.uint8], list[LabelledImage]]:
    """Draws images of a dataset, each beside its variants and what each transform alone does.

    Args:
        dataset: Where images come from.
        pipeline: The transforms.
        file: Where they come from, for messages.
        seed: Of the variation.
        count: At most so many pictures, but one row at least.

    Returns:
        uint8 [H, W, 3], 0..255, BGR, and the images that are on it.

    Raises:
        InputError: A transform does not exist or refuses its arguments, or an image is unreadable.
    """
    whole = Augmenter(pipeline, file)
    columns: list[tuple[str, Augmenter | None]] = [("original", None)]
    columns += [(f"variant {number + 1}", whole) for number in range(VARIANTS)]
    for transform in pipeline:
        surely = transform.model_copy(update={"p": 1.0})
        columns.append((transform.name, Augmenter([surely], file)))
    images = choose_images(dataset, max(count // len(columns), 1))
    store = SampleStore(images, longest_px=LONGEST_PX)
    rows = [
        [
            store[row] if vary is None else vary(store[row], np.random.default_rng([seed, row, k]))
            for k, (_, vary) in enumerate(columns)
        ]
        for row in range(len(store))
    ]
    return draw_sheet([name for name, _ in columns], rows, dataset.class_names), images


def make_training_rows(
    config: TrainConfig, file: Path, dataset: Dataset, images: Sequence[LabelledImage], count: int
) -> NDArray[np.uint8]:
    """Draws samples as training sees them: mixed, varied, and put into the model's input.

    Raises:
        InputError: A transform does not exist or refuses its arguments, or an image is unreadable.
    """
    store = SampleStore(images, longest_px=LONGEST_PX)
    samples = TrainingSamples(
        store,
        cutouts=cut_out_all(store) if config.augment.paste_share else [],
        backgrounds=SampleStore(()),
        augmenter=Augmenter(
            config.augment.pipeline, file, input_px=(config.input.width_px, config.input.height_px)
        ),
        settings=config.augment,
        spec=InputSpec(
            height_px=config.input.height_px, width_px=config.input.width_px, colour_order="BGR"
        ),
        seed=config.training.seed,
    )
    row = [samples[number] for number in range(count)]
    return draw_sheet(["as training sees them"] + [""] * (count - 1), [row], dataset.class_names)


def choose_images(dataset: Dataset, count: int) -> list[LabelledImage]:
    """Returns images spread over the dataset: other scenes and other classes where possible."""
    told = [image for image in dataset.images if image.objects or image.class_index is not None]
    told = told or list(dataset.images)
    spread = [told[k * len(told) // (count * 8)] for k in range(count * 8)]
    seen: set[tuple[str, ...]] = set()
    first: list[LabelledImage] = []
    rest: list[LabelledImage] = []
    for image in {image.path: image for image in spread}.values():
        labels = {item.class_index for item in image.objects} | {image.class_index}
        marks = {("scene", image.scene), ("classes", *sorted(map(str, labels)))}
        (rest if marks & seen else first).append(image)
        seen |= marks
    return (first + rest)[:count]


def draw_sheet(
    headers: Sequence[str], rows: Iterable[Sequence[Sample]], class_names: Sequence[str]
) -> NDArray[np.uint8]:
    """Draws samples in rows under their headers: uint8 [H, W, 3], 0..255, BGR.

    Green boxes are learnt from; what lies in grey ones is not judged.
    """
    strips = [_header(headers)]
    strips += [
        np.hstack([_cell(sample, class_names) for sample in row])
        for row in _filled(rows, len(headers))
    ]
    return np.asarray(np.vstack(strips), np.uint8)


def _filled(rows: Iterable[Sequence[Sample]], columns: int) -> Iterable[Sequence[Sample | None]]:
    for row in rows:
        yield [*row, *[None] * (columns - len(row))]


def _header(headers: Sequence[str]) -> NDArray[np.uint8]:
    strip = np.full((HEADER_PX, CELL_PX * len(headers), 3), BACKGROUND, np.uint8)
    for column, told in enumerate(headers):
        _write(strip, told, (column * CELL_PX + GAP_PX, HEADER_PX - 7), INK, 0.45)
    return strip


def _cell(sample: Sample | None, class_names: Sequence[str]) -> NDArray[np.uint8]:
    cell = np.full((CELL_PX, CELL_PX, 3), BACKGROUND, np.uint8)
    if sample is None:
        return cell
    height, width = sample.image_bgr.shape[:2]
    scale = (CELL_PX - GAP_PX) / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    picture = cv2.resize(sample.image_bgr, size, interpolation=cv2.INTER_AREA)
    for box, label in zip(sample.boxes_xyxy_px * scale, sample.labels.tolist(), strict=True):
        left, top, right, bottom = box.round().astype(int).tolist()
        colour = JUDGED if label >= 0 else NOT_JUDGED_COLOUR
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), colour, 1)
        if label >= 0:
            _write(picture, class_names[label], (left + 2, max(top + 10, 10)), colour, 0.35)
    if sample.class_index is not None:
        _write(picture, class_names[sample.class_index], (3, size[1] - 5), JUDGED, 0.42)
    cell[: size[1], : size[0]] = picture
    return cell


def _write(
    picture: cv2.typing.MatLike,
    told: str,
    at: tuple[int, int],
    colour: tuple[int, int, int],
    size: float,
) -> None:
    plain = told.encode("ascii", "replace").decode()  # OpenCV's letters
    if colour != INK:
        cv2.putText(picture, plain, at, cv2.FONT_HERSHEY_SIMPLEX, size, INK, 3, cv2.LINE_AA)
    cv2.putText(picture, plain, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
