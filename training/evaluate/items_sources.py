"""Records what passes, one source after the other, and keeps each recording: a restart goes on."""

import json
import logging
from collections.abc import Callable, Collection, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes, sha256_of, write_bytes
from beltmark.contract.errors import InputError
from beltmark.contract.package import ModelPackage
from edge_agent.vision.detector import Detector
from training.evaluate.items_belts import Looking
from training.evaluate.items_recording import FORMAT, Recording, from_bytes, to_bytes

log = logging.getLogger(__name__)
_MOST_BYTES = 256 * 1024 * 1024


class Source(Protocol):
    """Something that can pass a camera."""

    @property
    def name(self) -> str:
        """Name for people, unlike that of any other."""
        ...

    @property
    def group(self) -> str:
        """Sources of one group share scene and light."""
        ...

    @property
    def identity(self) -> dict[str, object]:
        """What decides how it looks and what is right; JSON."""
        ...

    def record(self, detector: Looking) -> Recording:
        """Lets it pass a detector."""
        ...

    def pictures(self, wanted: Collection[int]) -> dict[int, NDArray[np.uint8]]:
        """Gives frames of the recording anew, uint8 [height, width, 3] BGR, by their index."""
        ...


def gather(
    package: ModelPackage,
    sources: Sequence[Source],
    kept: Path | None = None,
    on_source: Callable[[str], None] = lambda name: None,
) -> list[Recording]:
    """Records each source, or takes the recording that is kept.

    Args:
        package: Whose detector looks.
        sources: What passes.
        kept: Folder for the recordings; None keeps none.
        on_source: Called after each, with its name.

    Raises:
        InputError: The model or an image cannot be used.
    """
    detector: Detector | None = None
    recordings = []
    for source in sources:
        file = None if kept is None else kept / f"{_key(package, source)}.npz"
        recording = None if file is None else _read(file)
        if recording is None:
            detector = detector or Detector(package)
            recording = source.record(detector)
            if file is not None:
                write_bytes(file, to_bytes(recording))
        recordings.append(recording)
        on_source(source.name)
    return recordings


def _key(package: ModelPackage, source: Source) -> str:
    identity = {
        "format": FORMAT,
        "beltmark": version("beltmark"),
        "package": package.digest,
        "source": source.identity,
    }
    return sha256_of(json.dumps(identity, sort_keys=True).encode())


def _read(file: Path) -> Recording | None:
    if not file.exists():
        return None
    try:
        return from_bytes(read_bytes(file, limit=_MOST_BYTES))
    except (InputError, ValueError) as error:
        log.warning("%s: recorded anew, for it cannot be read: %s", file, error)
        return None
