"""What a labelled dataset is, whatever format it was read from; reading is left to the readers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class LabelledObject:
    """One box of an image.

    Attributes:
        class_index: Into the dataset's `class_names`.
        box_xyxy_px: Corners, within the image.
        track_id: The physical item, where the dataset tells.
        truncated: The image's border cuts it.
        blurred: It can be seen only blurred.
        uncertain: Whoever drew it was not sure.
    """

    class_index: int
    box_xyxy_px: Box
    track_id: int | None = None
    truncated: bool = False
    blurred: bool = False
    uncertain: bool = False


@dataclass(frozen=True)
class LabelledImage:
    """One image with what people say is in it.

    Attributes:
        path: The image file.
        width_px: As the annotation file says, and as `read_image` makes sure.
        height_px: Likewise.
        scene: What splits go by; the sequence's or the file's name where no scene is given.
        sequence: Frames that follow each other share it.
        ignore_xyxy_px: Regions in which nothing is judged; crowds are among them.
        objects: The boxes.
        class_index: Of the image as a whole, where the dataset says that; into `class_names`.
        attributes: What else the dataset tells, by name, such as `item`, `session`, `station`,
            `light`, `captured_at` (ISO 8601), `annotator`: what splits and slices go by.
    """

    path: Path
    width_px: int
    height_px: int
    scene: str
    sequence: str
    ignore_xyxy_px: tuple[Box, ...]
    objects: tuple[LabelledObject, ...]
    class_index: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """A dataset whose annotations were checked; the image files are read later.

    Attributes:
        path: The annotation file, or the folder where there is none.
        sha256: Digest of what the annotations say.
        class_names: In the order of their ids.
        images: In the order of the file.
        clipped: How many boxes left their image a little and were cut at its border.
        format: What it was read as, such as `coco`.
        notes: What the reader left out or took for granted, a sentence each.
    """

    path: Path
    sha256: str
    class_names: tuple[str, ...]
    images: tuple[LabelledImage, ...]
    clipped: int
    format: str = ""
    notes: tuple[str, ...] = ()
