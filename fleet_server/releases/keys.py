"""The keys that sign the repository's metadata: ed25519, as PEM (PKCS8) in folders.

A key without a passphrase lies on the server: whoever has the machine has it. One with a passphrase
lies on a medium of its own, and is brought only to sign. Which keys are trusted is the root's to
say; what they sign is left to `metadata`.
"""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]
from tuf.api.metadata import Root  # type: ignore[attr-defined]

from beltmark.contract.documents import read_bytes, sync
from beltmark.contract.errors import InputError
from fleet_server.releases.expiry import Role
from fleet_server.releases.files import make_folder, write_private

_MAX_KEY_BYTES = 64 * 1024


def make_key(folder: Path, role: Role, passphrase: bytes | None = None) -> CryptoSigner:
    """Makes a new key in a folder, for nobody but the owner to read, and reads it back.

    Raises:
        InputError: It cannot be written there.
    """
    private_key = Ed25519PrivateKey.generate()
    signer = CryptoSigner(private_key, SSlibKey.from_crypto(private_key.public_key()))
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase)
    content = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    path = folder / f"{role}.pem"
    if path.exists():
        path = folder / f"{role}-{key_name(signer)}.pem"
    try:
        make_folder(folder)
        write_private(path, content)
        sync(folder)
    except OSError as error:
        raise InputError(
            f"the key cannot be written: {error.strerror}", "give another medium", file=path
        ) from None
    return read_key(path, passphrase)


def key_name(signer: CryptoSigner) -> str:
    """A key's short name: the begin of its id."""
    return str(signer.public_key.keyid)[:8]


def key_paths(folder: Path, role: Role) -> list[Path]:
    """Where keys of a role lie in a folder."""
    return sorted(folder.glob(f"{role}*.pem"))


def read_key(path: Path, passphrase: bytes | None = None) -> CryptoSigner:
    """Reads a key.

    Raises:
        InputError: It is not there, damaged, or the passphrase is not its own.
    """
    content = read_bytes(path, limit=_MAX_KEY_BYTES)
    try:
        private_key = load_pem_private_key(content, passphrase)
        if not isinstance(private_key, Ed25519PrivateKey):
            raise ValueError("it is of another kind")
    except TypeError:
        told, mend = (
            ("has a passphrase", "give it")
            if passphrase is None
            else ("has no passphrase", "give none")
        )
        raise InputError(told, mend, file=path) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        problem = f"is no key: {error}" if passphrase is None else "the passphrase is not its own"
        raise InputError(problem, "bring the one that belongs here", file=path) from None
    return CryptoSigner(private_key, SSlibKey.from_crypto(private_key.public_key()))


def load_signers(folder: Path, role: Role, root: Root) -> list[CryptoSigner]:
    """Loads the keys of a role, as many as must sign.

    Raises:
        InputError: They are not there, damaged, or not those that the root trusts.
    """
    paths, needed = key_paths(folder, role), root.roles[role]
    if not paths:
        raise InputError(
            f"the key that signs {role} is not on this machine",
            "bring it here, or sign where it is: beltmark-fleet keys export",
            file=folder / f"{role}.pem",
        )
    found = [signer for signer in map(read_key, paths) if is_trusted(root, role, signer)]
    if not found:
        raise InputError(
            f"is not the key that the root trusts for {role}",
            "bring the one that belongs here",
            file=paths[0],
        )
    if len(found) < needed.threshold:
        raise InputError(
            f"{needed.threshold} keys must sign {role}, and {len(found)} are on this machine",
            "sign where they are: beltmark-fleet keys export",
            file=folder,
        )
    return found


def is_trusted(root: Root, role: Role, signer: CryptoSigner) -> bool:
    """Whether a root trusts a key for a role."""
    key_id = signer.public_key.keyid
    if key_id not in root.roles[role].keyids:
        return False
    return bool(root.keys[key_id].keyval == signer.public_key.keyval)


def forget_untrusted(folder: Path, role: Role, root: Root) -> None:
    """Removes keys of a role that a root does not trust any more."""
    for path in key_paths(folder, role):
        if not is_trusted(root, role, read_key(path)):
            path.unlink()
