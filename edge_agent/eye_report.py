"""A station's photo-eye as one of the parts beside it: begins, ends, and says how it is."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from beltmark.contract.records import PartHealth
from beltmark.contract.terms import PartState
from edge_agent.signals.photo_eye_input import PhotoEyeInput
from edge_agent.station.photo_eye import PhotoEye

# A beam that is broken for longer has something lying in it, or is dirty.
_BROKEN_S = 30.0
# For so long, an item that nobody saw is told.
_UNSEEN_TOLD_S = 600.0


@dataclass(frozen=True)
class EyeReport:
    """What is told of a photo-eye.

    Attributes:
        heard: Its input.
        eye: What it told.
        clock: Seconds since the epoch.
    """

    heard: PhotoEyeInput
    eye: PhotoEye
    clock: Callable[[], float] = time.time

    def start(self) -> None:
        """Begins to listen."""
        self.heard.start()

    def stop(self) -> None:
        """Ends; safe where it was never started."""
        self.heard.stop()

    @property
    def health(self) -> PartHealth:
        """How it is, in the fleet's words. For use from any thread."""
        state, told, since = self._state()
        return PartHealth(state=state, told=f"{self.heard.address}: {told}", since=since)

    def tell(self) -> Mapping[str, object]:
        """What stands in the status file. For use from any thread."""
        state, told, since = self._state()
        return {
            "address": self.heard.address,
            "state": state,
            "told": told,
            "since": since,
            "offset_px": round(self.eye.offset_px, 1),
            **self.eye.counts,
        }

    def _state(self) -> tuple[PartState, str, float]:
        now, eye, health = self.clock(), self.eye, self.heard.health
        if health.problem is not None:
            return "down", health.problem, health.since
        broken_since, unseen_at = eye.broken_since, eye.unseen_at
        if broken_since is not None and now - broken_since > _BROKEN_S:
            return "degraded", "the beam stays broken: look what lies in it, clean it", broken_since
        if eye.misses_items:
            told = "items pass without breaking the beam: clean and align it, look at its place"
            return "degraded", told, health.since
        if unseen_at is not None and 0 <= now - unseen_at < _UNSEEN_TOLD_S:
            told = "an item passed that the camera did not see: it went to a person"
            return "degraded", told, unseen_at
        return "ok", "heard", health.since
