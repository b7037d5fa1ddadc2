"""What a station stands on: the release that it goes by, and what finds its items.

Tries what a rung of the fallback ladder takes; which rung it is to be is the ladder's.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from beltmark.contract.errors import InputError
from beltmark.contract.policy import EvidenceKind
from beltmark.contract.release import Release, load_release
from edge_agent.fallback.ladder import Rung
from edge_agent.fallback.opening import Ladder
from edge_agent.fallback.section import FallbackSection
from edge_agent.fallback.without_model import release_without_model
from edge_agent.golden import check_golden_images
from edge_agent.rendering import ReleaseLabels
from edge_agent.settings import StationFile
from edge_agent.stages import StageTimes, TimedDetector
from edge_agent.station.tightening import check_strict
from edge_agent.station_loop_ports import DetectorPort, ReadyRelease, ReleaseSource
from edge_agent.uplink.state import StationState
from edge_agent.vision.detector import Detector
from edge_agent.vision.foreground import ForegroundDetector

if TYPE_CHECKING:
    from edge_agent.membership import Membership

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ground:
    """What a station stands on.

    Attributes:
        release: What it goes by.
        detector: Finds its items.
        fleet: Its part in its fleet; None where it is on its own.
    """

    release: Release
    detector: DetectorPort
    fleet: "Membership | None" = None


class Proof:
    """Finds out whether a release can run here; holds the model of the latest that can.

    Args:
        settings: The station file.
        died_on: Name of a release that is not to run; empty where there is none.

    Attributes:
        detector: That model.
    """

    detector: Detector

    def __init__(self, settings: StationFile, died_on: str = "") -> None:
        self._threads, self._printer = settings.inference.threads, settings.printer
        self._died_on, self._has_orders = died_on, settings.orders is not None

    def __call__(self, release: Release) -> None:
        """Loads a release's model, runs its golden images, draws its labels.

        Raises:
            InputError: It is not fit to run on this device.
        """
        if self._died_on and release.name == self._died_on:
            raise InputError(
                f"the agent died on release {release.name}",
                "stop the agent and start it to have it tried again",
                file=release.folder,
            )
        detector = Detector(release.package, self._threads)
        check_golden_images(release.package, detector)
        labels = ReleaseLabels(
            release,
            self._printer.dpmm,
            self._printer.made_for,
            has_orders=self._has_orders,
        )
        _check_labels(labels, release)
        self.detector = detector


def has_previous(settings: StationFile) -> bool:
    """Whether there is a release to fall back to: a fleet's stations keep theirs."""
    return settings.fleet is not None or len(_folders(settings)) > 1


def stand_on(
    settings: StationFile,
    rung: Rung,
    died_on: str,
    *,
    times: StageTimes,
    describe: Callable[[], StationState],
) -> Ground:
    """Tries one rung.

    Args:
        settings: The station file.
        rung: The rung.
        died_on: Name of the release that the agent died on; empty where there is none.
        times: Where detectors note how long they take.
        describe: Tells a fleet how the station is.

    Raises:
        InputError: It does not hold.
    """
    if rung in ("release", "previous"):
        proof = Proof(settings, died_on)
        release, fleet = _proven(settings, rung, proof, times, describe)
        return Ground(release, TimedDetector(proof.detector, times), fleet)
    release, fleet = _unproven(settings, times, describe)
    finder = ForegroundDetector(
        len(release.package.manifest.classes),
        settings.zone.rect_xyxy_px,
        is_upright=settings.zone.travel in ("up", "down"),
    )
    return Ground(_without_shapes(release, rung), TimedDetector(finder, times), fleet)


def _proven(
    settings: StationFile,
    rung: Rung,
    proof: Proof,
    times: StageTimes,
    describe: Callable[[], StationState],
) -> "tuple[Release, Membership | None]":
    if settings.fleet is not None:
        # The updater goes through its slots, the newest first, and passes over what is not proven.
        fleet = _membership(settings, proof, times, describe)
        return fleet.release, fleet
    release = load_release(_folders(settings)[0 if rung == "release" else -1])
    if rung == "release":  # of another, what it cannot do is told while it runs
        check_strict(release.policy, settings.policy, release.package.manifest.curve)
    proof(release)
    return release, None


def _unproven(
    settings: StationFile, times: StageTimes, describe: Callable[[], StationState]
) -> "tuple[Release, Membership | None]":
    """A release of which only products, layouts and policy are needed."""
    if settings.fleet is not None:
        fleet = _membership(settings, lambda _: None, times, describe)
        return fleet.release, fleet
    folders = _folders(settings)
    for number, folder in enumerate(folders, start=1):
        try:
            return release_without_model(folder), None
        except InputError:
            if number == len(folders):
                raise
    raise AssertionError("a station has a release")


def _membership(
    settings: StationFile,
    prove: Callable[[Release], None],
    times: StageTimes,
    describe: Callable[[], StationState],
) -> "Membership":
    # Only here: a station on its own loads nothing of what a fleet needs.
    from edge_agent.membership import open_membership  # noqa: PLC0415

    assert settings.fleet is not None
    return open_membership(settings, settings.fleet, prove=prove, times=times, describe=describe)


def _folders(settings: StationFile) -> tuple[Path, ...]:
    """Where a station on its own has its releases, the one that is to run first."""
    previous = (settings.fallback or FallbackSection()).previous
    own = settings.station.release
    return (own,) if previous is None else (own, previous)


def _without_shapes(release: Release, rung: Rung) -> Release:
    """No model looks at shapes: only a barcode can say what an item is, where it may."""
    outranks: tuple[EvidenceKind, ...] = ("barcode", "shape") if rung == "barcode" else ("shape",)
    # An order must not settle it: without any look at an item, it would settle each the same way.
    update = {"outranks": outranks, "threshold": 1.0}
    return replace(release, policy=release.policy.model_copy(update=update))


class RisingReleases:
    """Passes on a fleet's releases; one that takes over brings the station back to the top.

    Args:
        releases: Where they come from.
        ladder: What is told of it.
    """

    def __init__(self, releases: ReleaseSource, ladder: Ladder) -> None:
        self._releases, self._ladder = releases, ladder

    def take_ready(self) -> ReadyRelease | None:
        """See `ReleaseSource.take_ready`."""
        return self._releases.take_ready()

    def adopted(self, ready: ReadyRelease) -> None:
        """See `ReleaseSource.adopted`."""
        self._ladder.rise(ready.release.name)
        self._releases.adopted(ready)


def _check_labels(labels: ReleaseLabels, release: Release) -> None:
    """Says early which products cannot be labelled; their items will go to a person.

    Raises:
        LabelError: None of the products can.
    """
    refused = list(labels.refused())
    for product, error in refused:
        logger.warning("product %s: its label cannot be drawn: %s", product.sku, error)
    if len(refused) == len(release.catalogue.products):
        raise refused[0][1]
