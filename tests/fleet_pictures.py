"""Pictures for the fleet's tests: their heads are true, what follows is not."""

import struct


def jpeg(width_px: int = 64, height_px: int = 48, more: bytes = b"") -> bytes:
    """The head of a baseline JPEG."""
    app = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    tables = b"\xff\xc4\x00\x05\x00\x00\x00"  # Huffman tables: no start of a frame
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height_px, width_px) + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + app + tables + frame + more + b"\xff\xd9"


def png(width_px: int = 64, height_px: int = 48, more: bytes = b"") -> bytes:
    """The head of a PNG."""
    head = struct.pack(">II", width_px, height_px) + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + head + b"\0\0\0\0" + more
