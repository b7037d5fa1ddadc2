"""What light, lens and belt do to pictures, in five strengths each; boxes follow. Pure.

After Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions",
ICLR 2019, with what happens at a belt. Strengths are relative to the picture, not to its pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.evaluate.matching import Truth

Image = NDArray[np.uint8]
"""uint8 [H, W, 3], 0..255, BGR."""

STRENGTHS = (1, 2, 3, 4, 5)
LEAST_INSIDE = 0.5
"""An object of which less of the box is left inside the picture is not judged."""


@dataclass(frozen=True)
class Corruption:
    """A way in which pictures get worse.

    Attributes:
        name: Lower case with underscores.
        title: For people.
        unit: What an amount counts.
        amounts: For each strength.
        apply: Gives picture and truth for an amount; chance is an argument.
    """

    name: str
    title: str
    unit: str
    amounts: tuple[float, float, float, float, float]
    apply: Callable[[Image, Truth, float, np.random.Generator], tuple[Image, Truth]]

    def told(self, strength: int) -> str:
        """A strength in words."""
        return f"{self.amounts[strength - 1]:g} {self.unit}"


def corrupted(
    corruption: Corruption, strength: int, image: Image, truth: Truth, seed: tuple[int, ...]
) -> tuple[Image, Truth]:
    """Makes a picture worse.

    Args:
        corruption: How.
        strength: 1 to 5. Directions are the same for all strengths of a seed.
        image: The picture; is left as it is.
        truth: What is in it.
        seed: Start of all chance.
    """
    rng = np.random.default_rng(seed)
    return corruption.apply(image, truth, corruption.amounts[strength - 1], rng)


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


def _exposed(image: NDArray[Any]) -> Image:
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def _longer_px(image: Image) -> int:
    return max(image.shape[:2])


def _brightness(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    return _exposed(image.astype(np.float32) * amount ** _sign(rng)), truth


def _contrast(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    mean = image.mean(axis=(0, 1), keepdims=True)
    return _exposed((image - mean) * amount + mean), truth


def _blur(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    sigma_px = amount / 100 * _longer_px(image)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.uint8), truth


def _motion_blur(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    half_px = max(1, round(amount / 200 * _longer_px(image)))
    angle = rng.uniform(0, np.pi)
    size = 2 * half_px + 1
    kernel = np.zeros((size, size), np.float32)
    dx, dy = half_px * np.cos(angle), half_px * np.sin(angle)
    ends = [(round(half_px + s * dx), round(half_px + s * dy)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    kernel /= kernel.sum()
    return np.asarray(cv2.filter2D(image, -1, kernel), np.uint8), truth


def _noise(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    return _exposed(image + rng.normal(0, amount, image.shape).astype(np.float32)), truth


def _jpeg(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    _, content = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, round(amount)))
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8), truth


def _white_balance(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    warmer = amount ** _sign(rng)
    return _exposed(image * np.array((1 / warmer, 1, warmer), np.float32)), truth


def _occlusion(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    """Hides a share of each object, or of the picture, from one side, behind something flat."""
    image, share = image.copy(), amount / 100
    colour = rng.integers(40, 216, 3)
    height, width = image.shape[:2]
    whole = np.array([(0, 0, width, height)], np.float32)
    for box in whole if truth.is_whole else truth.boxes:
        side = int(rng.integers(4))
        opposite = (side + 2) % 4
        hidden = box.copy()
        hidden[opposite] = box[side] + share * (box[opposite] - box[side])
        left, top, right, bottom = np.rint(hidden).astype(int)
        image[top:bottom, left:right] = colour
    return image, truth


def _rotation(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    return _moved(image, truth, amount * _sign(rng), 1.0)


def _zoom(
    image: Image, truth: Truth, amount: float, rng: np.random.Generator
) -> tuple[Image, Truth]:
    return _moved(image, truth, 0.0, amount ** _sign(rng))


def _moved(image: Image, truth: Truth, angle_deg: float, scale: float) -> tuple[Image, Truth]:
    """Turns and scales a picture about its middle; what comes in is of the border's colour."""
    height, width = image.shape[:2]
    # Pixels are areas: their corners, which boxes count by, lie half a pixel from their middles.
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, angle_deg, scale)
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    moved = cv2.warpAffine(
        image,
        matrix,
        (width, height),
        borderValue=np.median(border, axis=0).tolist(),
    )
    turn = np.asarray(matrix[:, :2])
    about = np.array((width / 2, height / 2))
    boxes = _moved_boxes(truth.boxes, turn, about)
    limit = np.array((width, height) * 2, np.float32)
    inside = np.clip(boxes, 0, limit)
    area, left = (np.clip(b[:, 2:] - b[:, :2], 0, None).prod(axis=1) for b in (boxes, inside))
    stays = left >= LEAST_INSIDE * np.maximum(area, 1e-6)
    ignored = np.concatenate([_moved_boxes(truth.ignored, turn, about), inside[~stays]])
    unknown = None if truth.unknown is None else truth.unknown[stays]
    left_over = replace(
        truth, boxes=inside[stays], labels=truth.labels[stays], ignored=ignored, unknown=unknown
    )
    return np.asarray(moved, np.uint8), left_over


def _moved_boxes(
    boxes: NDArray[np.float32], turn: NDArray[Any], about: NDArray[Any]
) -> NDArray[np.float32]:
    """Boxes around objects that were turned, float32 [N, 4].

    An object's own outline is not known: its tight box lies between that of an ellipse and that of
    a rectangle that fill the old box. The middle between these is off by little for either.
    """
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2 - about
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2
    middles = middles @ turn.T + about
    of_rectangle = halves @ np.abs(turn).T
    of_ellipse = np.sqrt(halves**2 @ (turn**2).T)
    halves = (of_rectangle + of_ellipse) / 2
    return np.hstack([middles - halves, middles + halves]).astype(np.float32)


CORRUPTIONS: tuple[Corruption, ...] = (
    Corruption("brightness", "Brightness", "times", (1.2, 1.45, 1.75, 2.1, 2.6), _brightness),
    Corruption("contrast", "Contrast", "of what it was", (0.75, 0.55, 0.4, 0.28, 0.18), _contrast),
    Corruption("blur", "Blur", "% of the longer side", (0.15, 0.3, 0.45, 0.65, 0.9), _blur),
    Corruption(
        "motion_blur", "Motion blur", "% of the longer side", (1, 2, 3, 4.5, 6.5), _motion_blur
    ),
    Corruption("noise", "Noise", "grey levels", (6, 12, 20, 30, 45), _noise),
    Corruption("jpeg", "JPEG", "of quality", (40, 25, 15, 9, 5), _jpeg),
    Corruption(
        "white_balance", "White balance", "times", (1.1, 1.2, 1.35, 1.5, 1.75), _white_balance
    ),
    Corruption("occlusion", "Occlusion", "% of each object", (10, 20, 30, 40, 50), _occlusion),
    Corruption("rotation", "Rotation", "degrees", (5, 10, 15, 20, 30), _rotation),
    Corruption("zoom", "Zoom", "times", (1.1, 1.25, 1.45, 1.7, 2.0), _zoom),
)
