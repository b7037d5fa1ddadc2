"""What a snapshot keeps of an image: one row, one line of canonical JSON. Pure.

Equal content gives equal bytes: fields stand in one order, those at rest are left out, objects are
sorted, whole numbers are written as such. An image is known by the SHA-256 of its file; an image
that stands in a source twice has two rows, or one that counts twice where both say the same.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field, ValidationError

from beltmark.contract.documents import Document
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Box

MAX_TEXT: Final = 2_000
"""Characters of a name, scene or attribute; nothing in a dataset is longer."""

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""Of a file: lower-case hexadecimal SHA-256."""

Lines = Mapping[str, tuple[bytes, ...]]
"""Rows as they stand in a shard, by image: each image's lines, sorted, without line ends."""

_JSON: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_TIMES: Final = b',"times":'
_ORIGINS: Final = b',"origins":'
_DIGEST_IN_LINE: Final = slice(len('{"image":"'), len('{"image":"') + 64)


class RowObject(Document):
    """One box of an image, with its class by name; see `LabelledObject`."""

    class_name: Text
    box_xyxy_px: Box
    track_id: int | None = None
    truncated: bool = False
    blurred: bool = False
    uncertain: bool = False


class Row(Document):
    """One image with what people say is in it; see `LabelledImage`.

    Attributes:
        image: Digest of the image file.
        size_bytes: Size of the image file.
        scene: None where the source tells none: then the file's name stands for it.
        sequence: Likewise.
        frame: Place within the sequence, where the names' order does not tell it.
        class_name: Of the image as a whole.
        times: How many frames of its source are this very file with this very content.
        origins: Where the image came from: source (its id in the manifest) and original name.
    """

    image: Digest
    size_bytes: int = Field(ge=0)
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    scene: Text | None = None
    sequence: Text | None = None
    frame: int | None = None
    class_name: Text | None = None
    attributes: dict[Text, Text] = Field(default_factory=dict)
    ignore_xyxy_px: tuple[Box, ...] = ()
    objects: tuple[RowObject, ...] = ()
    times: int = Field(1, ge=1)
    origins: tuple[tuple[Text, Text], ...] = Field(min_length=1)

    @property
    def names(self) -> tuple[str, ...]:
        """The original names, in one source where there are several; one for each time."""
        first = min(source for source, _ in self.origins)
        names = sorted(name for source, name in self.origins if source == first)
        repeated = [names[-1]] * (self.times - len(names))  # a list may name one file twice
        return (*names, *repeated)[: self.times]


class Parts(NamedTuple):
    """A line taken apart, without reading what it says of the image.

    Attributes:
        content: What is said of the image, wherever it came from and however often.
        times: See `Row`.
        origins: Likewise.
    """

    content: bytes
    times: int
    origins: frozenset[tuple[str, str]]

    @property
    def line(self) -> bytes:
        """The line, without line end."""
        times = b"" if self.times == 1 else b"%s%d" % (_TIMES, self.times)
        return self.content + times + _ORIGINS + _canonical(sorted(self.origins)) + b"}"


def parts_of(line: bytes) -> Parts:
    """Takes a line apart."""
    # These two fields stand last; within a text their quotes would be escaped.
    told, _, origins = line.rpartition(_ORIGINS)
    content, mark, times = told.rpartition(_TIMES)
    found = frozenset((source, name) for source, name in json.loads(origins[:-1]))
    return Parts(content, int(times), found) if mark else Parts(told, 1, found)


def line_of(row: Row) -> bytes:
    """Returns a row's one line, without line end."""
    return Parts(content_of(row), row.times, frozenset(row.origins)).line


def content_of(row: Row) -> bytes:
    """Returns what the row says of its image, wherever it came from and however often."""
    return _canonical(_told(row))[:-1]


def read_row(line: bytes, file: Path) -> Row:
    """Reads a row.

    Raises:
        InputError: The line is none; names `file`, which holds it.
    """
    try:
        return Row.model_validate_json(line)
    except ValidationError as error:
        told = error.errors(include_url=False)[0]["msg"]
        raise InputError(
            f"holds a row that cannot be read: {told}", "take the store from a backup", file=file
        ) from None


def image_of(line: bytes) -> str:
    """Returns the digest of the image that a line is about."""
    return line[_DIGEST_IN_LINE].decode()


def sources_in(lines: Lines) -> set[str]:
    """Returns the ids of the sources that these rows are from."""
    every = (parts_of(line).origins for group in lines.values() for line in group)
    return {source for origins in every for source, _ in origins}


def grouped(lines: Iterable[bytes]) -> Lines:
    """Groups lines by image."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for line in lines:
        found[image_of(line)].append(line)
    return {image: tuple(sorted(group)) for image, group in found.items()}


def twice(first: Parts, second: Parts) -> Parts:
    """Returns two rows of the same content as one."""
    times = first.times + second.times
    return Parts(first.content, times, first.origins | second.origins)


def natural_key(name: str) -> tuple[tuple[str, int], ...]:
    """Orders names as people do: `frame 9` before `frame 10`."""
    parts = re.findall(r"([^0-9]*)([0-9]*)", name)
    return tuple((text, int(digits) if digits else -1) for text, digits in parts)


def _told(row: Row) -> dict[str, Any]:
    """Returns the fields of a row in their order, without its origins and what is at rest."""
    fields: dict[str, Any] = {
        "image": row.image,
        "size_bytes": row.size_bytes,
        "width_px": row.width_px,
        "height_px": row.height_px,
    }
    for name in ("scene", "sequence", "frame", "class_name"):
        value = getattr(row, name)
        if value is not None:
            fields[name] = value
    if row.attributes:
        fields["attributes"] = dict(sorted(row.attributes.items()))
    if row.ignore_xyxy_px:
        fields["ignore_xyxy_px"] = [_numbers(box) for box in sorted(row.ignore_xyxy_px)]
    if row.objects:
        fields["objects"] = [_object(each) for each in sorted(row.objects, key=_object_key)]
    return fields


def _object_key(each: RowObject) -> tuple[object, ...]:
    track = -1 if each.track_id is None else each.track_id
    flags = (each.truncated, each.blurred, each.uncertain)
    return each.class_name, each.box_xyxy_px, track, flags


def _object(each: RowObject) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "class_name": each.class_name,
        "box_xyxy_px": _numbers(each.box_xyxy_px),
    }
    if each.track_id is not None:
        fields["track_id"] = each.track_id
    for name in ("truncated", "blurred", "uncertain"):
        if getattr(each, name):
            fields[name] = True
    return fields


def _numbers(box: Box) -> list[float]:
    return [int(value) if float(value).is_integer() else value for value in box]


def _canonical(fields: object) -> bytes:
    return _JSON.encode(fields).encode()
