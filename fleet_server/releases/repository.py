"""The TUF repository from which stations fetch releases: what is in it, signed, and how it changes.

    metadata/   N.root.json, N.targets.json, N.snapshot.json, timestamp.json
    targets/    releases/NAME/bundle.json, blobs/SHA256

The order of writing makes each change all or nothing: what is new is named by nothing until
`timestamp.json`, the last file, replaces the one before it. So a writer may die at any moment, and
who comes after it begins where `timestamp.json` says.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from beltmark.contract.bundle import blob_target, bundle_target
from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import Sha256
from beltmark.contract.terms import ReleaseName
from fleet_server.releases.bundling import BundledRelease
from fleet_server.releases.expiry import LIFETIMES, ROLES, Role, expired, renewals
from fleet_server.releases.files import DiskFiles, Files, locked
from fleet_server.releases.keys import key_path, load_signer, make_keys
from fleet_server.releases.signed import RepositoryState, SignedT, load_state, sign

# Stations read no more than this (python-tuf's own limit).
_MAX_TARGETS_BYTES: Final = 5_000_000
# A station that is in the midst of reading may still want these.
_KEPT_VERSIONS: Final = 10
_LOCK_WAIT_S: Final = 60.0


class ReleaseRepository:
    """The repository of one site. For use from any thread and process.

    Args:
        folder: Its folder.
        keys: The folder of the keys that sign it.
        clock: Seconds since the epoch.
        files: How files are written.
    """

    def __init__(
        self,
        folder: Path,
        keys: Path,
        clock: Callable[[], float] = time.time,
        files: Files | None = None,
    ) -> None:
        self.metadata_folder, self.targets_folder = folder / "metadata", folder / "targets"
        self._folder, self._keys, self._clock = folder, keys, clock
        self._files: Files = DiskFiles() if files is None else files

    def create(self) -> bytes:
        """Makes an empty repository, with new keys; returns the root that stations shall trust."""
        root = Root()
        for role, signer in make_keys(self._keys).items():
            root.add_key(signer.public_key, role)
        first = RepositoryState(
            Metadata(root), Metadata(Targets()), Metadata(Snapshot()), Metadata(Timestamp())
        )
        self._write(first, ROLES, raised_by=0)
        return read_bytes(self._path("root", root.version))

    def add(self, release: BundledRelease) -> bool:
        """Adds a release; what is missing of one that is there already is completed.

        Returns:
            Whether it is new.

        Raises:
            InputError: Its name belongs to other content; or the repository, or a key, is missing
                or damaged.
        """
        with self._locked():
            state = load_state(self.metadata_folder)
            target = bundle_target(release.bundle.release)
            listed = state.targets.signed.targets
            entry = TargetFile.from_data(target, release.document, ["sha256"])
            is_new = target not in listed
            if not is_new and listed[target].hashes != entry.hashes:
                raise InputError(
                    f"release {release.bundle.release} is known with other content",
                    "give the changed release a name of its own",
                    file="release.json",
                    field="name",
                )
            listed[target] = entry
            for file in release.bundle.files.values():
                blob = TargetFile(file.length, {"sha256": file.sha256}, blob_target(file.sha256))
                listed[blob.path] = blob
            if is_new:
                self._check_size(state.targets)
            for sha256 in sorted(release.sources):
                if not _is_intact(self.targets_folder / blob_target(sha256), sha256):
                    self._files.write(
                        self.targets_folder / blob_target(sha256), release.read(sha256)
                    )
            if not _is_intact(self.targets_folder / target, release.sha256):
                self._files.write(self.targets_folder / target, release.document)
            if is_new:
                self._write(state, ("targets", "snapshot", "timestamp"))
        return is_new

    def renew(self) -> tuple[Role, ...]:
        """Renews what expires soon; returns what that was.

        Raises:
            InputError: The repository, or a key that is needed, is missing or damaged.
        """
        with self._locked():
            state = load_state(self.metadata_folder)
            due = renewals(state.expiries, self._now())
            # A key that was taken off this machine signs elsewhere; the others are renewed here.
            held = tuple(role for role in due if key_path(self._keys, role).exists())
            self._write(state, held)
            missing = [role for role in due if role not in held]
        if missing and set(missing) & set(expired(state.expiries, self._now())):
            load_signer(self._keys, missing[0], state.root.signed)  # tells what is missing
        return held

    def expiries(self) -> dict[Role, datetime]:
        """When each role expires.

        Raises:
            InputError: The repository is missing or damaged.
        """
        return load_state(self.metadata_folder).expiries

    def releases(self) -> dict[ReleaseName, Sha256]:
        """The releases that stations can fetch, with the digests of their bundles.

        Raises:
            InputError: The repository is missing or damaged.
        """
        targets = load_state(self.metadata_folder).targets.signed.targets
        return {
            path.split("/")[1]: target.hashes["sha256"]
            for path, target in sorted(targets.items())
            if path.startswith("releases/")
        }

    def _write(
        self, state: RepositoryState, roles: tuple[Role, ...], *, raised_by: int = 1
    ) -> None:
        """Signs and writes new versions of roles, in the order in which they name each other."""
        root = state.root.signed
        for role in roles:
            match role:
                case "root":
                    self._write_one(role, state.root, root, raised_by)
                case "targets":
                    content = self._write_one(role, state.targets, root, raised_by)
                    version = state.targets.signed.version
                    state.snapshot.signed.meta["targets.json"] = MetaFile.from_data(
                        version, content, ["sha256"]
                    )
                case "snapshot":
                    content = self._write_one(role, state.snapshot, root, raised_by)
                    version = state.snapshot.signed.version
                    state.timestamp.signed.snapshot_meta = MetaFile.from_data(
                        version, content, ["sha256"]
                    )
                case "timestamp":
                    self._write_one(role, state.timestamp, root, raised_by)
        if "timestamp" in roles:
            self._prune("targets", state.targets.signed.version)
            self._prune("snapshot", state.snapshot.signed.version)

    def _write_one(
        self, role: Role, metadata: Metadata[SignedT], root: Root, raised_by: int
    ) -> bytes:
        signed = metadata.signed
        signed.version += raised_by
        signed.expires = self._now() + LIFETIMES[role]
        content = sign(metadata, load_signer(self._keys, role, root), root)
        self._files.write(self._path(role, signed.version), content)
        return content

    def _check_size(self, targets: Metadata[Targets]) -> None:
        if len(targets.to_bytes()) > _MAX_TARGETS_BYTES:
            raise InputError(
                "the list of all releases has become larger than stations read",
                "begin a new site",
                file=self._folder,
            )

    def _prune(self, role: Role, version: int) -> None:
        for path in self.metadata_folder.glob(f"*.{role}.json"):
            number = path.name.partition(".")[0]
            if number.isdecimal() and not version - _KEPT_VERSIONS < int(number) <= version:
                self._files.remove(path)

    def _path(self, role: Role, version: int) -> Path:
        name = "timestamp.json" if role == "timestamp" else f"{version}.{role}.json"
        return self.metadata_folder / name

    def _now(self) -> datetime:
        return datetime.fromtimestamp(int(self._clock()), UTC)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(
            self._folder / ".lock",
            "another process changes the releases of this site",
            "wait until it is done",
            _LOCK_WAIT_S,
        )


def _is_intact(path: Path, sha256: Sha256) -> bool:
    try:
        return sha256_of(path.read_bytes()) == sha256
    except OSError:
        return False
