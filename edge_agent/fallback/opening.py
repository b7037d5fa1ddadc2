"""Finds the rung of the fallback ladder that a station can stand on, and keeps account of it.

What standing on a rung takes is the caller's to try; which rungs there are, and when a station
falls, is in `ladder`.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from beltmark.contract.errors import InputError
from edge_agent.fallback.ladder import WORDS, CrashLimit, LadderState, Rung, end, from_rung, start
from edge_agent.fallback.memory import read_ladder, write_ladder
from edge_agent.fallback.section import FallbackSection

logger = logging.getLogger(__name__)

Held = TypeVar("Held")


class Ladder:
    """The fallback ladder of one station.

    Args:
        section: What the station file allows; None allows the release alone.
        path: Where its state is kept.
        has_previous: Whether there is a release to fall back to.
        boot: Which start of the computer this is.
        clock: Seconds since the epoch.

    Attributes:
        rungs: The rungs that it has, from the top down.
        rung: Where the station stands.
    """

    def __init__(
        self,
        section: FallbackSection | None,
        path: Path,
        *,
        has_previous: bool,
        boot: str,
        clock: Callable[[], float],
    ) -> None:
        self._path, self._boot, self._clock = path, boot, clock
        self._section = section
        self.rungs = _rungs(section, has_previous=has_previous)
        self._state = read_ladder(path)
        self.rung: Rung = "release"
        self._why = ""

    @property
    def told(self) -> str | None:
        """Where the station stands and why, for a person; None at the top."""
        return None if self.rung == "release" else f"{WORDS[self.rung]}: {self._why}"

    def find(self, stand_on: Callable[[Rung, str], Held]) -> Held:
        """Tries the rungs from the top down; returns what trying the first that holds gave.

        Args:
            stand_on: Tries a rung, given the name of the release that the agent died on (empty
                where it did not); raises InputError where it does not hold.

        Raises:
            InputError: None does: what keeps the highest of them from holding.
        """
        section = self._section or FallbackSection()
        limit = CrashLimit(section.crashes, section.within_s)
        self._state = start(self._state, self._clock(), self._boot, limit, self.rungs)
        died_on = self._state.release if self._state.rung != "release" else ""
        first: InputError | None = None
        for rung in from_rung(self._state, self.rungs):
            try:
                held = stand_on(rung, died_on)
            except InputError as error:
                logger.error("%s cannot be used: %s", WORDS[rung], error)
                first = first or error
                continue
            self.rung = rung
            self._why = self._state.why if first is None else first.problem
            if self.told is not None:
                logger.error("works on with less: %s", self.told)
            return held
        assert first is not None
        raise first

    def began(self, release: str) -> None:
        """The agent begins to run with a release; to be said before its first frame."""
        if self._state.rung == "release":  # below, it is the one that it died on
            self._state = replace(self._state, release=release)
        self._note()

    def rise(self, release: str) -> None:
        """Another release has taken over while the agent runs: it stands at the top again."""
        if self._section is not None and self.rung != "release":
            logger.info("back on the release")
        self.rung, self._why = "release", ""
        self._state = LadderState(release=release, running_in=self._boot)
        self._note()

    def ended(self) -> None:
        """The agent has ended in order."""
        self._state = end(self._state)
        self._note()

    def _note(self) -> None:
        """Writes it down as well as can be: where it cannot, the next start sees an unclean end."""
        if self._section is None:
            return
        try:
            write_ladder(self._path, self._state)
        except InputError as error:
            logger.warning("the fallback ladder cannot be noted: %s", error)


def _rungs(section: FallbackSection | None, *, has_previous: bool) -> tuple[Rung, ...]:
    if section is None:
        return ("release",)
    has: dict[Rung, bool] = {
        "release": True,
        "previous": has_previous,
        "barcode": section.barcode,
        "person": section.person,
    }
    return tuple(rung for rung, is_there in has.items() if is_there)
