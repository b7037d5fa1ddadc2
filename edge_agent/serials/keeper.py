"""Keeps ranges of numbers in the journal ahead of the labels. Owns a thread; nobody waits for it.

When more are asked for is `forecast`'s to say, which number is next the journal's.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from pydantic import ValidationError

from beltmark.contract.errors import InputError
from beltmark.contract.records import PartHealth
from beltmark.contract.serials import LeaseRequest, NumberKind, NumberRange
from beltmark.contract.wire import MalformedMessage, decode, encode
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.numbers import NAMES, HeldNumbers, read_held
from edge_agent.serials.forecast import health, is_wanted, seconds_left
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.errand import Errand
from edge_agent.uplink.fleet_http import Answer
from edge_agent.uplink.wording import told

logger = logging.getLogger(__name__)

_LOOK_PERIOD_S: Final = 5.0
_JOURNAL_TIMEOUT_S: Final = 10.0
_OVERLAP: Final = (
    "the server gives numbers that this station has had: its database was put back from a copy "
    "(beltmark-fleet serials SITE --skip)"
)


class NumberJournal(Protocol):
    """Where ranges are kept."""

    def begin_request(self, kind: NumberKind, new: str) -> "Future[str]":
        """See `Journal.begin_request`."""
        ...

    def add_range(self, given: NumberRange, request: str) -> "Future[bool]":
        """See `Journal.add_range`."""
        ...


class FleetDoor(Protocol):
    """Where ranges are asked for."""

    def send(self, method: Literal["POST", "PUT"], path: str, body: bytes, media: str) -> Answer:
        """See `FleetHttp.send`."""
        ...


@dataclass(frozen=True)
class KeeperSettings:
    """What is kept.

    Attributes:
        sizes: How many are asked for at a time, for each kind.
        warn_before_s: Seconds before the end from which that is told.
    """

    sizes: Mapping[NumberKind, int]
    warn_before_s: float


class NumberKeeper:
    """Asks for numbers before they run out.

    Args:
        path: The journal, to be read.
        journal: The same, to be written.
        door: The server.
        device: Who asks.
        settings: What is kept.
        needed: Gives the kinds that the labels of this station carry, at the moment.
        new_request: Makes an identity for each question.
        clock: Seconds since the epoch.
        backoff: How long to wait after a failure; None: as usual.
    """

    def __init__(
        self,
        path: Path,
        journal: NumberJournal,
        door: FleetDoor,
        device: str,
        settings: KeeperSettings,
        *,
        needed: Callable[[], Sequence[NumberKind]],
        new_request: Callable[[], str],
        clock: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
    ) -> None:
        self._path, self._journal, self._door = path, journal, door
        self._url = f"/api/v1/devices/{device}/serials"
        self._settings, self._needed = settings, needed
        self._new_request, self._clock = new_request, clock
        self._problem: str | None = None
        self._since = clock()
        self._held: dict[NumberKind, HeldNumbers] = {}
        self._health = PartHealth(state="unknown", told="not looked at yet")
        self._errand = Errand(
            "serials",
            self.look,
            report=self._report,
            has_problem=lambda: self._problem is not None,
            period_s=_LOOK_PERIOD_S,
            backoff=backoff,
        )

    @property
    def health(self) -> PartHealth:
        """How it stands."""
        return self._health

    def tell(self) -> Mapping[str, object]:
        """The same for the status file, with what is held."""
        held: dict[str, object] = {
            NAMES[kind]: {"left": one.left, "seconds_left": seconds_left(one)}
            for kind, one in self._held.items()
        }
        return {**self._health.model_dump(), **held}

    def start(self) -> None:
        """Begins to look; returns at once."""
        self._errand.start()

    def stop(self) -> None:
        """Ends; a question that waits for its answer is asked again by the next run."""
        self._errand.stop()

    def look(self) -> bool:
        """Asks for one range if one is wanted; returns whether to look again at once."""
        wanted: Sequence[NumberKind] = ()
        try:
            held = read_held(self._path, self._clock())
            self._held = {kind: held[kind] for kind in self._needed()}
            wanted = [kind for kind, one in self._held.items() if is_wanted(one)]
            # A kind that the server has none of keeps no other waiting.
            problems = [problem for kind in wanted if (problem := self._lease(kind)) is not None]
        except InputError as error:
            problems = [str(error)]
        except JournalUnavailable as error:
            problems = [f"the journal takes no range: {error}"]
        except TimeoutError:
            problems = ["the journal takes no range in time"]
        self._report("; ".join(problems) or None)
        return bool(wanted) and not problems

    def _lease(self, kind: NumberKind) -> str | None:
        """Asks for a range and keeps it; returns what is in the way, if anything."""
        request = self._journal.begin_request(kind, self._new_request()).result(_JOURNAL_TIMEOUT_S)
        asked = LeaseRequest(request=request, kind=kind, count=self._settings.sizes[kind])
        answer = self._door.send("POST", self._url, encode(asked), "application/json")
        if answer.fate != "taken":
            return answer.told
        try:
            given = decode(answer.content, NumberRange)
        except (MalformedMessage, ValidationError) as error:
            return f"the server's range cannot be used: {error}"
        if given.kind != kind:
            return f"the server gave {NAMES[given.kind]} for {NAMES[kind]}"
        if not self._journal.add_range(given, request).result(_JOURNAL_TIMEOUT_S):
            return _OVERLAP
        logger.info("holds %d more %s", given.size, NAMES[kind])
        return None

    def _report(self, problem: str | None) -> None:
        if problem is not None and self._problem is None:
            logger.warning("serials: %s", problem)
        self._problem = None if problem is None else told(problem)
        found = health(self._held.values(), self._settings.warn_before_s, self._problem)
        if found.state != self._health.state:
            self._since = self._clock()
        self._health = found.model_copy(update={"since": self._since})
