"""Writes the repository's metadata: what is signed, and what waits for signatures from elsewhere.

    metadata/     N.root.json, N.targets.json, N.snapshot.json, timestamp.json: signed
    pending/      root.json, targets.json: wait until enough keys have signed them
    commit.json   a change that is being written, to be gone on with by whoever comes next

The order of writing makes each change all or nothing: what is new is named by nothing until
`timestamp.json`, the last file, replaces the one before it. A new root counts from the moment it is
there; so what comes with one is noted as a whole first.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from securesystemslib.signer import Signer  # type: ignore[attr-defined]
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Root,
    RootVerificationResult,
    Targets,
    VerificationResult,
)
from tuf.api.serialization.json import JSONSerializer

from beltmark.contract.documents import read_bytes
from fleet_server.releases.expiry import LIFETIMES, Role
from fleet_server.releases.files import Files
from fleet_server.releases.keys import key_paths, load_signers
from fleet_server.releases.signed import (
    RepositoryState,
    load_state,
    read_metadata,
    sign,
)

OffLine = Literal["root", "targets"]
"""Roles whose keys may lie elsewhere."""

OFF_LINE: Final[tuple[OffLine, ...]] = ("root", "targets")
# A station that is in the midst of reading may still want these.
_KEPT_VERSIONS: Final = 10
_ORDER: Final = ("root", "targets", "snapshot", "timestamp")


class MetadataStore:
    """The metadata of one repository. Who changes it holds the repository's lock.

    Args:
        folder: The repository's folder.
        keys: The folder of the keys on this machine.
        clock: Seconds since the epoch.
        files: How files are written.
    """

    def __init__(self, folder: Path, keys: Path, clock: Callable[[], float], files: Files) -> None:
        self.folder, self.pending_folder = folder / "metadata", folder / "pending"
        self.keys = keys
        self._log, self._clock, self._files = folder / "commit.json", clock, files

    def now(self) -> datetime:
        """The time, in whole seconds."""
        return datetime.fromtimestamp(int(self._clock()), UTC)

    def signed(self) -> RepositoryState:
        """What is signed.

        Raises:
            InputError: Something is missing, damaged, or not signed as it must be.
        """
        return load_state(self.folder)

    def wanted(self) -> RepositoryState:
        """What is signed, and in its place what waits for signatures."""
        state = self.signed()
        root, targets = self.pending("root"), self.pending("targets")
        return replace(state, root=root or state.root, targets=targets or state.targets)

    def pending(self, role: OffLine) -> Metadata[Any] | None:
        """What waits for signatures of a role; None where nothing does."""
        path = self.pending_folder / f"{role}.json"
        if not path.exists():
            return None
        return read_metadata(path, Root if role == "root" else Targets, None)

    def propose(self, state: RepositoryState, roles: Iterable[OffLine]) -> None:
        """Lays metadata down for signatures; those that it had hold no more.

        Args:
            state: How it is to be.
            roles: What of it is new.
        """
        now, held = self.now(), self.signed()
        for role in roles:
            metadata = state.root if role == "root" else state.targets
            before = held.root if role == "root" else held.targets
            metadata.signed.version = before.signed.version + 1
            metadata.signed.expires = now + LIFETIMES[role]
            metadata.signatures.clear()
            self.keep_pending(role, metadata)

    def keep_pending(self, role: OffLine, metadata: Metadata[Any]) -> None:
        """Writes what waits, with the signatures that it has."""
        content = metadata.to_bytes(JSONSerializer())
        self._files.write(self.pending_folder / f"{role}.json", content)

    def write(self, state: RepositoryState, roles: Sequence[Role], *, raised_by: int = 1) -> None:
        """Signs and writes new versions of roles, in the order in which they name each other.

        Raises:
            InputError: A key is missing or damaged.
        """
        for role, content in self._made(state, roles, raised_by):
            self._files.write(self._path(role, _version(state, role)), content)
        if "timestamp" in roles:
            self._prune("targets", state.targets.signed.version)
            self._prune("snapshot", state.snapshot.signed.version)

    def complete(self, *, is_anew: bool = False) -> bool:
        """Writes what waits, if enough keys have signed all of it; returns whether it was written.

        Args:
            is_anew: Whether the root need not be signed by the keys of the one before: stations
                that trust that one do not follow.

        Raises:
            InputError: A key that signs on this machine is missing or damaged.
        """
        held = self.signed()
        state = self.wanted()
        if not any(self.pending(role) for role in OFF_LINE) or not is_enough(
            held, state, is_anew=is_anew
        ):
            return False
        new: list[tuple[Role, bytes]] = []
        for role in OFF_LINE:
            if self.pending(role) is not None:
                content = _of(state, role).to_bytes(JSONSerializer(validate=True))
                _name(state, role, content)
                new.append((role, content))
        new += self._made(state, ("snapshot", "timestamp"), 1)
        log = {self._path(role, _version(state, role)).name: text.decode() for role, text in new}
        self._files.write(self._log, json.dumps(log).encode())
        self.go_on()
        return True

    def go_on(self) -> None:
        """Goes on with a change that broke off, if there is one."""
        if not self._log.exists():
            return
        log = json.loads(read_bytes(self._log))
        for name in sorted(log, key=lambda name: _ORDER.index(name.split(".")[-2])):
            self._files.write(self.folder / name, log[name].encode())
        shutil.rmtree(self.pending_folder, ignore_errors=True)
        self._files.remove(self._log)

    def are_here(self, role: Role) -> bool:
        """Whether keys of a role lie on this machine."""
        return bool(key_paths(self.keys, role))

    def drop_pending(self) -> None:
        """Forgets what waits for signatures."""
        shutil.rmtree(self.pending_folder, ignore_errors=True)

    def _made(
        self, state: RepositoryState, roles: Sequence[Role], raised_by: int
    ) -> Iterable[tuple[Role, bytes]]:
        """Yields each role signed; the next one names it."""
        for role in roles:
            metadata = _of(state, role)
            metadata.signed.version += raised_by
            metadata.signed.expires = self.now() + LIFETIMES[role]
            signers: list[Signer] = [*load_signers(self.keys, role, state.root.signed)]
            content = sign(metadata, signers, state.root.signed)
            _name(state, role, content)
            yield role, content

    def _prune(self, role: Role, version: int) -> None:
        for path in self.folder.glob(f"*.{role}.json"):
            number = path.name.partition(".")[0]
            if number.isdecimal() and not version - _KEPT_VERSIONS < int(number) <= version:
                self._files.remove(path)

    def _path(self, role: str, version: int) -> Path:
        name = "timestamp.json" if role == "timestamp" else f"{version}.{role}.json"
        return self.folder / name


def is_enough(held: RepositoryState, state: RepositoryState, *, is_anew: bool = False) -> bool:
    """Whether enough keys have signed what waits, as `signatures` counts them."""
    of_root, of_targets = signatures(held, state)
    return (of_root.second if is_anew else of_root).verified and of_targets.verified


def signatures(
    held: RepositoryState, state: RepositoryState
) -> tuple[RootVerificationResult, VerificationResult]:
    """Who has signed root and targets, of those who must.

    Args:
        held: What is signed.
        state: What waits: the root must be signed by the keys of the one before, too.
    """
    root, targets = state.root, state.targets
    is_root_new = root.signed.version != held.root.signed.version
    previous = held.root.signed if is_root_new else None
    of_root = root.signed.get_root_verification_result(previous, root.signed_bytes, root.signatures)
    of_targets = root.signed.get_verification_result(
        "targets", targets.signed_bytes, targets.signatures
    )
    return of_root, of_targets


def _of(state: RepositoryState, role: Role) -> Metadata[Any]:
    metadata: Metadata[Any] = getattr(state, role)
    return metadata


def _version(state: RepositoryState, role: str) -> int:
    return int(getattr(state, role).signed.version)


def _name(state: RepositoryState, role: str, content: bytes) -> None:
    """Lets what names a role name its new content."""
    if role in ("targets", "snapshot"):
        file = MetaFile.from_data(_version(state, role), content, ["sha256"])
        if role == "targets":
            state.snapshot.signed.meta["targets.json"] = file
        else:
            state.timestamp.signed.snapshot_meta = file
