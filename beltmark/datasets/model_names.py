"""What a model calls a dataset's classes: lower case letters, digits, `-` and `_`. Pure.

Folders and lists name classes as people do; catalogue, messages and metrics need plain names.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset

MAX_LENGTH: Final = 64
_FIT: Final = re.compile(r"[a-z0-9][a-z0-9_\-]{0,63}")


def model_name(name: str) -> str:
    """Returns what a model calls a class, such as `fruit_golden-delicious`; may be empty.

    Accents are left out, as `creme-fraiche`; of a long name the end is kept, as the way to a folder
    ends with what matters. A name that is plain already stays as it is.
    """
    if _FIT.fullmatch(name):
        return name
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    joined = re.sub(r"[^a-z0-9_\-]+", "_", plain).strip("_-")
    return joined[-MAX_LENGTH:].lstrip("_-")


def model_names(names: Iterable[str], file: Path) -> dict[str, str]:
    """Returns what a model calls each class.

    Args:
        names: The dataset's.
        file: For messages.

    Raises:
        InputError: Nothing is left of a name, or two become the same.
    """
    called: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name in names:
        plain = model_name(name)
        if not plain:
            raise InputError(
                f"class {name!r:.80} has no letter a to z and no digit in its name",
                "rename it: catalogues and models name classes by these",
                file=file,
            )
        if plain in owners:
            raise InputError(
                f"classes {owners[plain]!r:.80} and {name!r:.80} would both be called {plain!r}",
                "rename one, or make one class of them",
                file=file,
            )
        owners[plain], called[name] = name, plain
    return called


def with_model_names(dataset: Dataset) -> Dataset:
    """Returns the dataset with its classes called as a model calls them.

    Raises:
        InputError: Nothing is left of a name, or two become the same.
    """
    called = model_names(dataset.class_names, dataset.path)
    return replace(dataset, class_names=tuple(called.values()))
