"""What a dataset's classes are to be called in a snapshot; classes may become one."""

from collections.abc import Collection, Mapping
from os import PathLike
from pathlib import Path

from beltmark.contract.documents import Document, read_document
from beltmark.contract.errors import InputError
from beltmark.datasets.snapshots.rows import Text


class ClassMap(Document):
    """A TOML file with a table `[classes]`: what a class is called here, for what it was called."""

    classes: dict[Text, Text]


def read_class_map(path: Path) -> Mapping[str, str]:
    """Reads a mapping file.

    Raises:
        InputError: It is missing or malformed, or a name is empty.
    """
    found = read_document(path, ClassMap).classes
    for old, new in found.items():
        if not new.strip():
            raise InputError("is empty", "give the class a name", file=path, field=f"classes.{old}")
    return found


def class_names_of(
    class_names: Collection[str], class_of: Mapping[str, str] | None, file: str | PathLike[str]
) -> dict[str, str]:
    """Returns what each class is to be called.

    Args:
        class_names: The dataset's.
        class_of: The mapping, which must know them all; None: they keep their names.
        file: What to name where it does not.

    Raises:
        InputError: Classes are not mapped; names them.
    """
    if class_of is None:
        return {name: name for name in class_names}
    unmapped = [name for name in class_names if name not in class_of]
    if unmapped:
        raise InputError(
            f"has classes that the mapping does not know: {', '.join(unmapped)}",
            "add them to [classes] of the mapping file, to their own name if they keep it",
            file=file,
        )
    return {name: class_of[name] for name in class_names}
