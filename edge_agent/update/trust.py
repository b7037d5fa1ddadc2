"""Finds a release among what the fleet's keys have signed, and its files: by TUF, and nothing else.

One refresh of the signed metadata for each release that is looked for. Fetching is left to
`fetcher`, which files are needed to `slots`.
"""

import contextlib
import datetime
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from securesystemslib.exceptions import StorageError
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import (  # type: ignore[attr-defined]  # they are meant to be had there
    Metadata,
    TargetFile,
    Targets,
)
from tuf.api.serialization import DeserializationError
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from beltmark.contract.bundle import Bundle, BundleFile, blob_target, bundle_target
from beltmark.contract.documents import read_document
from beltmark.contract.errors import InputError
from beltmark.contract.package import Sha256
from edge_agent.update.errors import Dropped, ReleaseRefused, Unreachable
from edge_agent.update.fetcher import BoundedFetcher, FetchLimits

logger = logging.getLogger(__name__)

_MAX_BUNDLE_DOCUMENT_BYTES = 1024 * 1024
_UNAUTHORISED = (401, 403)
_REFUSALS: tuple[tuple[type[Exception], str], ...] = (
    (UnsignedMetadataError, "not signed by the keys that this device trusts"),
    (BadVersionNumberError, "older than what this device has seen already"),
    (LengthOrHashMismatchError, "the content is not what was signed"),
    (RepositoryError, "what the server calls signed cannot be used"),
    (OSError, "what is fetched cannot be written"),
)


@dataclass(frozen=True)
class SignedRelease:
    """A release as it was signed.

    Attributes:
        bundle: Its files and what it needs.
        bundle_sha256: Digest of the bundle's document.
        fetch: Gives the place of one of its files, the content held against what was signed.
            Raises `Unreachable`, `ReleaseRefused` or `Dropped`.
    """

    bundle: Bundle
    bundle_sha256: Sha256
    fetch: Callable[[BundleFile], Path]


class TufTrust:
    """What one fleet's keys have signed.

    Args:
        server: Base address of the fleet server.
        root: The root metadata that is trusted from the first.
        token: Gives the device's token.
        metadata: Folder for the metadata seen latest, which older one cannot replace.
        downloads: Folder for what was fetched.
        limits: How long fetching may take.
        mirrors: Base addresses of hosts that have the files, too; they are asked first, and never
            told the token. A file's digest is signed, so whoever has it may give it.
    """

    def __init__(
        self,
        server: str,
        root: bytes,
        token: Callable[[], str],
        *,
        metadata: Path,
        downloads: Path,
        limits: FetchLimits | None = None,
        mirrors: Sequence[str] = (),
    ) -> None:
        self._base, self._root = f"{server.rstrip('/')}/tuf", root
        self._mirrors = [mirror.rstrip("/") for mirror in mirrors]
        self._metadata, self._downloads = metadata, downloads
        self._fetcher = BoundedFetcher(token, downloads, limits, told_to=self._base)

    def find(self, release: str, is_wanted: Callable[[], bool]) -> SignedRelease:
        """Looks a release up among what is signed now.

        Args:
            release: Its name.
            is_wanted: Whether that is still of interest; asked again and again.

        Raises:
            Unreachable: Nobody answers.
            ReleaseRefused: It is not signed, or what is signed cannot be used.
            Dropped: It is not wanted any more.
        """
        self._fetcher.is_wanted = is_wanted
        mirrors = list(self._mirrors)
        with _told(is_wanted):
            updater = self._refreshed()
            name = bundle_target(release)
            target = updater.get_targetinfo(name)
            if target is None:
                raise ReleaseRefused(f"the fleet's keys have signed no release {release}")
            if target.length > _MAX_BUNDLE_DOCUMENT_BYTES:
                raise ReleaseRefused(f"its list of files has {target.length} bytes")
            path = self._download(updater, target, self._downloads / "bundle.json")
            bundle = _read_bundle(path, release)
            self._forget_all_but(bundle)
            return SignedRelease(
                bundle,
                _sha256_of(target),
                lambda file: self._fetch(updater, file, mirrors, is_wanted),
            )

    def refresh(self) -> None:
        """Fetches what is signed now, and holds it against the trusted root.

        Raises:
            Unreachable: Nobody answers.
            ReleaseRefused: What is signed cannot be used.
        """
        with _told(lambda: True):
            self._refreshed()

    def is_recalled(self, release: str) -> bool:
        """Whether a release was not signed any more when the fleet was last heard.

        False where nothing was ever heard. Asks nobody: it is for a start without a network.
        """
        try:
            signed = Metadata[Targets].from_file(str(self._metadata / "targets.json")).signed
        except (StorageError, DeserializationError):
            return False
        return isinstance(signed, Targets) and bundle_target(release) not in signed.targets

    def interrupt(self) -> None:
        """Breaks off what is under way, for it is not wanted any more. For use from any thread."""
        self._fetcher.interrupt()

    def forget(self) -> None:
        """Removes what was fetched and not used."""
        for path in self._downloads.glob("*"):
            with contextlib.suppress(OSError):
                path.unlink()

    def _refreshed(self) -> Updater:
        self._metadata.mkdir(parents=True, exist_ok=True)
        updater = Updater(
            metadata_dir=str(self._metadata),
            metadata_base_url=f"{self._base}/metadata/",
            target_dir=str(self._downloads),
            target_base_url=f"{self._base}/targets/",
            fetcher=self._fetcher,
            config=UpdaterConfig(prefix_targets_with_hash=False),
            bootstrap=self._root,
        )
        try:
            updater.refresh()
        finally:
            # TUF does not: without, a power cut could take back what older metadata is judged by.
            _sync_tree(self._metadata)
        return updater

    def _fetch(
        self,
        updater: Updater,
        file: BundleFile,
        mirrors: list[str],
        is_wanted: Callable[[], bool],
    ) -> Path:
        """Fetches a file; a mirror that fails is not asked for this release again."""
        self._fetcher.is_wanted = is_wanted
        with _told(is_wanted):
            target = updater.get_targetinfo(blob_target(file.sha256))
            if target is None or (_sha256_of(target), target.length) != (file.sha256, file.length):
                raise ReleaseRefused(f"its file {file.sha256[:12]} is not signed as it is listed")
            path = self._downloads / file.sha256
            if updater.find_cached_target(target, str(path)) is not None:
                return path
            while mirrors:
                try:
                    return self._download(updater, target, path, mirrors[0])
                except (DownloadError, LengthOrHashMismatchError) as error:
                    if not is_wanted():
                        raise
                    logger.warning("mirror %s is not asked any more: %s", mirrors.pop(0), error)
            return self._download(updater, target, path)

    def _download(
        self, updater: Updater, target: TargetFile, path: Path, base: str | None = None
    ) -> Path:
        self._downloads.mkdir(parents=True, exist_ok=True)
        try:
            updater.download_target(target, str(path), base)
        except LengthOrHashMismatchError:
            if not self._fetcher.resumed:
                raise
            # The part that was kept may be at fault, and not the server: once more from the start.
            updater.download_target(target, str(path), base)
        return path

    def _forget_all_but(self, bundle: Bundle) -> None:
        """Removes what other releases left half fetched."""
        wanted = {file.sha256 for file in bundle.files.values()}
        for path in self._downloads.glob("*"):
            if path.name.removesuffix(".part") not in wanted:
                path.unlink(missing_ok=True)


@contextmanager
def _told(is_wanted: Callable[[], bool]) -> Iterator[None]:
    """Turns what TUF, the network and the disk say into what is done about it."""
    try:
        yield
    except (RepositoryError, DownloadError, OSError) as error:
        if not is_wanted():
            raise Dropped from error
        raise judged(error, datetime.datetime.now(datetime.UTC)) from error


def judged(error: Exception, now: datetime.datetime) -> Unreachable | ReleaseRefused:
    """Says what is done about an error, in words for a person.

    Args:
        error: TUF's, the network's or the disk's.
        now: The device's time, for it may be the clock that is wrong.
    """
    if isinstance(error, DownloadLengthMismatchError):
        return ReleaseRefused(f"the server sends {error}")
    if isinstance(error, DownloadError):
        is_refusal = isinstance(error, DownloadHTTPError) and error.status_code in _UNAUTHORISED
        told = "it does not take this device's token or certificate" if is_refusal else str(error)
        return Unreachable(f"nothing comes from the server: {told}")
    if isinstance(error, ExpiredMetadataError):
        return ReleaseRefused(
            f"what is signed has expired ({error}): the server must sign it anew, or this "
            f"device's clock is wrong ({now:%Y-%m-%d %H:%M} UTC)"
        )
    if isinstance(error, BadVersionNumberError) and "Expected root" in str(error):
        return ReleaseRefused(f"a version was left out or comes twice ({error})")
    told = next(told for kind, told in _REFUSALS if isinstance(error, kind))
    return ReleaseRefused(f"{told} ({error})")


def _read_bundle(path: Path, release: str) -> Bundle:
    try:
        bundle = read_document(path, Bundle)
    except InputError as error:
        raise ReleaseRefused(f"its list of files cannot be used: {error}") from None
    if bundle.release != release:
        raise ReleaseRefused(f"its list of files is that of {bundle.release}")
    return bundle


def _sha256_of(target: TargetFile) -> str:
    return target.hashes.get("sha256", "")


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for path in (*(os.path.join(parent, name) for name in names), parent):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
