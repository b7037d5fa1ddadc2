"""When a device's turn to fetch a release comes. Pure."""

import hashlib

from beltmark.contract.messages import Desired


def wait_s(desired: Desired, *, is_here: bool) -> float:
    """How long a device waits before it begins to fetch, so that not all begin at once.

    A moment within the time that is given for it: another one for each device and each release,
    and the same one however often it is asked.

    Args:
        desired: What the device is to run.
        is_here: Whether it lies on the device already, as mostly after a recall: then it waits not.
    """
    if is_here:
        return 0.0
    digest = hashlib.sha256(f"{desired.device} {desired.release}".encode()).digest()
    share: float = int.from_bytes(digest[:8]) / 2**64
    return desired.spread_s * share
