"""Lets simulated belts pass a package's detector, and records what it saw.

The belt stands until the station knows that nothing was there before, and runs until it is empty:
every item passes whole. What a station makes of it is left to `items_replay`.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.catalogue import Catalogue
from beltmark.simulation.scene import Picture
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan
from edge_agent.station.detected import Detected
from training.evaluate.items import TrueItem
from training.evaluate.items_recording import RecordedFrame, Recording, true_ids_of

FPS = 15.0
STANDS_S = 1.0
_NO_REGION = np.zeros((0, 4), np.float32)


class Looking(Protocol):
    """Whatever finds objects in pictures, as the edge's detector does."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the C classes."""
        ...

    def detect(self, image_bgr: NDArray[np.uint8]) -> Sequence[Detected]:
        """Finds the objects in one image, uint8 [H, W, 3] 0..255 BGR."""
        ...


@dataclass(frozen=True)
class SimulatedBelt:
    """A belt to let pass; implements `items_sources.Source`.

    Attributes:
        catalogue: The products that come.
        seed: Start of all chance.
        seconds: For how long goods are laid onto it.
    """

    catalogue: Catalogue
    seed: int
    seconds: float

    @property
    def name(self) -> str:
        """Name for people."""
        return f"belt {self.seed}"

    @property
    def group(self) -> str:
        """Each belt is a scene of its own."""
        return self.name

    @property
    def identity(self) -> dict[str, object]:
        """What decides how it looks."""
        goods = [[product.sku, product.class_name] for product in self.catalogue.products]
        return {"belt": self.seed, "seconds": float(self.seconds), "fps": FPS, "goods": goods}

    def record(self, detector: Looking) -> Recording:
        """Lets it pass."""
        world = self._world()
        frames = tuple(
            _frame(detector, picture, at_s) for at_s, picture in _pictures(world, self.seconds)
        )
        seen = {int(item) for frame in frames for item in frame.item_ids}
        view = world.plan.view
        return Recording(
            self.name,
            self.group,
            view.width_px,
            view.height_px,
            "right",
            frames,
            tuple(
                TrueItem(
                    item.item_id,
                    item.class_name,
                    () if item.product is None else (item.product.sku,),
                    is_due=item.left_at_s is not None,
                )
                for item in world.belt.items
                if item.item_id in seen
            ),
        )

    def pictures(self, wanted: Collection[int]) -> dict[int, NDArray[np.uint8]]:
        """Renders frames anew, each uint8 [height, width, 3] BGR, by their index."""
        found: dict[int, NDArray[np.uint8]] = {}
        last = max(wanted, default=-1)
        for index, (_, picture) in enumerate(_pictures(self._world(), self.seconds)):
            if index > last:
                break
            if index in wanted:
                found[index] = picture.image_bgr
        return found

    def _world(self) -> World:
        return World(WorldPlan(seed=self.seed, products=self.catalogue.products))


def _pictures(world: World, seconds: float) -> Iterator[tuple[float, Picture]]:
    for index in count():
        at_s = index / FPS
        if at_s >= STANDS_S + seconds:
            world.belt.stop_feeding()
        yield at_s, world.step(at_s, permitted=at_s > STANDS_S)
        if world.belt.is_empty:
            return


def _frame(detector: Looking, picture: Picture, at_s: float) -> RecordedFrame:
    item_ids = np.array([item.item_id for item in picture.seen], np.int64)
    item_boxes = np.array([i.box_xyxy_px for i in picture.seen], np.float32).reshape(-1, 4)
    return observed(
        detector,
        picture.image_bgr,
        at_s,
        item_ids=item_ids,
        item_boxes=item_boxes,
        ignored=_NO_REGION,
    )


def observed(
    detector: Looking,
    image_bgr: NDArray[np.uint8],
    at_s: float,
    *,
    item_ids: NDArray[np.int64],
    item_boxes: NDArray[np.float32],
    ignored: NDArray[np.float32],
) -> RecordedFrame:
    """Records what the detector sees in one image.

    Args:
        detector: Whose model looks.
        image_bgr: uint8 [height, width, 3], BGR.
        at_s: When it was captured.
        item_ids: int64 [M], the items in it.
        item_boxes: float32 [M, 4], where they are.
        ignored: float32 [R, 4], regions in which nothing is judged.
    """
    detections = detector.detect(image_bgr)
    boxes = np.array([d.box_xyxy_px for d in detections], np.float32).reshape(-1, 4)
    classes = len(detector.classes)
    return RecordedFrame(
        at_s,
        boxes,
        np.array([d.score for d in detections], np.float32),
        np.array([d.class_scores for d in detections], np.float32).reshape(-1, classes),
        true_ids_of(boxes, item_ids, item_boxes, ignored),
        item_ids,
        item_boxes,
    )
