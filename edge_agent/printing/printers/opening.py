"""Makes the adapter that an address in the station file names. Connecting is left to it."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from beltmark.contract.errors import InputError
from edge_agent.printing.printers.base import Printer
from edge_agent.printing.printers.cups import CupsPrinter
from edge_agent.printing.printers.device import DeviceLine
from edge_agent.printing.printers.file import FilePrinter
from edge_agent.printing.printers.ipp import IppQueue
from edge_agent.printing.printers.profile import Profile
from edge_agent.printing.printers.tcp import TcpLine
from edge_agent.printing.printers.zebra import Deadlines, ZebraPrinter

_RAW_PORT = 9_100
_IPP_PORT = 631
_QUEUE = re.compile(r"[A-Za-z0-9._\-]{1,127}")
_PATH = re.compile(r"(/[A-Za-z0-9._\-]{1,127}){1,8}")
_HOST = re.compile(r"[A-Za-z0-9.:_%\-]{1,255}")


def open_printer(
    address: str, deadlines: Deadlines | None = None, profile: Profile | None = None
) -> Printer:
    """Returns the printer at `tcp://host:port`, `/dev/usb/lp0`, `cups:QUEUE`, `ipp://host/PATH` or
    `file:PATH`, not yet connected.

    One that tells something else of itself than the profile is at fault.

    Raises:
        InputError: The address is none of these.
    """
    deadlines, profile = deadlines or Deadlines(), profile or Profile()
    if address.startswith("tcp://"):
        return ZebraPrinter(_tcp_line(address), deadlines, profile=profile)
    if address.startswith("/dev/"):
        return ZebraPrinter(DeviceLine(address), deadlines, profile=profile)
    if queue := _queue(address, deadlines):
        return CupsPrinter(address, queue, deadlines.write_s)
    if address.startswith("file:") and len(address) > len("file:"):
        return FilePrinter(Path(address.removeprefix("file:").removeprefix("//")))
    raise _bad(address)


def _tcp_line(address: str) -> TcpLine:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad(address) from None
    rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if rest or not _HOST.fullmatch(host) or port == 0:
        raise _bad(address)
    return TcpLine(host, port or _RAW_PORT)


def _queue(address: str, deadlines: Deadlines) -> IppQueue | None:
    """The queue that an address names: `cups:QUEUE` of this computer, or anywhere by `ipp://`."""
    if address.startswith("cups:"):
        name = address.removeprefix("cups:")
        if not _QUEUE.fullmatch(name):
            raise _bad(address)
        return IppQueue("localhost", _IPP_PORT, f"/printers/{name}", deadlines.answer_s)
    if not address.startswith("ipp://"):
        return None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad(address) from None
    extra = parts.query or parts.fragment or parts.username
    if extra or not (_HOST.fullmatch(host) and _PATH.fullmatch(parts.path)) or port == 0:
        raise _bad(address)
    return IppQueue(host, port or _IPP_PORT, parts.path, deadlines.answer_s)


def _bad(address: str) -> InputError:
    shown = address if len(address) <= 60 else address[:57] + "..."
    return InputError(
        f"{shown!r} is no printer",
        "write tcp://host:9100, /dev/usb/lp0, cups:QUEUE, ipp://host/printers/QUEUE or file:PATH",
        field="printer.address",
    )
