"""Builds a station's updater from its settings."""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from beltmark.contract.documents import read_bytes, read_document, write_document
from beltmark.contract.errors import InputError
from beltmark.contract.release import Release
from edge_agent.identity.proof import check_token, proof_of
from edge_agent.section import of_field
from edge_agent.station_loop_ports import DetectorPort
from edge_agent.update.fetcher import FetchLimits
from edge_agent.update.machine import Progress
from edge_agent.update.ports import UpdaterSettings
from edge_agent.update.slots import Slots
from edge_agent.update.trial import Trial
from edge_agent.update.trust import TufTrust
from edge_agent.update.updater import Updater
from edge_agent.update_report import UpdateReport
from edge_agent.uplink.section import FleetSection
from edge_agent.vision.detector import Detector

_MAX_ROOT_BYTES = 512_000


class ProgressFile:
    """The state of the updates, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Progress:
        """See `ProgressStore.read`."""
        return read_document(self._path, Progress) if self._path.exists() else Progress()

    def write(self, progress: Progress) -> None:
        """See `ProgressStore.write`."""
        write_document(self._path, progress)


def open_updater(
    settings: FleetSection,
    folder: Path,
    factory_release: Path,
    threads: int,
    report: Callable[[UpdateReport], None],
    *,
    dpmm: int = 8,
    open_detector: Callable[[Release], DetectorPort] | None = None,
    limits: FetchLimits | None = None,
    machine: str = platform.machine(),
) -> Updater:
    """Builds the updater of a station; nothing is fetched or started yet.

    Args:
        settings: The station file's `[fleet]`.
        folder: The station's data folder.
        factory_release: The release that the station file names.
        threads: Threads that share one inference.
        report: Told of each change, on the updater's thread; must not wait.
        dpmm: The printer's dots per millimetre.
        open_detector: Loads a release's model; None loads it as the station does.
        limits: How long fetching may take.
        machine: The device's processor family.

    Raises:
        InputError: The trusted root or the token cannot be used.
    """
    with of_field("fleet.root"):
        root = read_root(settings.root)
    check_token(settings)
    trust = TufTrust(
        settings.server,
        root,
        proof_of(settings, folder),
        metadata=folder / "tuf",
        downloads=folder / "downloads",
        limits=limits,
        mirrors=settings.mirrors,
    )
    return Updater(
        progress=ProgressFile(folder / "update.json"),
        trust=trust,
        slots=Slots(folder / "slots", factory_release, is_recalled=trust.is_recalled),
        trial=Trial(threads, dpmm),
        open_detector=open_detector or (lambda release: warmed_up(release, threads)),
        report=report,
        settings=UpdaterSettings(patience_s=settings.update_patience_s, machine=machine),
    )


def warmed_up(release: Release, threads: int) -> Detector:
    """Loads a release's model and runs it once, for the first time takes longer than the others."""
    detector = Detector(release.package, threads)
    spec = release.package.manifest.input
    detector.detect(np.zeros((spec.height_px, spec.width_px, 3), np.uint8))
    return detector


def read_root(path: Path) -> bytes:
    """Reads the trusted root, which must hold by itself.

    Raises:
        InputError: There is none, or it is no root.
    """
    content = read_bytes(path, limit=_MAX_ROOT_BYTES)
    try:
        root: Metadata[Any] = Metadata.from_bytes(content)
        root.verify_delegate("root", root)
    except (RepositoryError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"is no trusted root: {error}", "copy the file root.json of the fleet's site", file=path
        ) from None
    return content
