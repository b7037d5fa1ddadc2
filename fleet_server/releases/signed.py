"""Reads and signs the repository's metadata; nothing that is not signed as it must be is built on.

Which versions there are to be is left to `repository`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from securesystemslib.signer import Signer  # type: ignore[attr-defined]
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from fleet_server.releases.expiry import Role

_MEND: Final = "restore the site's folder `repository` from a copy, or make a new site"

SignedT = TypeVar("SignedT", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True)
class RepositoryState:
    """The latest metadata of each role."""

    root: Metadata[Root]
    targets: Metadata[Targets]
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp]

    @property
    def expiries(self) -> dict[Role, datetime]:
        """When each role expires."""
        return {
            "root": self.root.signed.expires,
            "targets": self.targets.signed.expires,
            "snapshot": self.snapshot.signed.expires,
            "timestamp": self.timestamp.signed.expires,
        }


def load_state(folder: Path) -> RepositoryState:
    """Reads what `timestamp.json` names, and checks that it was signed by whom the root trusts.

    Raises:
        InputError: Something is missing, damaged, or not signed as it must be.
    """
    path = folder / f"{_latest_root(folder)}.root.json"
    root = read_metadata(path, Root, None)
    _verify(path, root, root.signed)
    timestamp = read_metadata(folder / "timestamp.json", Timestamp, None)
    _verify(folder / "timestamp.json", timestamp, root.signed)
    meta = timestamp.signed.snapshot_meta
    path = folder / f"{meta.version}.snapshot.json"
    snapshot = read_metadata(path, Snapshot, meta)
    _verify(path, snapshot, root.signed)
    meta = snapshot.signed.meta["targets.json"]
    path = folder / f"{meta.version}.targets.json"
    targets = read_metadata(path, Targets, meta)
    _verify(path, targets, root.signed)
    return RepositoryState(root, targets, snapshot, timestamp)


def sign(metadata: Metadata[SignedT], signers: Sequence[Signer], root: Root) -> bytes:
    """Signs metadata with each of the keys and returns it as it is written."""
    metadata.signatures.clear()
    for signer in signers:
        metadata.sign(signer, append=True)
    root.verify_delegate(metadata.signed.type, metadata.signed_bytes, metadata.signatures)
    return metadata.to_bytes(JSONSerializer(validate=True))


def _latest_root(folder: Path) -> int:
    numbers = (path.name.partition(".")[0] for path in folder.glob("*.root.json"))
    found = max((int(number) for number in numbers if number.isdecimal()), default=None)
    if found is None:
        raise InputError("there is no repository of releases", _MEND, file=folder)
    return found


def read_metadata(path: Path, kind: type[SignedT], meta: MetaFile | None) -> Metadata[SignedT]:
    """Reads one file of metadata; who signed it is not looked at.

    Args:
        path: The file.
        kind: What it must be.
        meta: What names it, with its digest; None for nothing.

    Raises:
        InputError: It is missing, damaged, or of another kind.
    """
    content = read_bytes(path)
    try:
        if meta is not None:
            meta.verify_length_and_hashes(content)
        metadata: Metadata[Any] = Metadata.from_bytes(content)
    except (DeserializationError, RepositoryError) as error:
        raise InputError(f"is damaged: {error}", _MEND, file=path) from None
    if not isinstance(metadata.signed, kind):
        raise InputError(f"is {metadata.signed.type}", _MEND, file=path)
    return metadata


def _verify(path: Path, metadata: Metadata[SignedT], root: Root) -> None:
    try:
        root.verify_delegate(metadata.signed.type, metadata.signed_bytes, metadata.signatures)
    except UnsignedMetadataError:
        raise InputError(
            "is not signed by the key that the root trusts", _MEND, file=path
        ) from None
