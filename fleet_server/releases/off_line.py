"""Signs where the keys are: what waits is written to files, signed elsewhere, and taken back.

Also tells whose keys sign what. Which keys there are is changed by `ceremony`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root  # type: ignore[attr-defined]
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from beltmark.contract.documents import read_bytes, write_bytes
from beltmark.contract.errors import InputError
from fleet_server.releases.ceremony import completed
from fleet_server.releases.expiry import ROLES
from fleet_server.releases.files import make_folder
from fleet_server.releases.keys import key_paths, read_key
from fleet_server.releases.metadata import OFF_LINE, OffLine, signatures
from fleet_server.releases.repository import ReleaseRepository
from fleet_server.releases.signed import RepositoryState


def export(
    repository: ReleaseRepository, folder: Path, renewed: Sequence[OffLine] = ()
) -> list[Path]:
    """Writes what waits for signatures into a folder; returns the files.

    Args:
        repository: The repository.
        folder: The folder.
        renewed: Roles that are to be signed anew though nothing changes, before they expire.

    Raises:
        InputError: Nothing waits.
    """
    with repository.changing() as metadata:
        fresh = [role for role in renewed if metadata.pending(role) is None]
        metadata.propose(metadata.wanted(), fresh)
        waiting = [(role, found) for role in OFF_LINE if (found := metadata.pending(role))]
        if not waiting:
            raise InputError(
                "nothing waits for signatures",
                "approve a release or rotate a key first; --renew signs anew what expires soon",
                file=metadata.pending_folder,
            )
        make_folder(folder)
        for role, found in waiting:
            write_bytes(folder / f"{role}.json", found.to_bytes(JSONSerializer()))
        return [folder / f"{role}.json" for role, _ in waiting]


def sign_file(path: Path, signer: CryptoSigner) -> None:
    """Signs a file of metadata where the key is; needs nothing else.

    Raises:
        InputError: It is none.
    """
    metadata = _read(path)
    metadata.sign(signer, append=True)
    write_bytes(path, metadata.to_bytes(JSONSerializer()))


def take(repository: ReleaseRepository, paths: Iterable[Path]) -> bool:
    """Takes signatures that were made elsewhere; returns whether what waited holds now.

    Raises:
        InputError: A file is not what waits, or a signature is not by a key that is trusted.
    """
    with repository.changing() as metadata:
        roots = (metadata.signed().root.signed, metadata.wanted().root.signed)
        for path in paths:
            signed = _read(path)
            role: OffLine = signed.signed.type
            waiting = metadata.pending(role)
            if waiting is None or waiting.signed_bytes != signed.signed_bytes:
                raise InputError(
                    f"is not what waits for signatures of {role}",
                    "sign what `keys export` writes now",
                    file=path,
                )
            for key_id, signature in signed.signatures.items():
                if not any(_holds(root, role, key_id, signed) for root in roots):
                    raise InputError(
                        f"key {key_id[:8]} may not sign {role}, or its signature does not hold",
                        "sign it with a key that `keys show` lists",
                        file=path,
                    )
                waiting.signatures[key_id] = signature
            metadata.keep_pending(role, waiting)
        return completed(metadata)


def drop(repository: ReleaseRepository) -> None:
    """Forgets what waits for signatures."""
    with repository.changing() as metadata:
        metadata.drop_pending()


def told_in(path: Path) -> list[str]:
    """What somebody who signs a file signs, in words.

    Raises:
        InputError: It is no such file.
    """
    signed = _read(path).signed
    lines = [f"{signed.type} {signed.version}, holds until {signed.expires:%Y-%m-%d}"]
    if isinstance(signed, Root):
        for role, keys in signed.roles.items():
            names = ", ".join(sorted(key_id[:8] for key_id in keys.keyids))
            lines.append(f"  {role} is signed by {keys.threshold} of {names}")
    else:
        listed = [path.split("/")[1] for path in signed.targets if path.startswith("releases/")]
        lines.append(f"  releases: {', '.join(sorted(listed)) or 'none'}")
    return lines


def standing(repository: ReleaseRepository) -> list[str]:
    """Whose keys sign what, where they lie, and what waits for signatures.

    Raises:
        InputError: The repository is missing or damaged.
    """
    metadata = repository.metadata
    state, wanted = metadata.signed(), metadata.wanted()
    here = {
        read_key(path).public_key.keyid for role in ROLES for path in key_paths(metadata.keys, role)
    }
    lines = []
    for role in ROLES:
        signed, keys = getattr(state, role).signed, state.root.signed.roles[role]
        lines.append(
            f"{role} {signed.version}, holds until {signed.expires:%Y-%m-%d}, "
            f"signed by {keys.threshold} of {len(keys.keyids)}"
        )
        places = {True: "on this machine", False: "elsewhere"}
        lines += [f"  {key_id[:8]} {places[key_id in here]}" for key_id in sorted(keys.keyids)]
    return lines + waiting_for(state, wanted)


def waiting_for(state: RepositoryState, wanted: RepositoryState) -> list[str]:
    """What waits for signatures, and for how many more."""
    of_root, of_targets = signatures(state, wanted)
    lines = []
    if wanted.root.signed.version != state.root.signed.version:
        for result, whose in ((of_root.first, "the keys until now"), (of_root.second, "the new")):
            told = f"{len(result.signed)} of {result.threshold} signatures by {whose}"
            lines.append(f"root {wanted.root.signed.version} waits: {told}")
    if wanted.targets.signed.version != state.targets.signed.version:
        told = f"{len(of_targets.signed)} of {of_targets.threshold} signatures"
        lines.append(f"targets {wanted.targets.signed.version} waits: {told}")
    return lines


def _holds(root: Root, role: OffLine, key_id: str, metadata: Metadata[Any]) -> bool:
    result = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    return key_id in result.signed


def _read(path: Path) -> Metadata[Any]:
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(read_bytes(path))
    except (DeserializationError, RepositoryError) as error:
        raise InputError(f"is nothing to be signed: {error}", "export it anew", file=path) from None
    if metadata.signed.type not in OFF_LINE:
        raise InputError(
            f"is {metadata.signed.type}, which the server signs", "export it anew", file=path
        )
    return metadata
