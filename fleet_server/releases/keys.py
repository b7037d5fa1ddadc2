"""The keys that sign the repository's metadata: one ed25519 key a role, as PEM in a folder.

These are keys for development and for a site on one machine: whoever has the machine has them. What
they sign is left to `repository`.
"""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.exceptions import KeyMismatchError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]
from tuf.api.metadata import Root  # type: ignore[attr-defined]

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from fleet_server.releases.expiry import ROLES, Role
from fleet_server.releases.files import write_private

_MAX_KEY_BYTES = 64 * 1024


def make_keys(folder: Path) -> dict[Role, CryptoSigner]:
    """Makes a new key for each role, for nobody but the owner to read."""
    signers: dict[Role, CryptoSigner] = {}
    for role in ROLES:
        signers[role] = CryptoSigner.generate_ed25519()
        write_private(key_path(folder, role), signers[role].private_bytes)
    return signers


def key_path(folder: Path, role: Role) -> Path:
    """Where a role's key lies, if it is on this machine."""
    return folder / f"{role}.pem"


def load_signer(folder: Path, role: Role, root: Root) -> CryptoSigner:
    """Loads a role's key.

    Raises:
        InputError: It is not there, damaged, or not the one that the root trusts.
    """
    path = key_path(folder, role)
    if not path.exists():
        raise InputError(
            f"the key that signs {role} is not on this machine",
            "bring it here, or sign where it is",
            file=path,
        )
    content = read_bytes(path, limit=_MAX_KEY_BYTES)
    try:
        private_key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(
            f"is no key: {error}", "bring the one that belongs here", file=path
        ) from None
    for key_id in root.roles[role].keyids:
        key = root.keys[key_id]
        if not isinstance(key, SSlibKey):
            continue
        try:
            return CryptoSigner(private_key, key)
        except (ValueError, KeyMismatchError):
            continue
    raise InputError(
        f"is not the key that the root trusts for {role}",
        "bring the one that belongs here",
        file=path,
    )
