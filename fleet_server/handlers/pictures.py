"""Takes an item's pictures, its crop and its label; keeps those of the latest items of a device."""

import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, get_args

from beltmark.contract.documents import write_bytes
from beltmark.contract.errors import InputError
from beltmark.contract.sample import MAX_PICTURE_BYTES, PictureKind
from fleet_server.handlers.picture_heads import jpeg_size_px, png_size_px
from fleet_server.handlers.rollout import UnknownDevice

MAX_PICTURE_PIXELS: Final = 64 * 1024 * 1024
_ENDINGS: Final[Mapping[PictureKind, str]] = {"crop": ".crop.jpg", "label": ".label.png"}
_SIZES: Final[Mapping[PictureKind, Callable[[bytes], tuple[int, int] | None]]] = {
    "crop": jpeg_size_px,
    "label": png_size_px,
}


class Devices(Protocol):
    """Who belongs to the fleet."""

    def devices(self) -> list[str]:
        """Names of the devices that were ever heard."""
        ...


@dataclass(frozen=True)
class PictureName:
    """Which picture.

    Attributes:
        device: The device that sent it.
        item_id: The item that it shows.
        kind: The item itself, or its label.
    """

    device: str
    item_id: str
    kind: PictureKind


class PictureFolder:
    """A folder of pictures for each device: `DEVICE/ITEM.crop.jpg`, `DEVICE/ITEM.label.png`.

    For use from any thread of one process. Names are checked by who calls.

    Args:
        folder: The folder.
        items: Of so many items of a device, the latest, pictures are kept.
    """

    def __init__(self, folder: Path, items: int) -> None:
        self._folder, self._items = folder, items
        self._lock = threading.Lock()
        self._order: dict[str, dict[str, None]] = {}  # by device: its items, the oldest first

    def path(self, name: PictureName) -> Path:
        """Where a picture lies, if it is there."""
        return self._folder / name.device / f"{name.item_id}{_ENDINGS[name.kind]}"

    def put(self, name: PictureName, content: bytes) -> None:
        """Keeps a picture, whole or not at all; the oldest items' make room for it.

        Raises:
            OSError: It cannot be written.
        """
        device, item_id = name.device, name.item_id
        with self._lock:
            order = self._order.get(device)
            if order is None:
                order = self._order[device] = self._read_order(device)
            write_bytes(self.path(name), content)
            order.pop(item_id, None)
            order[item_id] = None
            while len(order) > self._items:
                oldest = next(iter(order))
                for kind in get_args(PictureKind):
                    self.path(PictureName(device, oldest, kind)).unlink(missing_ok=True)
                del order[oldest]

    def _read_order(self, device: str) -> dict[str, None]:
        found: dict[str, int] = {}
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder / device) as entries:
            for entry in entries:
                for ending in _ENDINGS.values():
                    if entry.name.endswith(ending) and not entry.name.startswith("."):
                        item_id = entry.name.removesuffix(ending)
                        found[item_id] = max(found.get(item_id, 0), entry.stat().st_mtime_ns)
        return dict.fromkeys(sorted(found, key=lambda item_id: found[item_id]))


def take_picture(fleet: Devices, folder: PictureFolder, name: PictureName, content: bytes) -> None:
    """Takes one picture of an item. The same one again changes nothing.

    Raises:
        InputError: The device is not known, or it is no picture of this kind.
        OSError: It cannot be written.
        StorageUnavailable: The database does not work at the moment.
    """
    check_known(fleet, name.device)
    if len(content) > MAX_PICTURE_BYTES:
        raise InputError(f"the picture has more than {MAX_PICTURE_BYTES} bytes", "send less")
    size_px = _SIZES[name.kind](content)
    if size_px is None:
        wanted = "JPEG" if name.kind == "crop" else "PNG"
        raise InputError(f"the {name.kind} is no {wanted} picture", f"send a {wanted} picture")
    check_extent(size_px)
    folder.put(name, content)


def check_known(fleet: Devices, device: str) -> None:
    """Makes sure that a device belongs to the fleet: a stranger fills no disk.

    Raises:
        UnknownDevice: It was never heard.
    """
    if device not in fleet.devices():
        raise UnknownDevice(
            f"there is no device {device!r}", "connect it to the broker first", field="device"
        )


def check_extent(size_px: tuple[int, int]) -> None:
    """Makes sure that a picture is not one that fills the memory of who opens it.

    Raises:
        InputError: It claims to be too large.
    """
    width_px, height_px = size_px
    if width_px * height_px > MAX_PICTURE_PIXELS:
        raise InputError(
            f"the picture says that it has {width_px}x{height_px} pixels",
            f"send one of at most {MAX_PICTURE_PIXELS} pixels",
        )
