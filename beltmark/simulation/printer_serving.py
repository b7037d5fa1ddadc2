"""Runs a simulated printer in the foreground, for `beltmark-sim printer`."""

import signal
import threading
import time
from pathlib import Path

from beltmark.simulation.printer import PrinterFaults, SimulatedPrinter


def serve(
    host: str = "127.0.0.1",
    port: int = 9100,
    faults: PrinterFaults | None = None,
    record_path: Path | None = None,
    duration_s: float | None = None,
) -> int:
    """Runs a printer in the foreground until SIGINT, SIGTERM or the end of `duration_s`.

    Prints the address first, one line for every label, and `labels=N` (all in its record) last.
    Returns the exit status.
    """
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())

    def tell(raw: bytes, at: float) -> None:
        print(
            f"{time.strftime('%H:%M:%S', time.localtime(at))} label, {len(raw)} bytes", flush=True
        )

    printer = SimulatedPrinter(host, port, faults, on_label=tell, record_path=record_path)
    with printer:
        print(printer.address, flush=True)
        done.wait(duration_s)
    print(f"labels={len(printer.record)}", flush=True)
    return 0
