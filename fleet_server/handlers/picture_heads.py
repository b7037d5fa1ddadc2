"""Reads what the heads of JPEG and PNG files say. Pure; no picture is decoded here, ever."""

from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
# Start of frame: baseline, extended, progressive and their rarer kin; C4, C8 and CC are others.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_START_OF_SCAN: Final = 0xDA


def jpeg_size_px(content: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG by its head; None if it is none."""
    if not content.startswith(_JPEG):
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in _FRAMES:
            height, width = (int.from_bytes(content[at + i : at + i + 2], "big") for i in (5, 7))
            return (width, height) if width and height else None
        if marker == _START_OF_SCAN:
            return None
        length = 0 if marker in _BARE else int.from_bytes(content[at + 2 : at + 4], "big")
        at += 2 + length
    return None


def png_size_px(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG by its head; None if it is none."""
    if not content.startswith(_PNG) or content[12:16] != b"IHDR" or len(content) < 24:
        return None
    width, height = int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    return (width, height) if width and height else None
