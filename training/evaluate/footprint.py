"""Loads a package, looks at one image, and prints how many bytes of memory that took at most.

    python -m training.evaluate.footprint PACKAGE IMAGE

It is a process of its own, as a station's is, and loads what a station's detector loads.
"""

import resource
import sys
from pathlib import Path

import cv2
import numpy as np

from beltmark.contract.package import load_package
from edge_agent.vision.detector import Detector

LOOKS = 3


def main(package: Path, image: Path) -> int:
    """Prints the peak in bytes."""
    picture = cv2.imread(str(image))
    if picture is None:
        return 1
    detector = Detector(load_package(package))
    for _ in range(LOOKS):
        detector.detect(np.asarray(picture, np.uint8))
    print(peak_bytes())
    return 0


def peak_bytes() -> int:
    """Peak resident memory of this process.

    Linux hands the parent's peak down in `getrusage`; its status file tells this program's own.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
