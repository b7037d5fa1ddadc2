"""Names what a processor can do: int8 results differ between instruction sets."""

import platform
from pathlib import Path

_KNOWN = ("avx512_vnni", "avx_vnni", "avx512f", "avx2", "i8mm", "asimddp", "asimd")
"""Widest first."""


def instruction_set() -> str:
    """Returns the processor's family and its widest integer instructions: x86_64-avx512_vnni."""
    flags = _flags()
    found = next((name for name in _KNOWN if name in flags), "generic")
    return f"{platform.machine()}-{found}"


def has_instructions(*names: str) -> bool:
    """Whether the processor has one of these, named as Linux names them."""
    return not _flags().isdisjoint(names)


def _flags() -> frozenset[str]:
    try:
        return frozenset(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return frozenset()
