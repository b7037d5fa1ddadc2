"""Adds releases to the fleet and takes them through their states: noted, signed, told to stations.

What breaks off is completed by doing it again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import sqlalchemy as sa

from beltmark.contract.bundle import Bundle, Requirements
from beltmark.contract.errors import InputError
from fleet_server.releases.bundling import ANY_DEVICE, bundle_release
from fleet_server.releases.evidence import check_approval, read_evidence
from fleet_server.releases.repository import ReleaseRepository
from fleet_server.releases.states import USABLE
from fleet_server.settings import ReleasesSection
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.recalls import Turned, turn_away
from fleet_server.storage.release_book import ReleaseBook
from fleet_server.storage.rollouts import GOES_ON, RolloutStore

MOST_WORDS: Final = 2_000

PlainAct = Literal["challenge", "promote", "retire"]


@dataclass(frozen=True)
class Recalled:
    """What came of a recall.

    Attributes:
        turned: Devices that are asked for something else, and those for which there is nothing.
        aborted: Numbers of the rollouts that were ended.
        is_signed: Whether it is out of what is signed; not where that waits for signatures.
    """

    turned: Sequence[Turned]
    aborted: Sequence[int]
    is_signed: bool


class ReleaseDesk:
    """What people do with releases. For use from any thread.

    Every call may raise `InputError` and `StorageUnavailable`.

    Args:
        engine: The database.
        repository: Where releases are signed.
        rules: `[releases]` of the settings.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        engine: sa.Engine,
        repository: ReleaseRepository,
        rules: ReleasesSection,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.book = ReleaseBook(engine, clock)
        self._engine, self._repository, self._rules = engine, repository, rules
        self._fleet = FleetStore(engine, clock)
        self._rollouts = RolloutStore(engine, clock=clock)
        self._clock = clock

    def add(
        self, folder: Path, by: str, requires: Requirements = ANY_DEVICE
    ) -> tuple[Bundle, bool]:
        """Adds a release as a draft.

        Args:
            folder: The folder that holds `release.json`.
            by: Who adds it.
            requires: What a device must be to run it.

        Returns:
            What is to be signed, and whether the fleet did not know it before.

        Raises:
            InputError: It does not load, or its name belongs to other content.
        """
        bundled, evidence = bundle_release(folder, requires), read_evidence(folder)
        name = bundled.bundle.release
        known = self._fleet.release(name)
        if known is not None and known.bundle_sha256 != bundled.sha256:
            raise InputError(
                f"release {name} is known with other content",
                "give the changed release a name of its own",
                file=folder / "release.json",
                field="name",
            )
        self._repository.keep(bundled)
        self.book.add(bundled.bundle, bundled.sha256, by, evidence)
        return bundled.bundle, known is None

    def approve(self, release: str, by: str, override: str = "") -> bool:
        """Approves a release, and has it signed.

        Args:
            release: Its name.
            by: Who approves it.
            override: Why, though no gate has passed it; empty for no such word.

        Returns:
            Whether stations can fetch it now: not where it waits for a signature from elsewhere.

        Raises:
            InputError: It may not be approved so, or not by them, or is not a draft any more.
        """
        held = self.book.one(release)
        if held.state in ("draft", "retired", "challenger"):
            check_approval(
                held.evidence,
                held.added_by,
                by,
                override,
                second_person=self._rules.second_person,
            )
            told = override.strip()[:MOST_WORDS]
            why = f"override: {told} ({held.evidence.told})" if told else ""
            self.book.change(release, "approve", by, why)
        elif held.state not in USABLE:
            self.book.change(release, "approve", by)  # tells why not
        stored = self._fleet.release(release)
        assert stored is not None, "it has a standing"
        return self._repository.publish(release, stored.bundle_sha256)

    def act(self, release: str, act: PlainAct, by: str, why: str = "") -> None:
        """Makes a release a challenger or the champion, or retires it.

        Raises:
            InputError: That cannot be done to it.
        """
        if act == "retire":
            for each in self._rollouts.all():
                if each.plan.release == release and each.state.status in GOES_ON:
                    raise InputError(
                        f"rollout {each.rollout} brings {release} to stations",
                        "end it first, or wait for its end",
                        field="release",
                    )
        self.book.change(release, act, by, why[:MOST_WORDS])

    def recall(self, release: str, by: str, why: str) -> Recalled:
        """Recalls a release: ends its rollouts, turns stations away from it, signs it no more.

        Raises:
            InputError: No reason is given, or it is not known.
        """
        if not why.strip():
            raise InputError(
                "a recall has a reason", "say what is wrong with it (--why)", field="why"
            )
        if self.book.one(release).state != "recalled":  # else it broke off, and is completed
            self.book.change(release, "recall", by, why.strip()[:MOST_WORDS])
        aborted = [
            each.rollout
            for each in self._rollouts.all()
            if each.plan.release == release and each.state.status in GOES_ON
        ]
        for number in aborted:
            self._rollouts.abort(number, by)
        turned = turn_away(self._engine, release, by, self._clock())
        return Recalled(turned, aborted, self._repository.withdraw(release))
