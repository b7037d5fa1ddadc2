"""Which items come down the belt, in which order and pose, all from a seed.

Leaves when they come to `belt` and how they look to `raymarch`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from beltmark.contract.catalogue import Product
from beltmark.simulation.light import Light
from beltmark.simulation.raymarch import Posed
from beltmark.simulation.shapes.families import CLASS_NAMES, NONE_OF_THESE, make_item

PITCH_S = (1.6, 2.4)
"""Time between two items' middles at the belt's speed; longer where they would come too close."""


@dataclass(frozen=True, eq=False)
class Goods:
    """An item before it enters.

    Attributes:
        class_name: Its shape.
        product: What it is; None for a foreign object.
        posed: Its form, turned and lit.
        y_mm: Place across the belt.
        pitch_s: Time at the belt's speed since the middle of the item before.
    """

    class_name: str
    product: Product | None
    posed: Posed
    y_mm: float
    pitch_s: float

    @property
    def half_length_mm(self) -> float:
        """Half its extent along the travel."""
        return self.posed.reach_mm[0]


def supply(
    seed: int,
    products: Sequence[Product],
    light: Light,
    *,
    half_width_mm: float,
    foreign_share: float = 0.12,
) -> Iterator[Goods]:
    """Give items without end; the n-th depends on nothing but the seed and n.

    Args:
        seed: Start of all chance.
        products: What may come; each is as likely as the next. Products of a shape that the
            simulation cannot make are left out.
        light: The station's light.
        half_width_mm: Half the room across the belt.
        foreign_share: Share of foreign objects, 0..1.
    """
    makeable = [
        p for p in products if p.class_name in CLASS_NAMES and p.class_name != NONE_OF_THESE
    ]
    index = 0
    while True:
        rng = np.random.default_rng([seed, index])
        foreign = not makeable or rng.uniform() < foreign_share
        product = None if foreign else makeable[int(rng.integers(len(makeable)))]
        class_name = product.class_name if product else NONE_OF_THESE
        posed = Posed(make_item(class_name, rng), float(rng.uniform(0, 2 * np.pi)), light)
        room = max(min(half_width_mm - posed.reach_mm[1] - 10.0, 45.0), 0.0)
        yield Goods(
            class_name=class_name,
            product=product,
            posed=posed,
            y_mm=float(rng.uniform(-room, room)),
            pitch_s=float(rng.uniform(*PITCH_S)),
        )
        index += 1
