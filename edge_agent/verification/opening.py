"""Makes the scan after printing as the station file has it. Loaded only for stations that have one:
nobody else needs a library that decodes symbols.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from edge_agent.capture.camera import Camera, open_camera
from edge_agent.capture.section import CameraSection
from edge_agent.printing.desk import LabelQueue
from edge_agent.printing.records import LabelOrder
from edge_agent.verification.consequences import Consequences, Notes, ScanDesk, ScanJournal
from edge_agent.verification.judge import Result
from edge_agent.verification.ledger import LabelLedger
from edge_agent.verification.section import OnResult, VerificationSection
from edge_agent.verification.verifier import ScanBelt, Verifier


def open_scan_camera(section: VerificationSection, cameras: CameraSection) -> Camera | None:
    """Returns the scan's own camera, not started; None where it shares the station's.

    Args:
        section: The scan's section of the station file.
        cameras: The station's camera: this one is waited for as long.

    Raises:
        InputError: Its source is no camera.
    """
    if not section.has_own_camera:
        return None
    return open_camera(
        section.source,
        stale_after_s=cameras.stale_after_s,
        down_after_s=cameras.down_after_s,
        field="verification.source",
    )


def open_verifier(
    section: VerificationSection,
    camera: Camera | None,
    *,
    journal: ScanJournal,
    journal_path: Path,
    notes: Notes,
    desk: ScanDesk,
    is_live: bool,
    runs: Callable[[], bool],
) -> Verifier:
    """Returns the scan, not started.

    Args:
        section: Its section of the station file.
        camera: Its own camera, if it has one.
        journal: Where results are committed.
        journal_path: Its file, to be read.
        notes: Takes lines for the histories of items.
        desk: Sends items to a person.
        is_live: Whether the station's camera goes on by itself.
        runs: Whether the belt may run now.
    """
    ledger = LabelLedger(journal_path)
    consequences = Consequences(
        journal=journal,
        notes=notes,
        desk=desk,
        standings=ledger,
        policy=policy(section),
        clock=time.time,
    )
    return Verifier(section, ledger, consequences, ScanBelt(is_live, runs), camera)


def policy(section: VerificationSection) -> Mapping[Result, OnResult]:
    """What follows each result but `verified`."""
    return {
        "mismatch": section.on_mismatch,
        "duplicate": section.on_duplicate,
        "missing": section.on_missing,
        "unreadable": section.on_unreadable,
    }


class ExpectedLabels:
    """The way of labels to the printer, of which the scan is told.

    Args:
        verifier: The scan.
        labels: Where labels go.
    """

    def __init__(self, verifier: Verifier, labels: LabelQueue) -> None:
        self._verifier, self._labels = verifier, labels

    def submit(self, order: LabelOrder) -> None:
        """Takes an order; returns at once."""
        self._verifier.expect(order)
        self._labels.submit(order)
