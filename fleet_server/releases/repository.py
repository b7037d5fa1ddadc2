"""The TUF repository from which stations fetch releases: which there are, and how that changes.

    metadata/   what is signed; see `metadata`
    targets/    releases/NAME/bundle.json, blobs/SHA256

A writer may die at any moment: who comes after it begins where `timestamp.json` says.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from beltmark.contract.bundle import Bundle, blob_target, bundle_target
from beltmark.contract.documents import read_bytes, read_document, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import Sha256
from beltmark.contract.terms import ReleaseName
from fleet_server.releases.bundling import BundledRelease
from fleet_server.releases.expiry import ROLES, Role, expired, renewals
from fleet_server.releases.files import DiskFiles, Files, locked
from fleet_server.releases.keys import load_signers, make_key
from fleet_server.releases.metadata import MetadataStore
from fleet_server.releases.signed import RepositoryState

# Stations read no more than this (python-tuf's own limit).
_MAX_TARGETS_BYTES: Final = 5_000_000
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
        self._files: Files = DiskFiles() if files is None else files
        self.metadata = MetadataStore(folder, keys, clock, self._files)
        self.metadata_folder, self.targets_folder = self.metadata.folder, folder / "targets"
        self._folder = folder

    def create(self) -> bytes:
        """Makes an empty repository, with new keys; returns the root that stations shall trust."""
        root = Root()
        for role in ROLES:
            root.add_key(make_key(self.metadata.keys, role).public_key, role)
        first = RepositoryState(
            Metadata(root), Metadata(Targets()), Metadata(Snapshot()), Metadata(Timestamp())
        )
        self.metadata.write(first, ROLES, raised_by=0)
        return read_bytes(self.metadata_folder / "1.root.json")

    def keep(self, release: BundledRelease) -> None:
        """Keeps a release's files, so that it can be signed; what is missing is completed.

        Raises:
            InputError: Its name belongs to other content, or a file is not what it was.
        """
        with self.changing():
            _check_name(self.metadata.wanted(), release.bundle.release, release.sha256)
            for sha256 in sorted(release.sources):
                path = self.targets_folder / blob_target(sha256)
                if not _is_intact(path, sha256):
                    self._files.write(path, release.read(sha256))
            path = self.targets_folder / bundle_target(release.bundle.release)
            if not _is_intact(path, release.sha256):
                self._files.write(path, release.document)

    def publish(self, release: ReleaseName, sha256: Sha256) -> bool:
        """Signs a release whose files are kept, so that stations can fetch it.

        Args:
            release: Its name.
            sha256: Digest of its `bundle.json`, as it was added.

        Returns:
            Whether stations can now: not where it waits for a signature from elsewhere.

        Raises:
            InputError: Its name belongs to other content, a file is not kept as it was; or the
                repository, or a key, is damaged.
        """
        target = bundle_target(release)
        with self.changing():
            bundle = self._kept(release, sha256)
            document = read_bytes(self.targets_folder / target)
            state = self.metadata.wanted()
            _check_name(state, release, sha256)
            listed = state.targets.signed.targets
            if target in listed:
                return target in self.metadata.signed().targets.signed.targets
            listed[target] = TargetFile.from_data(target, document, ["sha256"])
            for file in bundle.files.values():
                blob = TargetFile(file.length, {"sha256": file.sha256}, blob_target(file.sha256))
                listed[blob.path] = blob
            self._check_size(state.targets)
            return self._change_targets(state)

    def withdraw(self, release: ReleaseName) -> bool:
        """Takes a release, and what no other one needs of it, out of what is signed.

        Returns:
            Whether that holds now: not where it waits for a signature from elsewhere.

        Raises:
            InputError: The repository, or a key, is missing or damaged.
        """
        with self.changing():
            state = self.metadata.wanted()
            listed = state.targets.signed.targets
            if bundle_target(release) not in listed:
                signed = self.metadata.signed().targets.signed.targets
                return bundle_target(release) not in signed
            del listed[bundle_target(release)]
            needed = {
                blob_target(file.sha256)
                for path in listed
                if path.startswith("releases/")
                for file in read_document(self.targets_folder / path, Bundle).files.values()
            }
            for path in [path for path in listed if path.startswith("blobs/")]:
                if path not in needed:
                    del listed[path]
            return self._change_targets(state)

    def renew(self) -> tuple[Role, ...]:
        """Renews what expires soon; returns what that was.

        Raises:
            InputError: The repository, or a key that is needed, is missing or damaged.
        """
        with self.changing():
            state = self.metadata.signed()
            due = renewals(state.expiries, self.metadata.now())
            # A key that was taken off this machine signs elsewhere; the others are renewed here.
            held = tuple(role for role in due if self.metadata.are_here(role))
            self.metadata.write(state, held)
            missing = [role for role in due if role not in held]
        if missing and set(missing) & set(expired(state.expiries, self.metadata.now())):
            load_signers(self.metadata.keys, missing[0], state.root.signed)  # tells what is missing
        return held

    def due_elsewhere(self) -> list[str]:
        """What is to be signed soon by keys that are not on this machine, in words.

        Raises:
            InputError: The repository is missing or damaged.
        """
        expiries = self.metadata.signed().expiries
        return [
            f"{role} of the releases holds until {expiries[role]:%Y-%m-%d}, and its keys are "
            f"elsewhere: beltmark-fleet keys export SITE FOLDER --renew {role}"
            for role in renewals(expiries, self.metadata.now())
            if not self.metadata.are_here(role)
        ]

    def root(self) -> bytes:
        """The latest root: what a new station shall trust.

        Raises:
            InputError: The repository is missing or damaged.
        """
        version = self.metadata.signed().root.signed.version
        return read_bytes(self.metadata_folder / f"{version}.root.json")

    def expiries(self) -> dict[Role, datetime]:
        """When each role expires.

        Raises:
            InputError: The repository is missing or damaged.
        """
        return self.metadata.signed().expiries

    def releases(self) -> dict[ReleaseName, Sha256]:
        """The releases that stations can fetch, with the digests of their bundles.

        Raises:
            InputError: The repository is missing or damaged.
        """
        targets = self.metadata.signed().targets.signed.targets
        return {
            path.split("/")[1]: target.hashes["sha256"]
            for path, target in sorted(targets.items())
            if path.startswith("releases/")
        }

    def _change_targets(self, state: RepositoryState) -> bool:
        """Signs changed targets, or lays them down for who holds the keys."""
        if self.metadata.pending("root") is None and self.metadata.are_here("targets"):
            self.metadata.write(state, ("targets", "snapshot", "timestamp"))
            self.metadata.drop_pending()
            return True
        self.metadata.propose(state, ("targets",))
        return False

    def _kept(self, release: ReleaseName, sha256: Sha256) -> Bundle:
        """Reads the list of a release's files, each of which is there as it was added."""
        path = self.targets_folder / bundle_target(release)
        is_kept = _is_intact(path, sha256)
        bundle = read_document(path, Bundle) if is_kept else None
        if bundle is None or not all(
            _is_intact(self.targets_folder / blob_target(file.sha256), file.sha256)
            for file in bundle.files.values()
        ):
            raise InputError(
                f"the files of release {release} are not kept as they were added",
                "add the release's folder once more",
                file=path,
            )
        return bundle

    def _check_size(self, targets: Metadata[Targets]) -> None:
        if len(targets.to_bytes()) > _MAX_TARGETS_BYTES:
            raise InputError(
                "the list of all releases has become larger than stations read",
                "begin a new site",
                file=self._folder,
            )

    @contextmanager
    def changing(self) -> Iterator[MetadataStore]:
        """Holds the lock, goes on with what broke off, and gives the metadata.

        Raises:
            InputError: Another process changes it.
        """
        with locked(
            self._folder / ".lock",
            "another process changes the releases of this site",
            "wait until it is done",
            _LOCK_WAIT_S,
        ):
            self.metadata.go_on()
            yield self.metadata


def _check_name(state: RepositoryState, release: ReleaseName, sha256: Sha256) -> None:
    listed = state.targets.signed.targets.get(bundle_target(release))
    if listed is not None and listed.hashes["sha256"] != sha256:
        raise InputError(
            f"release {release} is known with other content",
            "give the changed release a name of its own",
            file="release.json",
            field="name",
        )


def _is_intact(path: Path, sha256: Sha256) -> bool:
    try:
        return sha256_of(path.read_bytes()) == sha256
    except OSError:
        return False
