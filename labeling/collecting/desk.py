"""A guided session at a station: what was seen to first, what is there of each class, what to do.

For any number of pages and threads at once. What it looks like is left to `page`; what is worth
keeping is judged by `judging`.
"""

import threading
from collections import Counter
from collections.abc import Callable
from collections.abc import Collection as Some
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from beltmark.contract.errors import InputError
from labeling.collecting.collection import Collection
from labeling.collecting.crops import as_jpeg
from labeling.collecting.judging import Judge, Judged
from labeling.collecting.record import CollectedImage, SessionRecord, last_day, session_name
from labeling.collecting.standing import CHECKS, MAX_LIGHT, ClassCount, DeskPlan, Standing, Told
from labeling.collecting.station import View


class Zoned(Protocol):
    """Where pictures come from; see `LiveZone`."""

    @property
    def latest(self) -> View | None:
        """What the zone shows; None where that is not known."""
        ...

    @property
    def problem(self) -> str | None:
        """Why nothing can be collected now; None if it can."""
        ...


@dataclass(eq=False)
class _Session:
    record: SessionRecord
    judge: Judge = field(default_factory=Judge)
    numbers: list[str] = field(default_factory=list)
    """The files that the judge's numbers stand for."""
    waiting: tuple[str | None, Judged, View] | None = None
    """What was refused, and may be kept all the same."""


class Desk:
    """Guided sessions, one after the other.

    Args:
        collection: Where pictures go.
        zone: Where they come from.
        plan: What is to be collected.
        clock: The time, in UTC.
    """

    def __init__(
        self,
        collection: Collection,
        zone: Zoned,
        plan: DeskPlan,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.plan = plan
        self._collection, self._zone, self._clock = collection, zone, clock
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._told: Told | None = None
        self._judged: tuple[int, tuple[str, ...]] = (-1, ())

    def standing(self) -> Standing:
        """Tells how it stands; looks at what the zone shows."""
        with self._lock:
            totals = self._collection.counts()
            session = self._session
            here = Counter(i.class_name for i in session.record.images) if session else Counter()
            counts = [
                ClassCount(name, here[name], totals[name], self.plan.target)
                for name in (*self.plan.class_names, None)
            ]
            record = session.record if session else None
            return Standing(
                record.session_id if record else None,
                counts,
                self._zone.problem,
                self._hints(),
                self._told,
                record.blurred + record.alike if record else 0,
                [CHECKS[name] for name, done in record.checked.items() if not done]
                if record
                else (),
            )

    def begin(self, checked: Some[str], light: str = "") -> None:
        """Begins a session.

        Args:
            checked: What of `CHECKS` was seen to.
            light: What lights the zone, in a person's words.

        Raises:
            InputError: One is going on, or the words are too many.
        """
        light = " ".join(light.split())
        if len(light) > MAX_LIGHT or not light.isprintable():
            raise InputError(
                f"the light is told in more than {MAX_LIGHT} plain characters", "say it shorter"
            )
        with self._lock:
            if self._session is not None:
                raise InputError("a session is going on already", "end it first")
            now = self._clock()
            record = SessionRecord(
                session_id=session_name(now, self.plan.station, self._collection.names),
                kind="station",
                begun_at=now,
                delete_after=last_day(now, self.plan.keep_days),
                station=self.plan.station,
                zone_xyxy_px=self.plan.zone,
                light=light or None,
                class_names=self.plan.class_names,
                checked={name: name in checked for name in CHECKS},
            )
            self._collection.put(record)
            self._session, self._told = _Session(record), None

    def capture(self, class_name: str | None) -> None:
        """Takes a picture of what the zone shows; a poor one waits for a person's word.

        Args:
            class_name: Of what lies there; None for an empty zone.

        Raises:
            InputError: No session, no picture, or no such class.
        """
        with self._lock:
            session = self._going()
            if class_name is not None and class_name not in self.plan.class_names:
                raise InputError(f"{class_name!r:.80} is no class here", "choose another")
            view = self._zone.latest
            if view is None:
                told = self._zone.problem or "the camera has sent no picture yet"
                raise InputError(told, "see to the camera, then try again")
            judged = session.judge.judge(as_jpeg(view.crop_bgr))
            problem = self._problem(judged, session)
            if problem:
                session.waiting = (class_name, judged, view)
                why = "blurred" if judged.is_blurred else "alike"
                count = getattr(session.record, why) + 1
                session.record = session.record.model_copy(update={why: count})
                self._told = Told("refused", f"Not kept: {problem}.")
                return
            self._keep(session, class_name, judged, view)

    def keep_anyway(self) -> None:
        """Keeps what was refused just now.

        Raises:
            InputError: Nothing was.
        """
        with self._lock:
            session = self._going()
            if session.waiting is None:
                raise InputError("nothing was refused just now", "take another picture")
            class_name, judged, view = session.waiting
            why = "blurred" if judged.is_blurred else "alike"
            count = max(0, getattr(session.record, why) - 1)
            session.record = session.record.model_copy(update={why: count})
            self._keep(session, class_name, judged, view)

    def take_back(self) -> None:
        """Removes the last picture of the session.

        Raises:
            InputError: There is none.
        """
        with self._lock:
            session = self._going()
            if not session.record.images:
                raise InputError("the session has no picture", "take one first")
            last = session.record.images[-1]
            session.record = self._collection.take_back(session.record, last)
            number = len(session.numbers) - 1 - session.numbers[::-1].index(last.file)
            session.judge.drop(number)
            session.waiting = None
            self._told = Told("done", f"Taken back: {last.class_name or 'empty zone'}.")

    def end(self) -> None:
        """Ends the session; one without pictures is none."""
        with self._lock:
            session = self._going()
            record = session.record
            if record.images:
                self._collection.put(record.model_copy(update={"ended_at": self._clock()}))
                told = f"Session {record.session_id} has ended: {len(record.images)} pictures."
            else:
                self._collection.remove(record.session_id)
                told = "The session had no picture, and is gone."
            self._session, self._told = None, Told("done", told)

    def close(self) -> None:
        """Ends the session, if there is one."""
        if self._session is not None:
            self.end()

    def picture(self, file: str) -> bytes | None:
        """Returns a picture of this session; None if it has none of this name."""
        with self._lock:
            record = self._session.record if self._session else None
            found = next((i for i in record.images if i.file == file), None) if record else None
            if record is None or found is None:
                return None
            return self._collection.path_of(record.session_id, found).read_bytes()

    def _going(self) -> _Session:
        if self._session is None:
            raise InputError("no session has begun", "begin one")
        return self._session

    def _keep(self, session: _Session, class_name: str | None, judged: Judged, view: View) -> None:
        height_px, width_px = view.crop_bgr.shape[:2]
        image = CollectedImage(
            file="000000.jpg",
            width_px=width_px,
            height_px=height_px,
            class_name=class_name,
            is_empty=class_name is None,
            captured_at=datetime.fromtimestamp(view.captured_at, UTC),
        )
        record = self._collection.keep(session.record, judged.jpeg, image)
        self._collection.put(record)
        session.record, session.waiting = record, None
        session.judge.take(judged)
        file = record.images[-1].file
        session.numbers.append(file)
        self._told = Told("kept", f"Kept: {class_name or 'empty zone'}.", file)

    def _problem(self, judged: Judged, session: _Session) -> str:
        if judged.is_blurred:
            return "it is blurred"
        if judged.alike is None:
            return ""
        file = session.numbers[judged.alike]
        same = next(i for i in session.record.images if i.file == file)
        return (
            f"it is nearly the same as picture {int(file[:6])}, {same.class_name or 'empty zone'}"
        )

    def _hints(self) -> tuple[str, ...]:
        """What is wrong with what the zone shows; each frame is judged once."""
        view = self._zone.latest
        if view is None:
            return ()
        number, hints = self._judged
        if number != view.number:
            session = self._session
            judged = (session.judge if session else Judge()).judge(as_jpeg(view.crop_bgr))
            told = [judged.light]
            if judged.is_blurred:
                told.append("it is blurred")
            elif session is not None:
                told.append(self._problem(judged, session))
            hints = tuple(filter(None, told))
            self._judged = (view.number, hints)
        return hints
