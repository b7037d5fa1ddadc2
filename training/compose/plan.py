"""What to compose: enough to make any picture on its own."""

from dataclasses import asdict, dataclass

from training.compose.painting import BLENDS, Blend

MAX_PIXELS = 4096 * 4096


@dataclass(frozen=True)
class ComposePlan:
    """How pictures are composed.

    Attributes:
        images: How many.
        seed: Start of all chance.
        width_px: Width of a picture.
        height_px: Height of a picture.
        size_share: Longer side of a product as a share of the picture's width, from and to; drawn
            once per picture, as a camera's height is.
        view_mm: Instead: how many mm the picture's width shows, from and to, for products whose
            size is known.
        most_items: At most so many products in a picture.
        crowded_share: Share of pictures in which products touch or cover each other.
        thing_share: Share of pictures with things that are no products.
        blends: How edges are blended; one is drawn for each product.
    """

    images: int
    seed: int
    width_px: int = 480
    height_px: int = 320
    size_share: tuple[float, float] = (0.1, 0.35)
    view_mm: tuple[float, float] | None = None
    most_items: int = 7
    crowded_share: float = 0.5
    thing_share: float = 0.5
    blends: tuple[Blend, ...] = BLENDS

    @property
    def identity(self) -> str:
        """Names all that a picture depends on, but how many there are."""
        return repr({name: value for name, value in asdict(self).items() if name != "images"})
