"""Which boxes an answer draws, with their labels and flags; what can be no box of COCO is refused.

Where the boxes are in pixels, and what becomes of them, is left to `importing`.
"""

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from beltmark.contract.documents import parse
from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.regions import Box
from beltmark.datasets.label_studio.tasks import Choices, Region, Work
from beltmark.datasets.label_studio.words import FLAGS, FLAGS_CONTROL, Number


class _BoxValue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    x: Number
    y: Number
    width: Number
    height: Number
    rotation: float = 0
    rectanglelabels: tuple[str, ...] = ()


@dataclass(frozen=True)
class DrawnBox:
    """A box as it was drawn.

    Attributes:
        region: What it was read from.
        where: What people find it by, such as `task 12, region ab3`.
        label: The one label it has.
        box_xywh_percent: Left, top, width, height, in percent of the image.
        flags: Which of `FLAGS` are set.
    """

    region: Region
    where: str
    label: str
    box_xywh_percent: Box
    flags: frozenset[str]


def drawn_boxes(
    work: Work, task_name: str, source: Path, ignored_controls: Set[str]
) -> list[DrawnBox]:
    """Returns the boxes of an answer, in its order.

    Raises:
        InputError: A region is turned, of another shape, without label or with several, or says
            something that COCO has no place for.
    """
    flags: dict[str, frozenset[str]] = {}
    drawn: list[tuple[Region, str, _BoxValue]] = []
    for index, region in enumerate(work.result):
        if region.from_name in ignored_controls:
            continue
        where = f"{task_name}, region {region.id or index}"
        if region.type == "rectanglelabels":
            drawn.append((region, where, _upright(region, where, source)))
        elif region.type == "choices" and region.from_name == FLAGS_CONTROL and region.id:
            flags[region.id] = _flags(region, where, source)
        else:
            raise _no_box(region, where, source)
    boxes = [
        DrawnBox(
            region,
            where,
            value.rectanglelabels[0],
            (value.x, value.y, value.width, value.height),
            flags.pop(region.id or "", frozenset()),
        )
        for region, where, value in drawn
    ]
    if flags:
        region_id, chosen = next(iter(flags.items()))
        raise InputError(
            f"{', '.join(sorted(chosen))}: said of no box (JSON-MIN doesn't tell of which)",
            f"export it as JSON, or pass such over with --ignore-controls {FLAGS_CONTROL}",
            file=source,
            field=f"{task_name}, region {region_id}",
        )
    return boxes


def _upright(region: Region, where: str, source: Path) -> _BoxValue:
    value = parse(region.value, _BoxValue, f"{source}: {where}")
    if len(value.rectanglelabels) != 1:
        given = ", ".join(value.rectanglelabels) or "none"
        raise InputError(
            f"needs one label, but has {given}", "choose one", file=source, field=where
        )
    if value.rotation % 360 or region.image_rotation % 360:
        turned = "the box" if value.rotation % 360 else "the image under it"
        raise InputError(
            f"{turned} is turned by {value.rotation % 360 or region.image_rotation:g} degrees; "
            "COCO's boxes are upright",
            "turn it back and draw an upright box around the item",
            file=source,
            field=where,
        )
    return value


def _flags(region: Region, where: str, source: Path) -> frozenset[str]:
    chosen = frozenset(parse(region.value, Choices, f"{source}: {where}").choices)
    if unknown := sorted(chosen - set(FLAGS)):
        raise InputError(
            f"{unknown[0]!r:.80} is no flag (known: {', '.join(FLAGS)})",
            "choose one of them, or make the project with `beltmark-label config`",
            file=source,
            field=where,
        )
    return chosen


def _no_box(region: Region, where: str, source: Path) -> InputError:
    if region.from_name is None:
        mend = f"remove the {region.type} in Label Studio"
    else:
        mend = (
            "draw a box, or pass it over with "
            f"beltmark-label from-tasks --ignore-controls {region.from_name}"
        )
    return InputError(
        f"{region.type!r:.80} is no box, and a COCO dataset of boxes has no place for it",
        mend,
        file=source,
        field=where,
    )
