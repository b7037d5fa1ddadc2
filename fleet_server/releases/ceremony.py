"""Changes who signs the repository's metadata.

Root and targets may be signed by several keys that lie elsewhere, each on a medium of its own; then
a change waits until enough of them have signed it, which is left to `off_line`. Each new root is
signed by the keys of the one before as well, so that stations that were away follow from one to the
next.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]
from tuf.api.metadata import Metadata, Root  # type: ignore[attr-defined]
from tuf.api.serialization.json import JSONSerializer

from beltmark.contract.errors import InputError
from fleet_server.releases.expiry import ROLES, Role
from fleet_server.releases.keys import forget_untrusted, key_paths, make_key, read_key
from fleet_server.releases.metadata import OFF_LINE, MetadataStore, OffLine
from fleet_server.releases.repository import ReleaseRepository

# Where too many keys are lost, no new root can be made that stations would follow.
AT_EACH_STATION: Final = (
    "at each station: copy the site's root.json over the file that [fleet] root names, and start "
    "the agent again; until then it goes on with what it runs, and installs nothing"
)


@dataclass(frozen=True)
class Medium:
    """A place for keys.

    Attributes:
        folder: Its folder.
        passphrase: With which keys are encrypted there; None for not.
    """

    folder: Path
    passphrase: bytes | None = None


def share_out(
    repository: ReleaseRepository,
    threshold: int,
    media: Sequence[Medium],
    *,
    is_anew: bool = False,
) -> None:
    """Gives root and targets new keys, one of each on each medium; those before count no more.

    Args:
        repository: The repository; the keys of root and targets lie on this machine.
        threshold: So many of them must sign.
        media: Where the keys go: this machine's own folder for a site with single keys.
        is_anew: Makes new keys for all roles, and a root that stations follow only when it is
            brought to them: for when keys were lost.

    Raises:
        InputError: The keys are not here, a change waits, or a medium cannot be written.
    """
    with repository.changing() as metadata:
        if is_anew:
            metadata.drop_pending()
        _check_nothing_waits(metadata)
        state = metadata.signed()
        before = [] if is_anew else _held(metadata, "root", (state.root.signed,))
        if not is_anew and len(before) < state.root.signed.roles["root"].threshold:
            raise InputError(
                "the root keys are not on this machine",
                "replace keys one by one with keys rotate, or see keys init --anew",
                file=metadata.keys,
            )
        new: dict[Role, list[CryptoSigner]] = {role: [] for role in ROLES}
        for medium in media:
            for role in OFF_LINE:
                new[role].append(make_key(medium.folder, role, medium.passphrase))
        if is_anew:
            new["snapshot"] = [make_key(metadata.keys, "snapshot")]
            new["timestamp"] = [make_key(metadata.keys, "timestamp")]
        roles = state.root.signed.roles
        for each in ROLES:
            if new[each]:
                _replace(state.root.signed, each, list(roles[each].keyids), new)
        roles["root"].threshold = roles["targets"].threshold = threshold
        metadata.propose(state, OFF_LINE)
        _sign(metadata, "root", state.root, [*before, *new["root"]])
        _sign(metadata, "targets", state.targets, new["targets"])
        if not metadata.complete(is_anew=is_anew):
            raise AssertionError("all keys were here")
        _forget(metadata)


def rotate(
    repository: ReleaseRepository,
    role: Role,
    replaced: Sequence[str],
    media: Sequence[Medium],
    *,
    are_lost: bool,
) -> bool:
    """Replaces keys of a role by new ones.

    Args:
        repository: The repository.
        role: The role.
        replaced: Begins of the ids of the keys to be replaced; none for all keys on this machine.
        media: Where the new ones go, one each; none for this machine.
        are_lost: Whether the replaced ones cannot sign any more.

    Returns:
        Whether it holds now; otherwise it waits for signatures.

    Raises:
        InputError: There are no such keys; so many are lost that no station would follow; a change
            waits already.
    """
    with repository.changing() as metadata:
        if metadata.pending("root") is not None:
            _check_nothing_waits(metadata)
        state = metadata.wanted()
        old = Metadata.from_bytes(state.root.to_bytes(JSONSerializer())).signed
        assert isinstance(old, Root), "it is a copy of one"
        gone = _found(metadata, role, old, replaced)
        if role == "root" and are_lost:
            _check_enough(old, gone)
        places = media or [Medium(metadata.keys)] * len(gone)
        if len(places) != len(gone):
            raise InputError(
                f"{len(gone)} keys are replaced, and {len(places)} media are given",
                "give one for each",
                field="--medium",
            )
        new: dict[Role, list[CryptoSigner]] = {
            role: [make_key(place.folder, role, place.passphrase) for place in places]
        }
        _replace(state.root.signed, role, gone, new)
        roots = (old, state.root.signed)
        metadata.propose(state, OFF_LINE if role == "targets" else ("root",))
        made = new[role]
        _sign(
            metadata, "root", state.root,
            [*_held(metadata, "root", roots), *(made if role == "root" else ())],
        )  # fmt: skip
        if role == "targets":
            held = _held(metadata, "targets", roots[1:])
            _sign(metadata, "targets", state.targets, [*held, *made])
        return completed(metadata)


def _check_nothing_waits(metadata: MetadataStore) -> None:
    if any(metadata.pending(role) for role in OFF_LINE):
        raise InputError(
            "a change waits for signatures",
            "finish it (keys export, keys sign, keys import), or drop it (keys drop)",
            file=metadata.pending_folder,
        )


def _check_enough(root: Root, lost: Sequence[str]) -> None:
    keys = root.roles["root"]
    left = len(keys.keyids) - len(lost)
    if left < keys.threshold:
        raise InputError(
            f"{len(lost)} of {len(keys.keyids)} root keys are lost, and {keys.threshold} must "
            "sign: no new root can be made that stations would follow",
            f"make new keys (beltmark-fleet keys init SITE --anew …); then, {AT_EACH_STATION}",
        )


def _found(metadata: MetadataStore, role: Role, root: Root, replaced: Sequence[str]) -> list[str]:
    known = root.roles[role].keyids
    if not replaced:
        here = [_id(signer) for signer in _held(metadata, role, (root,))]
        if not here:
            raise InputError(
                f"no key of {role} is on this machine",
                f"name the one to be replaced, of {', '.join(k[:8] for k in known)}",
                field="--key",
            )
        return here
    ids: list[str] = []
    for begin in replaced:
        matching = [key_id for key_id in known if key_id.startswith(begin)]
        if len(matching) != 1:
            raise InputError(
                f"{begin!r} is no key of {role}",
                f"name one of {', '.join(key_id[:8] for key_id in known)}",
                field="--key",
            )
        ids += matching
    return ids


def _replace(
    root: Root, role: Role, gone: Iterable[str], new: dict[Role, list[CryptoSigner]]
) -> None:
    for key_id in gone:
        root.revoke_key(key_id, role)
    for signer in new[role]:
        root.add_key(signer.public_key, role)


def _held(metadata: MetadataStore, role: Role, roots: Iterable[Root]) -> list[CryptoSigner]:
    """Keys of a role on this machine that any of the roots trusts."""
    trusted = {key_id for root in roots for key_id in root.roles[role].keyids}
    return [
        signer
        for path in key_paths(metadata.keys, role)
        if _id(signer := read_key(path)) in trusted
    ]


def _sign(
    metadata: MetadataStore, role: OffLine, made: Metadata[Any], signers: Iterable[CryptoSigner]
) -> None:
    for signer in signers:
        made.sign(signer, append=True)
    metadata.keep_pending(role, made)


def completed(metadata: MetadataStore) -> bool:
    """Writes what waits, if enough keys have signed it, and removes keys that count no more."""
    is_complete = metadata.complete()
    if is_complete:
        _forget(metadata)
    return is_complete


def _forget(metadata: MetadataStore) -> None:
    """Removes keys from this machine that count no more."""
    root = metadata.signed().root.signed
    for role in ROLES:
        forget_untrusted(metadata.keys, role, root)


def _id(signer: CryptoSigner) -> str:
    return str(signer.public_key.keyid)
