"""The documents of a store: what a snapshot holds, and how it came to be.

A manifest is addressed by the digest of its bytes. It holds content alone, so that equal content is
one snapshot, in whatever order it was added and by whom. How it came to be is told beside it, by
one derivation for each time.
"""

import json
from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from beltmark.contract.documents import Document, sha256_of
from beltmark.datasets.snapshots.rows import Digest, Text

SHARDS: Final = tuple(f"{number:02x}" for number in range(256))
"""Rows lie in the shard that their image's digest begins with."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Shard = Annotated[str, Field(pattern=r"^[0-9a-f]{2}$")]
Note = Annotated[str, Field(min_length=1, max_length=500)]
SourceId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class Source(Document):
    """Where images came from, and what may be done with them.

    Attributes:
        path: As the user gave it.
        format: Such as `coco`.
        licence: Under which they may be used; None if nobody said.
        consent: Of the people or owners shown: which, where it is written.
        retain_until: They are to be forgotten after this day.
        annotators: Who drew the boxes.
    """

    path: Text
    format: Note
    licence: Note | None = None
    consent: Note | None = None
    retain_until: date | None = None
    annotators: tuple[Note, ...] = ()

    @field_validator("licence", "consent", "annotators")
    @classmethod
    def _is_printable(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        texts = (value,) if isinstance(value, str) else value or ()
        if not all(text.isprintable() for text in texts):
            raise ValueError("has characters that cannot be printed")
        return value

    @property
    def id(self) -> str:
        """What rows call it: from its content, so that the same source is one."""
        return sha256_of(_canonical(self.model_dump(mode="json", exclude_none=True)))[:16]

    def is_over(self, today: date) -> bool:
        """Whether its images were to be forgotten before today."""
        return self.retain_until is not None and self.retain_until < today

    def is_same_place(self, other: "Source") -> bool:
        """Whether both are one source, be it with another licence or at another time."""
        return (self.path, self.format) == (other.path, other.format)


class ShardEntry(Document):
    """One shard of a snapshot: the digest of its file, and how many images are in it."""

    sha256: Digest
    images: int = Field(ge=1)


class Manifest(Document):
    """What a snapshot holds; `Store` reads its shards.

    Attributes:
        class_names: Sorted, so that their order does not depend on who came first.
        sources: Where the images came from, by id.
        shards: Files of rows, by the first two digits of their images' digests.
    """

    format_version: Literal[1] = 1
    class_names: tuple[Text, ...]
    sources: dict[SourceId, Source]
    shards: dict[Shard, ShardEntry]

    @property
    def images(self) -> int:
        """How many image files it holds."""
        return sum(entry.images for entry in self.shards.values())

    def content(self) -> bytes:
        """Returns its bytes, whose digest is the snapshot's."""
        return _canonical(self.model_dump(mode="json", exclude_none=True)) + b"\n"


EMPTY: Final = Manifest(class_names=(), sources={}, shards={})
"""What a first source is added to."""


class SourceUse(Document):
    """One reading of a source: its id, and the digest of what its annotations said then."""

    source: SourceId
    annotations_sha256: Text


class Derivation(Document):
    """How a snapshot came to be, once.

    Attributes:
        snapshot: Which.
        action: What was done.
        at: When.
        by: Who did it.
        parents: The snapshots that it was made from, sorted.
        read: What was read for it.
        tools: Versions of the programs that made it, by name.
        classes: What classes were called before, and after.
        prefer: Whose word counted where two contradicted each other.
    """

    format_version: Literal[1] = 1
    snapshot: Digest
    action: Literal["add", "merge", "forget"]
    at: datetime
    by: Note
    parents: tuple[Digest, ...] = ()
    read: tuple[SourceUse, ...] = ()
    tools: dict[Note, Note] = Field(default_factory=dict)
    classes: dict[Text, Text] = Field(default_factory=dict)
    prefer: Note | None = None

    def tells_of(self, other: "Derivation") -> bool:
        """Whether both tell of the same act, be it done twice."""
        when = {"at", "by", "tools"}
        return self.model_dump(exclude=when) == other.model_dump(exclude=when)

    def content(self) -> bytes:
        """Returns its bytes, after whose digest its file is named."""
        return _canonical(self.model_dump(mode="json", exclude_none=True)) + b"\n"


class StoreMark(Document):
    """Says that a folder is a store, and of which version."""

    format_version: Literal[1] = 1


class NameFile(Document):
    """Which snapshot a name stands for; it may move on to a later one."""

    format_version: Literal[1] = 1
    snapshot: Digest


class Tombstone(Document):
    """Stands where an image was that had to be forgotten."""

    format_version: Literal[1] = 1
    image: Digest
    reason: Note
    at: datetime
    by: Note


def _canonical(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
