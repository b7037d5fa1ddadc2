"""Lets a package's detector look at image files, one by one, and describes the images by the way.

No image stays in memory; what was seen before is taken from a cache, where there is one.
"""

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.package import ModelPackage
from beltmark.datasets.dataset import LabelledImage
from beltmark.datasets.images import MAX_IMAGE_BYTES, decode_as_told
from edge_agent.vision.detector import Detection, Detector
from training.evaluate.cache import Look, LookCache, key_prefix
from training.evaluate.matching import Found


def look_at(
    package: ModelPackage,
    images: Iterable[LabelledImage],
    cache: LookCache | None = None,
    on_image: Callable[[], None] = lambda: None,
) -> Iterator[Look]:
    """Yields what the package's model sees in each image.

    Args:
        package: Whose model looks.
        images: The image files.
        cache: What was seen before.
        on_image: Called after each.

    Raises:
        InputError: The model, or an image, cannot be used.
    """
    detector = Detector(package)
    prefix = key_prefix(package) if cache else ""
    for image in images:
        content = read_bytes(image.path, limit=MAX_IMAGE_BYTES)
        key = ""
        look = None
        if cache:
            key = f"{prefix}-{sha256_of(content)}"
            look = cache.get(key)
        if look is None or look.size_px != (image.width_px, image.height_px):
            look = _look(detector, decode_as_told(content, image))
            if cache:
                cache.put(key, look)
        yield look
        on_image()


def found_of(detections: Iterable[Detection], threshold: float = 0.0) -> Found:
    """Returns the detections from the threshold on as arrays."""
    kept = [each for each in detections if each.score >= threshold]
    return Found(
        np.array([d.box_xyxy_px for d in kept], np.float32).reshape(-1, 4),
        np.array([d.class_index for d in kept], np.int64),
        np.array([d.score for d in kept], np.float32),
    )


def _look(detector: Detector, picture: NDArray[np.uint8]) -> Look:
    detections = detector.detect(picture)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    return Look(
        np.array([d.box_xyxy_px for d in detections], np.float32).reshape(-1, 4),
        np.array([d.class_scores for d in detections], np.float32).reshape(
            -1, len(detector.classes)
        ),
        (picture.shape[1], picture.shape[0]),
        float(grey.mean()),
        float(cv2.Laplacian(grey, cv2.CV_64F).var()),
    )
