"""Judges pictures by what a session has already: is it sharp, is it another one?

By the measures of `datasets.checks`, so that what is kept here is no finding there. Nothing is
asked of a clock or a camera: the same pictures in the same order are judged alike.
"""

from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beltmark.datasets.checks.alike import most_alike
from beltmark.datasets.checks.looks import BLURRED, BRIGHT_LEVEL, DARK_LEVEL, LOW_ENTROPY_BITS
from beltmark.datasets.checks.pixels import Pixels, measure
from beltmark.datasets.images import decode_image

BLURRIER: Final = 0.12
"""Above the session's median, a picture is blurred, though others might not be so. One camera's
sharp pictures lie within 0.05 of it, those of an item that moves by 15 pixels mostly 0.15 above."""

_KNOWS_FROM: Final = 8
"""So many pictures tell what is usual."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What a picture is like.

    Attributes:
        jpeg: The file that would be kept of it.
        pixels: Its measures.
        is_blurred: It is not sharp.
        alike: Number, in the order of the session, of a picture that it is nearly the same as.
        light: What is wrong with the light, for people; empty if nothing.
    """

    jpeg: bytes
    pixels: Pixels
    is_blurred: bool
    alike: int | None
    light: str


class Judge:
    """Knows the pictures that a session has. For use from one thread at a time."""

    def __init__(self) -> None:
        self._kept: list[Pixels | None] = []
        self._hashes = np.zeros((0, 2, 2), np.uint64)

    def judge(self, jpeg: bytes) -> Judged:
        """Judges a picture, given the file that would be kept of it."""
        pixels = measure(_decoded(jpeg))
        known = [each.blur for each in self._kept if each is not None]
        limit = min(BLURRED, median(known) + BLURRIER) if len(known) >= _KNOWS_FROM else BLURRED
        # As in the checks: what shows nothing at all is not called blurred.
        is_blurred = pixels.entropy_bits >= LOW_ENTROPY_BITS and pixels.blur > limit
        places = [place for place, each in enumerate(self._kept) if each is not None]
        found = most_alike(pixels, self._hashes[places], lambda index: self._look(places[index]))
        return Judged(
            jpeg, pixels, is_blurred, None if found is None else places[found], _light(pixels)
        )

    def take(self, judged: Judged) -> None:
        """Notes that a picture is kept."""
        self._grow(judged.pixels)

    def know(self, jpeg: bytes) -> None:
        """Notes a picture that was kept earlier."""
        self._grow(measure(_decoded(jpeg)))

    def drop(self, number: int) -> None:
        """Notes that a picture is kept no more; the others keep their numbers."""
        self._kept[number] = None

    def _grow(self, pixels: Pixels) -> None:
        count = len(self._kept)
        if count == len(self._hashes):
            grown = np.zeros((max(64, 2 * count), 2, 2), np.uint64)
            grown[:count] = self._hashes
            self._hashes = grown
        self._hashes[count] = pixels.hashes
        self._kept.append(pixels)

    def _look(self, number: int) -> NDArray[np.uint8]:
        pixels = self._kept[number]
        assert pixels is not None
        return pixels.look


def _light(pixels: Pixels) -> str:
    if pixels.dark_level < DARK_LEVEL:
        return "it is dark: even the lightest parts are"
    if pixels.bright_level > BRIGHT_LEVEL:
        return "it is too bright: nearly all of it is white"
    return ""


def _decoded(jpeg: bytes) -> NDArray[np.uint8]:
    decoded = decode_image(jpeg)
    assert decoded is not None, "a file of our own"
    return decoded
