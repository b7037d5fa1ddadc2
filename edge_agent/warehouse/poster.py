"""Posts results from the journal to the warehouse system until it acknowledges them. Owns a thread.

Nobody waits for it: it reads the journal after the fact, and goes on where it was acknowledged,
after days without network and after a kill. Which result is which is `results`', what an answer
means `window`'s.
"""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal, Protocol

from beltmark.contract.errors import InputError
from beltmark.contract.records import ItemStep, PartHealth
from beltmark.contract.warehouse import MAX_RESULTS, Acknowledgement, Result, ResultBatch
from beltmark.contract.wire import encode
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.errand import Errand
from edge_agent.uplink.fleet_http import Answer
from edge_agent.uplink.journal_tail import read_steps
from edge_agent.uplink.outbox import Cursor
from edge_agent.uplink.wording import told
from edge_agent.warehouse.results import result_of
from edge_agent.warehouse.state import STATE_FILE, Parked, read_state, write_state
from edge_agent.warehouse.window import PostWindow

logger = logging.getLogger(__name__)

_LOOK_PERIOD_S: Final = 1.0
_SHOWN_PARKED: Final = 10


class WarehouseDoor(Protocol):
    """Where results are posted."""

    def send(self, method: Literal["POST", "PUT"], path: str, body: bytes, media: str) -> Answer:
        """See `FleetHttp.send`."""
        ...


class ResultPoster:
    """Posts the results of one station.

    Args:
        journal_path: The station's journal.
        folder: Where it notes how far it is.
        door: The warehouse system.
        station: Who posts.
        clock: Seconds since the epoch.
        backoff: How long to wait after a failure; None: as usual.
    """

    def __init__(
        self,
        journal_path: Path,
        folder: Path,
        door: WarehouseDoor,
        station: str,
        *,
        clock: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
    ) -> None:
        self._journal_path, self._path = journal_path, folder / STATE_FILE
        self._door, self._station, self._clock = door, station, clock
        self._state = read_state(self._path)
        self._window = PostWindow([])
        self._behind = Cursor(self._state.series, self._state.step)
        self._problem: str | None = None
        self._since = clock()
        self._errand = Errand(
            "warehouse",
            self.post_next,
            report=self._report,
            has_problem=lambda: self._problem is not None,
            period_s=_LOOK_PERIOD_S,
            backoff=backoff,
        )

    @property
    def health(self) -> PartHealth:
        """How results get away; a station works without it."""
        problem, parked = self._problem, self._state.parked_total
        if problem is not None:
            return PartHealth(state="degraded", told=told(problem), since=self._since)
        if parked:
            last = self._state.parked[-1]
            why = f"{parked} results were refused for good; the last, {last.key}: {last.reason}"
            return PartHealth(state="degraded", told=told(why), since=last.at)
        return PartHealth(state="ok", told="results are posted", since=self._since)

    def tell(self) -> Mapping[str, object]:
        """The same for the status file, with what was given up."""
        pending = list(self._window.pending)
        return {
            **self.health.model_dump(),
            "waiting_since": pending[0].at if pending else None,
            "posted_to_step": self._state.step,
            "parked_total": self._state.parked_total,
            "parked": [one.model_dump() for one in self._state.parked[-_SHOWN_PARKED:]],
        }

    def start(self) -> None:
        """Begins to post; returns at once."""
        self._errand.start()

    def stop(self) -> None:
        """Ends; what was not acknowledged is posted by the next run."""
        self._errand.stop()

    def post_next(self) -> bool:
        """Posts what is next; returns whether to go on at once."""
        try:
            if not self._window.pending:
                self._window = PostWindow([])
            if self._window.wants_more:
                self._window.add(self._read_on())
            if not self._window.pending:
                self._report(None)
                return False
            goes_on, problem = self._post()
            self._settle()
        except InputError as error:
            goes_on, problem = False, str(error)
        except OSError as error:
            goes_on, problem = False, f"{self._path}: {error.strerror}"
        self._report(problem)
        return goes_on

    def _read_on(self) -> list[Result]:
        """Reads the next results from the journal."""
        given_up = {one.key for one in self._state.parked}
        while True:
            before = self._behind
            found = read_steps(self._journal_path, before, MAX_RESULTS)
            results: list[Result] = []
            for record in found.records:
                assert isinstance(record.body, ItemStep)
                result = result_of(record.body, record.at)
                if result is not None and result.key not in given_up:
                    results.append(result)
            self._behind = found.cursor
            if results or found.is_all:
                return results

    def _post(self) -> tuple[bool, str | None]:
        """Posts once; returns whether to go on at once, and what is in the way."""
        window = self._window
        batch = window.next_batch()
        body = encode(ResultBatch(station=self._station, results=tuple(batch)))
        answer = self._door.send("POST", "", body, "application/json")
        if answer.fate == "later":
            return False, answer.told
        if answer.fate == "refused":
            window.refuse(batch, answer.told)
            return len(batch) > 1, f"results are refused: {answer.told}"
        try:
            said = Acknowledgement.model_validate_json(answer.content)
        except ValueError:
            return False, "the warehouse system answers 2xx, but acknowledges no results"
        if window.answer(batch, said.acknowledged, said.refused):
            return True, None
        return False, "the warehouse system acknowledges none of the results"

    def _settle(self) -> None:
        """Notes what was given up, and how far all is seen to; only then does the cursor move."""
        now = self._clock()
        lost = [
            Parked(key=key, at=now, reason=told(reason))
            for key, reason in self._window.give_up().items()
        ]
        state = self._state.with_parked(lost) if lost else self._state
        if not self._window.pending:
            state = state.moved(self._behind.series, self._behind.step)
        for one in lost:
            logger.error("result %s is given up: %s", one.key, one.reason)
        if state is not self._state:
            self._state = state  # where the disk is full, the next one is written instead
            write_state(self._path, state)

    def _report(self, problem: str | None) -> None:
        if (problem is None) == (self._problem is None):
            self._problem = problem
            return
        if problem is None:
            logger.warning("warehouse: results are posted again")
        else:
            logger.warning("warehouse: results wait: %s", problem)
        self._problem, self._since = problem, self._clock()
