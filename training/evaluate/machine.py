"""Asks where an evaluation runs: processor and versions."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from edge_agent.vision.processor import instruction_set
from training.evaluate.document import Machine
from training.evaluate.timing import usable_cores

_TELLING: Final = ("beltmark", "numpy", "onnxruntime", "opencv-python-headless", "scikit-learn")


def this_machine() -> Machine:
    """Describes this machine."""
    return Machine(
        instruction_set=instruction_set(),
        processor=_processor(),
        cores=usable_cores(),
        versions={name: _version(name) for name in _TELLING}
        | {"python": platform.python_version()},
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()[:200]
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
