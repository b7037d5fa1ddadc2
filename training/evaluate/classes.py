"""How a dataset's classes stand to a model's: matched by name, whatever their order. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.model_names import model_name

UNKNOWN: Final = -2
"""Stands for the class of an object that the model does not know."""


@dataclass(frozen=True)
class ClassMatch:
    """What a model knows of a dataset's classes.

    Attributes:
        indices: For each class of the dataset the model's index, or `UNKNOWN`.
        unknown: Names that only the dataset has: products that the model was never shown.
        absent: Names that only the model has.
        none_index: The model's class that means none of these, if it has one.
    """

    indices: tuple[int, ...]
    unknown: tuple[str, ...]
    absent: tuple[str, ...]
    none_index: int | None = None

    def label_of(self, class_index: int) -> int:
        """Returns the label by which a class of the dataset is judged.

        To a model with a class that means none of these, a product that it does not know is that.
        """
        index = self.indices[class_index]
        return self.none_index if index == UNKNOWN and self.none_index is not None else index


def match_classes(
    dataset: Dataset, classes: Sequence[str], none_of_these: str | None, *, may_differ: bool = False
) -> ClassMatch:
    """Matches a dataset's class names with a model's, as they are or as a model calls them.

    Args:
        dataset: What is evaluated on.
        classes: The model's, in order.
        none_of_these: The class among them that means this, if there is one.
        may_differ: Having no class in common is what is wanted, not a mistake.

    Raises:
        InputError: They have no class in common.
    """
    places = {name: index for index, name in enumerate(classes)}
    called = [name if name in places else model_name(name) for name in dataset.class_names]
    indices = tuple(places.get(name, UNKNOWN) for name in called)
    if all(index == UNKNOWN for index in indices) and not may_differ:
        raise InputError(
            f"has classes {_listed(dataset.class_names)}, but the model knows {_listed(classes)}",
            "evaluate on classes that it was trained for, or give the data as --unknown",
            file=dataset.path,
            field="categories",
        )
    return ClassMatch(
        indices,
        tuple(name for name, index in zip(dataset.class_names, indices, strict=True) if index < 0),
        tuple(name for name in classes if name not in called),
        None if none_of_these is None else places[none_of_these],
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
