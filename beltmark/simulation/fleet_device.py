"""A station of a simulated fleet: what it says and does, without camera, model or broker.

It keeps what it runs, numbers and repeats its records, and takes over what is desired in the steps
of a real one. What goes wrong with it is drawn from its name and the release, so that a run can be
repeated. Pure: who calls it tells the time and carries the messages.
"""

import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from beltmark.contract.messages import (
    MAX_BATCH_RECORDS,
    Birth,
    Committed,
    Desired,
    Heartbeat,
    RecordBatch,
    Reported,
)
from beltmark.contract.records import LATENCY_BOUNDS_MS, Record
from beltmark.contract.terms import UpdateState
from beltmark.contract.topics import Up
from beltmark.contract.wire import Message

_STEPS: Final[tuple[UpdateState, ...]] = (
    "downloading", "verifying", "accepting", "waiting", "running",
)  # fmt: skip
_SHA: Final = "0" * 64


@dataclass(frozen=True)
class FleetPlan:
    """What a simulated fleet is like. Rates are 0..1; those by release are by its name.

    Attributes:
        seed: Of all that is drawn.
        release: What devices run at first.
        minute_s: What passes for a minute: counters are sent so often.
        items_a_minute: On average.
        review_rate: Items that go to a person.
        worse: By release: its review rate.
        failing: By release: share of devices that refuse it in their acceptance.
        offline: Share of devices that are off-line at any time.
        offline_s: So long they are, on average.
        slow: Share of devices whose update takes ten times as long.
        update_s: What an update takes from the first step to the last.
        heartbeat_s: Time between two signs of life.
    """

    seed: int = 0
    release: str = "demo-shapes-1"
    minute_s: float = 60.0
    items_a_minute: int = 30
    review_rate: float = 0.05
    worse: Mapping[str, float] = field(default_factory=dict)
    failing: Mapping[str, float] = field(default_factory=dict)
    offline: float = 0.0
    offline_s: float = 60.0
    slow: float = 0.0
    update_s: float = 20.0
    heartbeat_s: float = 5.0


class FleetDevice:
    """A station.

    Args:
        name: Its name.
        plan: What the fleet is like.
        now: Seconds since the epoch.

    Attributes:
        name: Its name.
        running: The release that runs.
        is_wanted_online: Whether it is to be on-line now; who carries its messages sees to it.
    """

    def __init__(self, name: str, plan: FleetPlan, now: float) -> None:
        self.name, self._plan = name, plan
        self._chance = random.Random(f"{plan.seed} {name}")
        self.running = plan.release
        self.is_wanted_online = True
        self._stream = f"sim-{plan.seed}-{name}"[:64]
        self._session = 0
        self._sequence = 0
        self._waiting: deque[Record] = deque()
        self._sent = 0  # the last sequence sent in this session
        self._desired: Desired | None = None
        self._answered, self._state, self._reason = 0, _STEPS[-1], ""
        self._step_at: float | None = None
        self._refused: set[str] = set()
        self._said: tuple[object, ...] | None = None
        self._minute_at = now + self._chance.uniform(0, plan.minute_s)
        self._beat_at = 0.0
        self._change_at = now
        self._place_online(now)

    def begin(self, session: int, now: float) -> Iterator[tuple[Up, Message]]:
        """Begins a session; gives what is said in it at once."""
        self._session, self._said, self._sent = session, None, 0
        yield (
            "birth",
            Birth(
                device=self.name,
                session=session,
                at=now,
                stream=self._stream,
                agent_version="simulated",
                release=self.running,
                package_sha256=_SHA,
                desired_version=self._answered,
            ),
        )

    def hear_committed(self, said: Committed) -> None:
        """Forgets records that the server has."""
        while self._waiting and self._waiting[0].sequence <= said.sequence:
            self._waiting.popleft()

    def hear_desired(self, said: Desired, now: float) -> None:
        """Begins to take over what is desired; the same again, or older, changes nothing."""
        if self._desired is not None and said.desired_version <= self._desired.desired_version:
            return
        self._desired = said
        self._answered, self._reason = said.desired_version, ""
        if said.release == self.running:
            self._state, self._step_at = "running", None
        elif said.release in self._refused:
            self._refuse("it failed here before")
        else:
            self._state, self._step_at = _STEPS[0], now + self._step_s()

    def advance(self, now: float) -> None:
        """Does what is due: counts, updates, comes and goes."""
        while now >= self._minute_at:
            self._count(self._minute_at - self._plan.minute_s)
            self._minute_at += self._plan.minute_s
        if self._step_at is not None and now >= self._step_at:
            self._step(now)
        if now >= self._change_at:
            self._place_online(now)

    def said(self, now: float) -> Iterator[tuple[Up, Message]]:
        """Gives what is to be said now in an open session."""
        progress = (self.running, self._answered, self._state, self._reason)
        if progress != self._said:
            self._said = progress
            yield (
                "reported",
                Reported(
                    device=self.name,
                    session=self._session,
                    at=now,
                    release=self.running,
                    package_sha256=_SHA,
                    desired_version=self._answered,
                    desired_release=self._desired.release if self._desired else "",
                    state=self._state,
                    reason=self._reason,
                ),
            )
        if now >= self._beat_at:
            self._beat_at = now + self._plan.heartbeat_s
            yield (
                "heartbeat",
                Heartbeat(
                    device=self.name,
                    session=self._session,
                    at=now,
                    may_run=True,
                    newest_sequence=self._sequence,
                    waiting=len(self._waiting),
                ),
            )
        new = [each for each in self._waiting if each.sequence > self._sent][:MAX_BATCH_RECORDS]
        if new:
            self._sent = new[-1].sequence
            yield (
                "records",
                RecordBatch(
                    device=self.name,
                    stream=self._stream,
                    session=self._session,
                    sent_at=now,
                    records=tuple(new),
                ),
            )

    def _step_s(self) -> float:
        is_slow = random.Random(f"slow {self._plan.seed} {self.name}").random() < self._plan.slow
        return self._plan.update_s / len(_STEPS) * (10 if is_slow else 1)

    def _step(self, now: float) -> None:
        assert self._desired is not None
        release = self._desired.release
        following = _STEPS[_STEPS.index(self._state) + 1]
        failing = self._plan.failing.get(release, 0.0)
        drawn = random.Random(f"{self._plan.seed} {self.name} {release}").random()
        if following == "waiting" and drawn < failing:
            self._refuse("golden image 3: another box than expected")
            return
        self._state, self._step_at = following, now + self._step_s()
        if following == "running":
            self.running, self._step_at = release, None

    def _refuse(self, why: str) -> None:
        assert self._desired is not None
        self._refused.add(self._desired.release)
        self._state, self._reason, self._step_at = "refused", why, None

    def _count(self, start_at: float) -> None:
        plan, chance = self._plan, self._chance
        items = max(round(chance.gauss(plan.items_a_minute, plan.items_a_minute**0.5)), 0)
        rate = plan.worse.get(self.running, plan.review_rate)
        reviews = sum(chance.random() < rate for _ in range(items))
        latency = [0] * (len(LATENCY_BOUNDS_MS) + 1)
        for _ in range(items):
            latency[4 if chance.random() < 0.99 else 6] += 1
        printed = items - reviews
        self._sequence += 1
        body = {
            "start_at": start_at,
            "frames": items,
            "outcomes": {"PRINT": printed, "REVIEW": reviews},
            "labels": {"printed": printed},
            "latency_counts": latency,
        }
        record = Record(sequence=self._sequence, kind="counters", at=start_at, body=body)
        self._waiting.append(record)

    def _place_online(self, now: float) -> None:
        """Draws whether it is on-line, and for how long; the share off-line is the plan's."""
        offline, away_s = self._plan.offline, self._plan.offline_s
        if offline <= 0:
            self._change_at = float("inf")
            return
        self.is_wanted_online = self._chance.random() >= offline
        mean_s = away_s * (1 - offline) / offline if self.is_wanted_online else away_s
        # A draw each time, whatever it was before: the share holds from the first moment on.
        self._change_at = now + self._chance.expovariate(1 / min(mean_s, away_s))
