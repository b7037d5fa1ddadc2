"""The printing half of the simulated printer: buffer of formats, media, labels, their record.

The port and its faults are in `printer.py`.
"""

import json
import math
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beltmark.simulation.printer_protocol import Format

MAX_FORMATS_IN_BUFFER = 64
DOTS_PER_MM = 8
DEFAULT_LENGTH_DOTS = 320
WIDTH_DOTS = 832
MM_PER_INCH = 25.4
TOP_SPEED_IN_S = 14
_POLL_S = 0.02
_SLICE_S = 0.05


@dataclass(frozen=True)
class PrintedLabel:
    """One label that came out.

    Attributes:
        index: Lifetime count at this label, from 1.
        raw: The format as the printer received it.
        at: Seconds since the epoch, by the printer's clock.
    """

    index: int
    raw: bytes
    at: float


def read_record(path: Path) -> list[PrintedLabel]:
    """Reads the labels that a printer noted in its record file; none when there is no file."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="ascii").split("\n")[:-1]
    notes = [json.loads(line) for line in lines if line]
    return [PrintedLabel(n["index"], n["zpl"].encode("latin-1"), n["at"]) for n in notes]


def _drop_torn_line(path: Path) -> None:
    """Cuts off what a killed process left after the last whole line."""
    if path.exists():
        content = path.read_bytes()
        os.truncate(path, content.rfind(b"\n") + 1)


class PrintHead:
    """Takes whole formats and lets their labels come out, one by one, on its own thread.

    A label takes its length (`^LL`) at the print speed (`^PR`); both stay until another format says
    otherwise.

    Attributes:
        slow_s: Seconds that each label takes beyond that.
        width_dots: Print width, at most that of its head.
    """

    def __init__(
        self,
        on_label: Callable[[bytes, float], None] | None,
        record_path: Path | None,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        speed_mm_s: float,
    ) -> None:
        self.slow_s = 0.0
        self._speed_mm_s, self._length_dots = speed_mm_s, DEFAULT_LENGTH_DOTS
        self.width_dots = WIDTH_DOTS
        self._on_label, self._record_path = on_label, record_path
        self._clock, self._sleep = clock, sleep
        self._record: list[PrintedLabel] = []
        if record_path is not None:
            _drop_torn_line(record_path)
            self._record = read_record(record_path)
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._formats: deque[Format] = deque()
        self._printing: Format | None = None
        self._remaining = 0
        self._labels_left: int | None = None
        self._paused = self._blocked = False
        self._reprints_after_error = True
        self._thread = threading.Thread(target=self._run, name="printer-head", daemon=True)

    @property
    def record(self) -> list[PrintedLabel]:
        """What came out, in order."""
        with self._changed:
            return list(self._record)

    @property
    def label_count(self) -> int:
        """How many labels came out in its life."""
        return len(self._record)

    @property
    def media_out(self) -> bool:
        """True when nothing is left to print on."""
        return self._labels_left == 0

    @property
    def paused(self) -> bool:
        """True between `~PP` and `~PS`."""
        return self._paused

    @property
    def formats_in_buffer(self) -> int:
        """How many formats wait or are being printed."""
        return len(self._formats) + (self._printing is not None)

    @property
    def labels_remaining(self) -> int:
        """How many more labels the format being printed will give."""
        return self._remaining

    @property
    def length_dots(self) -> int:
        """Length of the latest label."""
        return self._length_dots

    @property
    def speed_in_s(self) -> int:
        """Print speed in whole inches a second."""
        return round(min(self._speed_mm_s / MM_PER_INCH, TOP_SPEED_IN_S))

    @property
    def is_full(self) -> bool:
        """True when no further format fits."""
        return len(self._formats) >= MAX_FORMATS_IN_BUFFER

    def start(self) -> None:
        """Begins to print."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; the label in progress still comes out."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def take_in(self, new: Format) -> None:
        """Queues a format; blocks while the buffer is full, as the real receive buffer does."""
        with self._changed:
            settings = new.raw.upper()
            if b"^JZN" in settings or b"^JZY" in settings:
                self._reprints_after_error = b"^JZY" in settings
            if new.copies == 0:
                self._obey(new)
                return
            while self.is_full and not self._stopping.is_set():
                self._changed.wait(_POLL_S)
            self._formats.append(new)
            self._changed.notify_all()

    def cancel_all(self) -> None:
        """Forgets what waits (`~JA`); the label in progress still comes out."""
        with self._changed:
            self._formats.clear()
            self._remaining = 0

    def pause(self, paused: bool) -> None:
        """Stops before the next label, or goes on."""
        with self._changed:
            self._paused = paused
            self._changed.notify_all()

    def block(self, blocked: bool) -> None:
        """Stops before the next label for something other than media, or goes on."""
        with self._changed:
            self._blocked = blocked
            self._changed.notify_all()

    def lose_power(self) -> None:
        """Forgets everything that is not kept in flash memory."""
        with self._changed:
            self._formats.clear()
            self._remaining = 0
            self._paused, self._reprints_after_error = False, True

    def limit_media(self, labels: int | None) -> None:
        """Says after how many further labels the media is out; None for never."""
        with self._changed:
            self._labels_left = labels
            self._changed.notify_all()

    def load_media(self) -> None:
        """Ends "media out". Unless `^JZN` was sent, the label it stopped at comes out again."""
        with self._changed:
            if self.media_out and self._reprints_after_error and self._record:
                self._formats.appendleft(Format(self._record[-1].raw))
            self._labels_left = None
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._stopping.is_set():
            label = self._next_label()
            if label is None:
                continue
            self._wait(self.slow_s + self._takes_s(label))
            with self._changed:
                printed = PrintedLabel(len(self._record) + 1, label.raw, self._clock())
                self._note(printed)
                self._record.append(printed)
                if self._labels_left:
                    self._labels_left -= 1
                if self._remaining == 0:
                    self._printing = None
            if self._on_label is not None:
                self._on_label(printed.raw, printed.at)

    def _next_label(self) -> Format | None:
        """The format of the next label to come out; None after a while without one."""
        with self._changed:
            is_stopped = self._paused or self._blocked or self.media_out
            if is_stopped or not (self._remaining or self._formats):
                self._changed.wait(_POLL_S)
                return None
            if self._remaining == 0:
                self._printing = self._formats.popleft()
                self._remaining = self._printing.copies
                self._changed.notify_all()
            self._remaining -= 1
            return self._printing

    def _takes_s(self, label: Format) -> float:
        """How long a label takes by its length and speed; an endless speed obeys no label."""
        self._obey(label)
        return self._length_dots / DOTS_PER_MM / self._speed_mm_s

    def _obey(self, settings: Format) -> None:
        """Takes over what outlives a format."""
        if settings.length_dots is not None:
            self._length_dots = settings.length_dots
        if settings.width_dots is not None:
            self.width_dots = min(settings.width_dots, WIDTH_DOTS)
        if settings.speed_in_s is not None and self._speed_mm_s != math.inf:
            self._speed_mm_s = min(settings.speed_in_s, TOP_SPEED_IN_S) * MM_PER_INCH

    def _wait(self, seconds: float) -> None:
        """Waits in slices, so that a printer made slow can still be stopped."""
        slices = max(1, round(seconds / _SLICE_S))
        for _ in range(slices if seconds > 0 else 0):
            if self._stopping.is_set():
                return
            self._sleep(seconds / slices)

    def _note(self, label: PrintedLabel) -> None:
        if self._record_path is None:
            return
        note = {"index": label.index, "at": label.at, "zpl": label.raw.decode("latin-1")}
        with self._record_path.open("a", encoding="ascii") as file:
            file.write(json.dumps(note) + "\n")
            file.flush()
            os.fsync(file.fileno())
