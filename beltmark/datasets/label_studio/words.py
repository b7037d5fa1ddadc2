"""The names by which Label Studio's regions and ours know each other.

The label configuration is made of them in the labeling part; what they mean in an answer is judged
in `drawn` and `importing`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.regions import MAX_COORDINATE

Row = dict[str, Any]
"""A row of a COCO file, with all that other tools added."""

Category = dict[str, Any]
"""A row of COCO's `categories`: `id`, `name`, and what other tools added."""

Number = Annotated[int | float, Field(ge=-MAX_COORDINATE, le=MAX_COORDINATE)]
"""A coordinate; a whole number stays one."""

IMAGE: Final = "image"
"""Name of the image, and the field of a task's data that holds its address."""

LABEL: Final = "label"
"""Name of the control that says of which class a box is."""

FLAGS_CONTROL: Final = "flags"
"""Name of the control that says more of a box."""

FLAGS: Final = ("truncated", "blurred", "uncertain")
"""What can be true of a box; each is a field of the COCO annotation of the same name."""

NONE_OF_THESE: Final = "none_of_these"
"""The class of what is no product. Always to choose; an ordinary class of the dataset."""

UNSURE: Final = "unsure"
"""The label of a region in which nothing is judged: COCO's `ignore`. It is no class."""

PERCENT_FIELD: Final = "label_studio_percent"
"""Field of an annotation: the percents that were drawn, where its pixels don't give them back."""


def numbered(names: Iterable[str]) -> list[Category]:
    """Returns categories of these names, each once, with ids from 1 in their order."""
    return [{"id": k + 1, "name": name} for k, name in enumerate(dict.fromkeys(names))]


def check_distinct(categories: Iterable[Category], path: Path) -> None:
    """Makes sure that no id and no name is given twice.

    Raises:
        InputError: Names the one that is.
    """
    seen: set[tuple[str, Any]] = set()
    for index, row in enumerate(categories):
        for key in ("id", "name"):
            if (key, row[key]) in seen:
                raise InputError(
                    f"{row[key]!r:.80} is given twice",
                    "give each category its own id and name",
                    file=path,
                    field=f"categories[{index}].{key}",
                )
            seen.add((key, row[key]))
