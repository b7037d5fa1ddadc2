"""Takes samples: the image as a file, what is known of it in the database, once each."""

import threading
from pathlib import Path

from beltmark.contract.documents import sha256_of, write_bytes
from beltmark.contract.errors import InputError
from beltmark.contract.sample import MAX_UPLOAD_BYTES, SampleUpload
from fleet_server.handlers.picture_heads import jpeg_size_px
from fleet_server.handlers.pictures import check_extent, check_known
from fleet_server.storage.fleet import FleetStore


class SampleFolder:
    """A folder of samples' images for each device: `DEVICE/SHA256.jpg`.

    For use from any thread of one process. Names are checked by who calls.

    Args:
        folder: The folder.
        kept: So many samples of a device, the latest, are kept.
    """

    def __init__(self, folder: Path, kept: int) -> None:
        self._folder, self.kept = folder, kept
        self.lock = threading.Lock()  # two samples may share an image: none goes while one comes

    def path(self, device: str, sha256: str) -> Path:
        """Where an image lies, if it is there."""
        return self._folder / device / f"{sha256}.jpg"


def take_sample(fleet: FleetStore, folder: SampleFolder, device: str, upload: SampleUpload) -> bool:
    """Takes a sample; returns whether it is new. The same one again changes nothing.

    Raises:
        InputError: The device is not known, or the image is not what is said of it.
        OSError: It cannot be written.
        StorageUnavailable: The database does not work at the moment.
    """
    check_known(fleet, device)
    sample, image = upload.sample, bytes(upload.jpeg)
    _check_image(image, (sample.width_px, sample.height_px))
    sha256 = sha256_of(image)
    with folder.lock:
        known = fleet.sample(device, sample.sample_id)
        if known is not None and known.sha256 != sha256:
            raise InputError(
                f"sample {sample.sample_id} is known with another image",
                "give the other sample an identity of its own",
                field="sample_id",
            )
        path = folder.path(device, sha256)
        if not path.exists():
            write_bytes(path, image)
        if known is not None:
            return False
        is_new = fleet.add_sample(device, sample, sha256)
        for unused in fleet.drop_oldest_samples(device, folder.kept):
            folder.path(device, unused).unlink(missing_ok=True)
    return is_new


def _check_image(image: bytes, said_px: tuple[int, int]) -> None:
    if len(image) > MAX_UPLOAD_BYTES:
        raise InputError(f"the image has more than {MAX_UPLOAD_BYTES} bytes", "send a smaller one")
    size_px = jpeg_size_px(image)
    if size_px is None:
        raise InputError("the image is no JPEG", "send a JPEG", field="jpeg")
    if size_px != said_px:
        raise InputError(
            f"the image has {_told(size_px)} pixels, and {_told(said_px)} is said",
            "say what it has",
            field="sample.width_px",
        )
    check_extent(size_px)


def _told(size_px: tuple[int, int]) -> str:
    return f"{size_px[0]}x{size_px[1]}"
