"""A belt that was filmed beforehand, played live at any pace, and a printer that notes times.

    python -m bench.pace.conveyor FILM.npz --items-per-s 2 --seconds 600 --out record.json

Rendering costs more than a station does: filmed beforehand, the belt leaves the processor to what
is measured. Prints its addresses as one line of JSON and shows an empty belt until a line comes in;
writes what it saw when its time is up.
"""

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beltmark.contract.catalogue import Product
from beltmark.contract.documents import write_json
from beltmark.simulation.mjpeg import MjpegServer
from beltmark.simulation.printer import AT_ONCE, SPEED_MM_S, SimulatedPrinter
from beltmark.simulation.verdict import read_marking
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan

STEP_PX = 16.0
"""So far the belt moves from one picture to the next."""

_FILM_S = 60.0
_SPEED_PX_S = 120.0
_EMPTY_PICTURES = 12


@dataclass(frozen=True)
class Film:
    """A belt from empty to empty, so that it can be played over and over.

    Attributes:
        jpegs: Its pictures.
        items: How many items pass in it.
    """

    jpegs: list[bytes]
    items: int


def film(products: tuple[Product, ...], seed: int) -> Film:
    """Films a simulated belt: of a minute at its own pace."""
    world = World(WorldPlan(seed=seed, products=products, speed_px_s=_SPEED_PX_S))
    jpegs: list[bytes] = []
    while not (jpegs and world.belt.is_empty):
        at_s = len(jpegs) * STEP_PX / _SPEED_PX_S
        if at_s > _FILM_S:
            world.belt.stop_feeding()
        jpegs.append(world.encode(world.step(at_s, permitted=True)))
    jpegs += [jpegs[-1]] * _EMPTY_PICTURES
    return Film(jpegs, len(world.belt.passed_items()))


def save(film: Film, path: Path) -> None:
    """Keeps a film in a file."""
    lengths = [len(jpeg) for jpeg in film.jpegs]
    bytes_ = np.frombuffer(b"".join(film.jpegs), np.uint8)
    np.savez(path, lengths=lengths, bytes=bytes_, items=film.items)


def load(path: Path) -> Film:
    """Reads a film that `save` kept."""
    with np.load(path) as kept:
        ends = np.cumsum(kept["lengths"])
        jpegs = [bytes(part) for part in np.split(kept["bytes"], ends[:-1])]
        return Film(jpegs, int(kept["items"]))


class PrinterTap:
    """Stands before a printer and notes when the first byte of each label comes. Ends with it.

    Attributes:
        first_bytes: By serial, in seconds since the epoch.
    """

    def __init__(self, printer: SimulatedPrinter) -> None:
        self.first_bytes: dict[str, float] = {}
        self._target = printer.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """What the station is to be given."""
        return f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            station, _ = self._listener.accept()
            printer = socket.create_connection(("127.0.0.1", self._target))
            for one in (station, printer):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_pass_on, args=(printer, station), daemon=True).start()
            threading.Thread(target=self._listen, args=(station, printer), daemon=True).start()

    def _listen(self, station: socket.socket, printer: socket.socket) -> None:
        waiting, begun_at = b"", 0.0
        for data in _chunks(station):
            at = time.time()
            printer.sendall(data)
            if b"^XA" not in waiting:
                begun_at = at
            waiting += data
            while (end := waiting.find(b"^XZ")) >= 0:
                marking = read_marking(waiting[:end])
                if marking is not None:
                    self.first_bytes[marking.serial] = begun_at
                waiting, begun_at = waiting[end + 3 :], at
        printer.close()


def _chunks(source: socket.socket) -> Iterator[bytes]:
    while data := source.recv(65_536):
        yield data


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    for data in _chunks(source):
        target.sendall(data)
    target.close()


def play(
    film: Film, items_per_s: float, seconds: float, *, prints_at_once: bool = False
) -> dict[str, object]:
    """Plays the film over and over; returns what the printer saw.

    The pace is that of the whole film, the empty belt between two showings counted in. A label
    takes its length at the printer's speed, unless it `prints_at_once`.
    """
    camera = MjpegServer()
    period_s = film.items / items_per_s / len(film.jpegs)
    with SimulatedPrinter(speed_mm_s=AT_ONCE if prints_at_once else SPEED_MM_S) as printer:
        tap = PrinterTap(printer)
        camera.start()
        print(json.dumps({"camera": camera.address, "printer": tap.address}), flush=True)
        _show_empty_belt(camera, film, period_s)
        begun = time.monotonic()
        shown = 0
        # A film is shown to its end: the last items must not be cut in half.
        while shown % len(film.jpegs) or time.monotonic() - begun < seconds:
            time.sleep(max(0.0, begun + shown * period_s - time.monotonic()))
            camera.latest.publish(film.jpegs[shown % len(film.jpegs)], time.time())
            shown += 1
        took_s = time.monotonic() - begun
        time.sleep(2.0)  # the last label still comes out
        labels = len(printer.record)
    camera.stop()
    return {
        "items": film.items * shown // len(film.jpegs),
        "fps": 1 / period_s,
        "late_pictures_s": max(0.0, took_s - shown * period_s),
        "seconds": took_s,
        "labels": labels,
        "first_bytes": tap.first_bytes,
    }


def _show_empty_belt(camera: MjpegServer, film: Film, period_s: float) -> None:
    """Until the station says that it looks."""
    is_ready = threading.Event()

    def listen() -> None:
        sys.stdin.readline()
        is_ready.set()

    threading.Thread(target=listen, daemon=True).start()
    while not is_ready.wait(period_s):
        camera.latest.publish(film.jpegs[-1], time.time())


def main() -> int:
    """Plays one film."""
    parser = argparse.ArgumentParser(prog="python -m bench.pace.conveyor", description=__doc__)
    parser.add_argument("film", type=Path)
    parser.add_argument("--items-per-s", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--prints-at-once", action="store_true")
    arguments = parser.parse_args()
    seen = play(
        load(arguments.film),
        arguments.items_per_s,
        arguments.seconds,
        prints_at_once=arguments.prints_at_once,
    )
    write_json(arguments.out, seen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
