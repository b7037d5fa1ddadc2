"""What `check` says of the printer, and of the time in which a label must come out."""

from collections.abc import Callable, Iterator

from beltmark.contract.errors import InputError
from beltmark.contract.release import Release
from edge_agent.calibration.document import belt_plane
from edge_agent.printing.belt_window import open_window
from edge_agent.printing.printers.base import PrinterError
from edge_agent.printing.printers.cups import CupsPrinter
from edge_agent.printing.printers.opening import open_printer
from edge_agent.printing.section import NO_SPARE, PrinterSection
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.printing.window import print_time_s
from edge_agent.settings import StationFile
from edge_agent.station.geometry import StationGeometry


def printer_parts(
    settings: StationFile, release: Release | None, *, runs: bool
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yields what there is to look at, by its name.

    Args:
        settings: The station file.
        release: What runs; None where that is not known.
        runs: Whether an agent runs: the printers are then its alone.
    """
    section = settings.printer
    if not runs:
        yield "printer", lambda: look_at_printer(section, section.address)
    if not runs and section.spare != NO_SPARE:
        yield "spare", lambda: look_at_printer(section, section.spare)
    if release is not None and section.window is not None:
        yield "window", lambda: look_at_window(settings, release)


def look_at_printer(section: PrinterSection, address: str) -> str:
    """Asks a printer how it is.

    Args:
        section: What is to be true of it.
        address: The first printer's address, or the spare one's.

    Raises:
        InputError: It cannot be used as the station file says.
    """
    printer = open_printer(address, profile=section.made_for)
    try:
        printer.connect()
        status, count = printer.query_status(), printer.label_count()
        advice = list(printer.advice()) if isinstance(printer, CupsPrinter) else []
    except PrinterError as error:
        raise InputError(
            error.problem, "switch it on, check its address and cable", file=address
        ) from None
    finally:
        printer.close()
    if status is not None and status.mismatch:
        raise InputError(
            status.mismatch,
            "correct it, or use the printer it was written for",
            file=address,
            field="printer",
        )
    if status is not None and status.faults:
        raise InputError(", ".join(status.faults), "mend this at the printer", file=address)
    if isinstance(printer, CupsPrinter):
        return _of_queue(address, advice)
    if section.confirmation == "none":
        return "takes bytes; is not asked"
    if status is None or count is None:
        raise InputError(
            "connected, but it does not tell its status and label counter",
            'let it answer, or set confirmation = "none" if it cannot',
            file=address,
            field="printer.confirmation",
        )
    untold = f"; it does not tell its {', '.join(status.untold)}" if status.untold else ""
    return f"ready, {count} labels so far{untold}"


def _of_queue(address: str, advice: list[str]) -> str:
    if advice:
        problem, _, mend = advice[0].rpartition(": ")
        raise InputError(problem, mend, file=address, field="printer.address")
    return (
        "takes jobs; that a job is completed means that the bytes were accepted: what came out is "
        "not known, and a label counts as printed once they were"
    )


def look_at_window(settings: StationFile, release: Release) -> str:
    """Says how long the longest label takes, and whether its item can wait for it.

    Raises:
        InputError: The label takes longer than its item, or what it follows from is not known.
    """
    zone, section = settings.zone, settings.printer
    can_hold = settings.outputs.run_permit != "none"
    geometry = StationGeometry(
        zone.rect_xyxy_px, zone.travel, zone.decide_at, plane=belt_plane(zone)
    )
    times = SpoolerSettings(
        label_deadline_s=section.label_deadline_s,
        hold_after_s=section.hold_after_s if can_hold else None,
    )
    speed_px_s = settings.belt.speed_px_s
    window = open_window(section, geometry, times, lambda: speed_px_s)
    if window is None:
        return "as the station file says"
    path = window.path
    layouts = release.layouts
    label_mm = max(layouts[p.layout].height_mm * p.copies for p in release.catalogue.products)
    takes_s = print_time_s(label_mm, path.print_speed_mm_s, path.first_label_s)
    told = f"a label of {label_mm:g} mm takes {takes_s:.2f} s"
    if speed_px_s is None:
        return f"{told}; how fast its item comes is known once the belt's speed is learnt"
    belt_mm_s = speed_px_s * window.mm_per_px
    arrives_s = path.distance_mm / belt_mm_s
    told = f"{told}, its item comes after {arrives_s:.2f} s"
    left_s = arrives_s - path.lead_s(label_mm)
    if left_s > 0:
        return f"{told}: it must be sent within {left_s:.2f} s"
    if can_hold:
        return f"{told}: the belt stands for each label"
    raise InputError(
        told,
        "move the applicator on, slow the belt down, or let a run permit hold it",
        field="printer.window.distance_mm",
    )
