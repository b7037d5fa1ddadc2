"""The physical side of a round, outside the process that is killed: belt, relay, printer, camera.

The camera gives no picture but what a perfect detector would see in it. The belt obeys the run
permit; where a label lands, and what is taken off, is known here alone.
"""

import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self, cast

from beltmark.contract.catalogue import Product, gtin_check_digit
from beltmark.simulation.belt import Belt, BeltLayout
from beltmark.simulation.control import (
    Apply,
    Cancel,
    ControlServer,
    Divert,
    Hold,
    Permit,
    Signal,
)
from beltmark.simulation.permit import RunPermit
from beltmark.simulation.printer import SimulatedPrinter
from beltmark.simulation.raymarch import Posed
from beltmark.simulation.supply import Goods
from beltmark.simulation.verdict import judge, read_marking
from bench.crash.judging import RoundTruth
from bench.crash.landing import Landing
from bench.crash.plan import Fitting

CLASSES = ("carton", "bottle", "none_of_these")
WIDTH_PX, HEIGHT_PX = 480, 320
FPS = 20.0
DECIDE_AT = 0.35
SPEED_PX_S = 100.0
HALF_ITEM_PX = 35.0
# A label comes out for an item at most 1.5 s after its decision without the belt being stopped:
# hold_after_s, and the permit's own time when the agent dies just then. Half a second more for a
# busy machine, and the item is anywhere in 200 mm from the line on: the applicator reaches them,
# and no other item is nearer to it.
_TRAVEL_MM = 200.0
LAYOUT = BeltLayout(
    speed_mm_s=SPEED_PX_S,  # one pixel is one millimetre
    entry_mm=-WIDTH_PX / 2,
    exit_mm=WIDTH_PX / 2 + 60.0,
    applicator_mm=(DECIDE_AT - 0.5) * WIDTH_PX + _TRAVEL_MM / 2,
    applicator_reach_mm=_TRAVEL_MM / 2 + 4.0,
    clearance_mm=_TRAVEL_MM + 15.0 - 2 * HALF_ITEM_PX,
)
_PITCH_S = (2.0, 3.0)


def _gtin(number: int) -> str:
    digits = f"{number:012d}"
    return digits + str(gtin_check_digit(digits))


def products(copies: int = 1) -> tuple[Product, ...]:
    """Returns the catalogue: two products, the second with so many labels."""
    return tuple(
        Product(sku=name.upper(), gtin=_gtin(number), name=name, class_name=name, copies=labels)
        for number, name, labels in ((1, CLASSES[0], 1), (2, CLASSES[1], copies))
    )


PRODUCTS = products()


@dataclass(frozen=True)
class _Form:
    """All that the belt asks of a form that nobody draws."""

    reach_mm: tuple[float, float] = (HALF_ITEM_PX, HALF_ITEM_PX)


class ScriptedStation:
    """A belt with its relay, its printer, and a camera that says what is there.

    Args:
        seed: Which goods come.
        fitting: What the station is fitted with.
    """

    def __init__(self, seed: int, fitting: Fitting) -> None:
        self._lock = threading.Lock()
        self._belt, self._permit = Belt(LAYOUT, supply(seed)), RunPermit()
        self._moved_at: float | None = None
        self._stood_since: float | None = None
        self._control = ControlServer(self._on_signal)
        self._landing = Landing(
            self._belt,
            {product.gtin14: product.copies for product in products(fitting.copies)},
            has_applicator=fitting.has_applicator,
            say=self._control.say,
        )
        self.printer = SimulatedPrinter(on_label=self._on_label)
        self.spare = SimulatedPrinter(on_label=self._on_label)
        self._eye: socket.socket | None = None
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run_and_tell, name="belt", daemon=True)

    @property
    def relay(self) -> str:
        """Address of run permit and divert."""
        return self._control.address

    @property
    def is_empty(self) -> bool:
        """Whether nothing is on the belt and nothing will come."""
        with self._lock:
            return self._belt.is_empty

    def __enter__(self) -> Self:
        self.printer.start()
        self.spare.start()
        self._control.start()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._control.stop()
        self.printer.stop()
        self.spare.stop()
        if self._eye is not None:
            self._eye.close()
        if self._failure is not None:
            raise self._failure

    def look(self) -> socket.socket:
        """Opens the camera for a new process; returns the end that it reads from."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with self._lock:
            if self._eye is not None:
                self._eye.close()
            self._eye = ours
        return theirs

    def stop_feeding(self) -> None:
        """Lets the belt run empty."""
        with self._lock:
            self._belt.stop_feeding()

    def await_label(self, item_id: str) -> None:
        """A person stands at the printer and takes this item's label, if the belt stands then."""
        with self._lock:
            self._landing.awaited.add(item_id)

    def truth(self) -> RoundTruth:
        """What happened so far."""
        with self._lock:
            diverted = [item for item in self._belt.items if item.diverted_at_s is not None]
            return RoundTruth(
                verdict=judge(self._belt.passed_items(), self._landing.labels),
                dropped=sum(
                    label.item_id is None and not label.is_scrap for label in self._landing.labels
                ),
                by_hand=self._landing.by_hand,
                taken_away=self._landing.taken_away,
                diverted_labelled=sum(item.label_count > 0 for item in diverted),
                markings=tuple(
                    read_marking(label.raw)
                    for printer in (self.printer, self.spare)
                    for label in printer.record
                ),
                from_spare=len(self.spare.record),
            )

    def history(self) -> dict[str, Any]:
        """All that happened, for a person who looks for the cause."""
        with self._lock:
            items = [
                {name: value for name, value in vars(item).items() if name not in ("posed",)}
                for item in self._belt.items
            ]
            labels = [str(label) for label in self._landing.labels]
        return {"items": items, "labels": labels}

    def _run_and_tell(self) -> None:
        try:
            self._run()
        except Exception as error:
            self._failure = (
                error  # a belt that stands for ever would be taken for the station's deed
            )

    def _run(self) -> None:
        while not self._stopping.wait(1 / FPS):
            with self._lock:
                now = self._advance()
                stood_s = 0.0 if self._stood_since is None else now - self._stood_since
                self._landing.advance(now, stood_s)
                picture = json.dumps([now, self._seen()]).encode("ascii")
                # Who does not look misses pictures, as with any live camera.
                with contextlib.suppress(OSError):
                    if self._eye is not None:
                        self._eye.send(picture)

    def _advance(self) -> float:
        now = time.time()
        since = now if self._moved_at is None else self._moved_at
        self._belt.advance(now, self._permit.running_s(since, now))
        self._moved_at = now
        if self._permit.holds(now):
            self._stood_since = None
        elif self._stood_since is None:
            self._stood_since = now
        return now

    def _seen(self) -> list[tuple[str, tuple[float, float, float, float]]]:
        """Class and box, in pixels, of each item that is at least half in the picture."""
        seen = []
        for item in self._belt.present:
            x = self._belt.x_mm(item) + WIDTH_PX / 2
            left, right = max(0.0, x - HALF_ITEM_PX), min(float(WIDTH_PX), x + HALF_ITEM_PX)
            if right - left >= HALF_ITEM_PX:
                top = HEIGHT_PX / 2 + item.y_mm - HALF_ITEM_PX
                seen.append((item.class_name, (left, top, right, top + 2 * HALF_ITEM_PX)))
        return seen

    def _on_signal(self, signal: Signal) -> None:
        with self._lock:
            now = self._advance()
            match signal:
                case Permit():
                    self._permit.renew(now)
                case Hold():
                    self._permit.revoke(now)
                case Divert(_, x_px, y_px, captured_at_s):
                    x_mm, y_mm = x_px - WIDTH_PX / 2, y_px - HEIGHT_PX / 2
                    self._belt.divert(x_mm, y_mm, captured_at_s, now)
                case Apply(named):
                    self._landing.apply(named, now)
                case Cancel(named):
                    self._landing.cancel(named, now)

    def _on_label(self, zpl: bytes, _at_s: float) -> None:
        with self._lock:
            now = self._advance()
            self._landing.came_out(zpl, now, stands=not self._permit.holds(now))


def supply(seed: int) -> Iterator[Goods]:
    """Returns what comes onto the belt."""
    chance = random.Random(seed)
    while True:
        class_name = chance.choices(CLASSES, weights=(45, 45, 10))[0]
        yield Goods(
            class_name=class_name,
            product=next((p for p in PRODUCTS if p.class_name == class_name), None),
            posed=cast(Posed, _Form()),
            y_mm=chance.uniform(-40.0, 40.0),
            pitch_s=chance.uniform(*_PITCH_S),
        )
