"""The seven classes of the simulated world, and how an item of each is made."""

from collections.abc import Callable

import numpy as np

from beltmark.simulation.shapes.boxes import carton, pouch
from beltmark.simulation.shapes.foreign import foreign_object
from beltmark.simulation.shapes.lying import bottle, lying_can, lying_cup, tube
from beltmark.simulation.shapes.rounds import standing_can, standing_cup, upturned_cup
from beltmark.simulation.solid import Solid

Maker = Callable[[np.random.Generator], Solid]

NONE_OF_THESE = "none_of_these"

MAKERS: dict[str, tuple[Maker, ...]] = {
    "carton": (carton,),
    "tube": (tube,),
    "bottle": (bottle,),
    "can": (standing_can, lying_can),
    "pouch": (pouch,),
    "cup": (standing_cup, standing_cup, upturned_cup, lying_cup, lying_cup),
    NONE_OF_THESE: (foreign_object,),
}
"""By class name, in the order of the categories; each maker is as likely as the next."""

CLASS_NAMES = tuple(MAKERS)


def make_item(class_name: str, rng: np.random.Generator) -> Solid:
    """Make one item of a class of `CLASS_NAMES`."""
    makers = MAKERS[class_name]
    return makers[int(rng.integers(len(makers)))](rng)
