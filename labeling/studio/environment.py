"""Makes the environment that Label Studio runs in: its own, as its libraries are not ours."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from beltmark.contract.documents import read_bytes, sha256_of, write_bytes
from beltmark.contract.errors import InputError
from labeling.studio.wire import one_line

REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
_READY: Final = "ready"
_LIMIT_S: Final = 1800.0


def ensure_environment(folder: Path, tell: Callable[[str], None]) -> Path:
    """Makes the environment unless it is there; returns Label Studio's executable.

    One that was left half-made, or is of other versions, is completed.

    Args:
        folder: Of the environment.
        tell: Is told what takes its time.

    Raises:
        InputError: Python's venv or the package index could not do it.
    """
    executable = folder / "bin" / "label-studio"
    mark, wanted = folder / _READY, sha256_of(read_bytes(REQUIREMENTS)).encode()
    if executable.exists() and mark.exists() and read_bytes(mark).strip() == wanted:
        return executable
    tell(f"installing Label Studio into {folder} (a few minutes, once)")
    _run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", "--requirement", str(REQUIREMENTS)])
    write_bytes(mark, wanted)
    return executable


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_LIMIT_S)
    except (subprocess.SubprocessError, OSError) as error:
        told = getattr(error, "stderr", None) or str(error).encode()
        last = told.decode(errors="replace").strip().splitlines()[-1:]
        raise InputError(
            f"Label Studio could not be installed: {one_line(' '.join(last))}",
            "is there a network? or install it yourself and `beltmark-label connect` to it",
        ) from None
