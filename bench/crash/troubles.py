"""Makes things go wrong around the process: its printer, the way to it, its disk. One at a time.

What goes wrong when is in `plan`.
"""

import contextlib
import itertools
import resource
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from beltmark.simulation.printer import PrinterFaults, SimulatedPrinter
from bench.crash.life import JOURNAL
from bench.crash.plan import Trouble, TroubleKind


class Troubles:
    """The troubles of one round, on a thread of their own.

    Args:
        printer: The printer of the round.
        folder: Where the journal is.
        planned: What goes wrong; from the first again after the last.

    Attributes:
        had: How often each was had.
    """

    def __init__(self, printer: SimulatedPrinter, folder: Path, planned: Sequence[Trouble]) -> None:
        self._printer, self._journal, self._planned = printer, folder / JOURNAL, planned
        self._lock = threading.Lock()
        self._process: int | None = None
        self._free_bytes: float | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="troubles", daemon=True)
        self.had: Counter[TroubleKind] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def end(self) -> None:
        """Mends everything; nothing goes wrong any more."""
        self._ending.set()
        self._thread.join()

    def now_lives(self, process: int | None) -> None:
        """Which process is to have a full disk, if it is full."""
        with self._lock:
            self._process = process
            self._limit()

    def _run(self) -> None:
        for trouble in itertools.cycle(self._planned):
            if self._ending.wait(trouble.pause_s):
                return
            self.had[trouble.kind] += 1
            with self._trouble(trouble):
                self._ending.wait(trouble.lasts_s)

    @contextlib.contextmanager
    def _trouble(self, trouble: Trouble) -> Iterator[None]:
        if trouble.kind == "disk full":
            self._fill_disk(trouble.amount)
            yield
            self._fill_disk(None)
            return
        self._printer.faults = _faults(trouble)
        yield
        match trouble.kind:
            case "media out":
                self._printer.load_media()
            case "dies" | "loses power":
                self._printer.revive(after_power_loss=trouble.kind == "loses power")
        self._printer.faults = PrinterFaults()

    def _fill_disk(self, free_bytes: float | None) -> None:
        with self._lock:
            self._free_bytes = free_bytes
            self._limit()

    def _limit(self) -> None:
        """Lets no file of the process grow beyond what it is now, and some bytes."""
        if self._process is None:
            return
        limit = resource.RLIM_INFINITY
        if self._free_bytes is not None:
            log = self._journal.with_name(JOURNAL + "-wal")
            used = max((path.stat().st_size for path in (log,) if path.exists()), default=0)
            limit = used + int(self._free_bytes)
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self._process, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def _faults(trouble: Trouble) -> PrinterFaults:
    match trouble.kind:
        case "slow":
            return PrinterFaults(slow_s=trouble.amount)
        case "half-open":
            return PrinterFaults(half_open=True)
        case "silent":
            return PrinterFaults(silent=True)
        case "dies" | "loses power":
            return PrinterFaults(dies_after_bytes=int(trouble.amount))
        case "media out":
            return PrinterFaults(media_out_after=int(trouble.amount))
        case _:
            return PrinterFaults(refuse=True)
