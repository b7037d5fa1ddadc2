"""Makes the bundle of a release's folder: the list of the files that a station needs of it.

Checks the release itself first; signing and storing it is left to `repository`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from beltmark.contract.bundle import Bundle, BundleFile, Requirements
from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.package import MANIFEST, MAX_PACKAGE_FILE_BYTES, Sha256
from beltmark.contract.release import RELEASE, Release, load_release

ANY_DEVICE: Final = Requirements()


@dataclass(frozen=True)
class BundledRelease:
    """A release that is ready to be signed.

    Attributes:
        bundle: Its files by name.
        document: The bundle as it is signed; the same release has the same one.
        sources: Where each file's content lies, by digest.
    """

    bundle: Bundle
    document: bytes
    sources: dict[Sha256, Path]

    @property
    def sha256(self) -> Sha256:
        """Digest of the document."""
        return sha256_of(self.document)

    def read(self, sha256: Sha256) -> bytes:
        """Returns a file's content.

        Raises:
            InputError: It is not what it was when the bundle was made.
        """
        path = self.sources[sha256]
        content = read_bytes(path, limit=MAX_PACKAGE_FILE_BYTES)
        if sha256_of(content) != sha256:
            raise InputError(
                "was changed while it was read", "wait until it stays as it is", file=path
            )
        return content


def bundle_release(folder: Path, requires: Requirements = ANY_DEVICE) -> BundledRelease:
    """Checks a release's folder and makes its bundle.

    What lies in the folder beside the release's own files is passed over.

    Args:
        folder: The folder that holds `release.json`.
        requires: What a device must be to run it.

    Raises:
        InputError: The release does not load, or it is too large for a bundle.
        UnknownVersionError: A document has a version that is not known here.
    """
    release = load_release(folder)
    files: dict[str, BundleFile] = {}
    sources: dict[Sha256, Path] = {}
    for name in sorted(_names(release)):
        content = read_bytes(folder / name, limit=MAX_PACKAGE_FILE_BYTES)
        files[name] = BundleFile(sha256=sha256_of(content), length=len(content))
        sources[files[name].sha256] = folder / name
    try:
        bundle = Bundle(
            release=release.name,
            package_sha256=release.package.digest,
            requires=requires,
            files=files,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        told = first["msg"].removeprefix("Value error, ")
        raise InputError(
            f"cannot be delivered to stations: {told}", "give its files plain names", file=folder
        ) from None
    return BundledRelease(bundle, (bundle.model_dump_json(indent=2) + "\n").encode(), sources)


def _names(release: Release) -> set[str]:
    names = {RELEASE, "catalogue.csv", f"package/{MANIFEST}"}
    names |= {f"layouts/{name}.toml" for name in release.layouts}
    return names | {f"package/{name}" for name in release.package.manifest.files}
