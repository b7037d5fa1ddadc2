"""The bundle: the list of a release's files as it is signed and delivered to devices.

As TUF targets: `releases/NAME/bundle.json`, and each file by its digest as `blobs/SHA256`, so that
a device fetches only what it does not have yet. Signing and fetching are left to the parts.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.documents import Document
from beltmark.contract.package import MAX_PACKAGE_FILE_BYTES, Sha256
from beltmark.contract.terms import ReleaseName

MAX_FILES = 1_000
MAX_BUNDLE_BYTES = 512 * 1024 * 1024


def bundle_target(release: ReleaseName) -> str:
    """The TUF target path of a release's bundle document."""
    return f"releases/{release}/bundle.json"


def blob_target(sha256: Sha256) -> str:
    """The TUF target path of a file with this digest."""
    return f"blobs/{sha256}"


class BundleFile(Document):
    """One file of a release."""

    sha256: Sha256
    length: Annotated[int, Field(ge=0, le=MAX_PACKAGE_FILE_BYTES)]


class Requirements(Document):
    """What a device must be to run a release.

    Attributes:
        machines: Processor families on which it may run, such as x86_64; empty: any.
        max_latency_ms: 95th percentile of the time for one golden image, on that device; None: any.
    """

    machines: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-]{1,32}$")], ...] = ()
    max_latency_ms: Annotated[float, Field(gt=0, le=60_000)] | None = None


class Bundle(Document):
    """`bundle.json`: paths are relative to the release's folder."""

    format_version: Literal[1] = 1
    release: ReleaseName
    package_sha256: Sha256
    requires: Requirements = Requirements()
    files: Mapping[str, BundleFile] = Field(min_length=1, max_length=MAX_FILES)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        for name in self.files:
            path = PurePosixPath(name)
            is_plain = not path.is_absolute() and ".." not in path.parts and str(path) == name
            if not is_plain or "\\" in name or not name.isprintable() or len(name) > 255:
                raise ValueError(f"files: {name!r} is not a plain relative path")
        if self.total_bytes > MAX_BUNDLE_BYTES:
            raise ValueError(f"files have {self.total_bytes} bytes, more than {MAX_BUNDLE_BYTES}")
        return self

    @property
    def total_bytes(self) -> int:
        """Length of all files together."""
        return sum(file.length for file in self.files.values())
