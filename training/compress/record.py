"""What was tried to make a model int8, what each try gave, and which one ships."""

from beltmark.contract.documents import Document
from training.evaluate.section import Cell, Section, Table

FILE = "compression.json"
SHOWN_UNITS = 20


class Try(Document):
    """One int8 model.

    Attributes:
        name: How it was made.
        merit: The leading measure on the images to choose by, 0..1.
        closeness_db: Signal over noise of its answers, against fp32's.
        float_share: Share of the multiplications that stay fp32, besides the last layers.
    """

    name: str
    merit: float
    closeness_db: float
    float_share: float = 0.0


class HarmedUnit(Document):
    """What int8 does to a part of the model.

    Attributes:
        name: Of the part.
        alone_db: Signal over noise of the answers where it alone is int8.
        share: Of all multiplications.
    """

    name: str
    alone_db: float
    share: float


class CompressionRecord(Document):
    """How a model became int8.

    Attributes:
        measure: What merit counts.
        images: On how many.
        fp32: What the model reaches before.
        tolerance_points: What it may lose.
        tries: In the order in which they were made.
        taken: Name of the one that ships.
        harmed: The model's parts, the most harmed first, where that was looked at.
    """

    measure: str
    images: int
    fp32: float
    tolerance_points: float
    tries: tuple[Try, ...]
    taken: str
    harmed: tuple[HarmedUnit, ...] = ()


def section_of(record: CompressionRecord) -> Section:
    """Returns a page's section about it."""
    taken = next(each for each in record.tries if each.name == record.taken)
    lost = 100 * (record.fp32 - taken.merit)
    told = [
        f"{record.taken} ships: {record.measure} {taken.merit:.4f} on the {record.images} "
        f"images to choose by, fp32 {record.fp32:.4f}: {lost:.2f} points lost."
    ]
    if lost > record.tolerance_points:
        told.append(f"MORE LOST than the {record.tolerance_points:g} points that are allowed.")
    header = ("int8", record.measure, "points lost", "signal over noise, dB", "share in fp32")
    rows: list[tuple[Cell, ...]] = [
        (
            each.name + (" (taken)" if each.name == record.taken else ""),
            round(each.merit, 4),
            round(100 * (record.fp32 - each.merit), 2),
            round(each.closeness_db, 1),
            round(each.float_share, 3),
        )
        for each in record.tries
    ]
    tables = [Table("What was tried", header, rows)]
    if record.harmed:
        tables.append(
            Table(
                "The most harmed parts",
                ("part", "signal over noise with it alone in int8, dB", "share of multiplications"),
                [
                    (each.name, round(each.alone_db, 1), round(each.share, 4))
                    for each in record.harmed[:SHOWN_UNITS]
                ],
            )
        )
    return Section("quantisation", "How it became int8", tuple(told), {}, tuple(tables))
