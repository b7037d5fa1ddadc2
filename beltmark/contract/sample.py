"""A sample: an image with its metadata, sent for people to label; and the pictures of an item."""

from typing import Annotated, Literal

from pydantic import Base64Bytes, Field

from beltmark.contract.package import Probability
from beltmark.contract.terms import Identity, Outcome, Time, Told, Word
from beltmark.contract.wire import Message

MAX_PICTURE_BYTES = 2 * 1024 * 1024
MAX_UPLOAD_BYTES = 4 * 1024 * 1024

PictureKind = Literal["crop", "label"]
"""What is shown of an item: the item itself (JPEG), or its label (PNG)."""

Pixels = Annotated[float, Field(ge=-100_000, le=100_000)]


class Candidate(Message):
    """A class that an item may be."""

    class_name: Word
    probability: Probability


class Sample(Message):
    """What is known of an image that a person should look at.

    Attributes:
        sample_id: Its identity; an upload that is repeated is the same sample.
        item_id: The item that it shows.
        captured_at: When.
        outcome: What the station made of it.
        reason: Why.
        width_px: Width of the image, which is the zone and nothing around it.
        height_px: Its height.
        box_xyxy_px: Where the item is in it.
        candidates: What it may be, best first.
        release: The release that decided.
        package_sha256: Digest of its package.
    """

    sample_id: Identity
    item_id: Identity
    captured_at: Time
    outcome: Outcome
    reason: Told
    width_px: Annotated[int, Field(ge=1, le=20_000)]
    height_px: Annotated[int, Field(ge=1, le=20_000)]
    box_xyxy_px: tuple[Pixels, Pixels, Pixels, Pixels] | None = None
    candidates: tuple[Candidate, ...] = Field(default=(), max_length=16)
    release: Word
    package_sha256: Word


class SampleUpload(Message):
    """Body of an upload: the sample and its JPEG."""

    sample: Sample
    jpeg: Annotated[Base64Bytes, Field(min_length=4, max_length=MAX_UPLOAD_BYTES)]
