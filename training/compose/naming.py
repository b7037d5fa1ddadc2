"""Names that a package can have for classes, made of a dataset's own. Pure."""

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from beltmark.contract.errors import InputError
from beltmark.contract.package import ClassName

_CLASS_NAME: Final = TypeAdapter(ClassName)


def package_names(names: Collection[str], file: Path) -> dict[str, str]:
    """Returns what each class is called in a package: `Coca-Cola Zéro` is `coca-cola_zero`.

    A name that a package can have stays as it is. In others accents fall, letters become small, and
    what is neither letter, digit, `-` nor `_` becomes `_`.

    Args:
        names: The dataset's.
        file: For messages.

    Raises:
        InputError: Nothing is left of a name, it is too long, or two become one; names them.
    """
    found: dict[str, str] = {}
    for name in names:
        made = name if _is_fit(name) else _made_of(name)
        if not _is_fit(made):
            raise InputError(
                f"class {name!r:.200} gives no name that a package can have",
                "rename it: 1 to 64 of a-z, 0-9, '-' and '_', a letter or digit first",
                file=file,
            )
        twin = next((other for other, taken in found.items() if taken == made), None)
        if twin is not None:
            raise InputError(
                f"classes {twin!r:.100} and {name!r:.100} would both be {made} in a package",
                "rename one, or make one class of them",
                file=file,
            )
        found[name] = made
    return found


def _is_fit(name: str) -> bool:
    try:
        _CLASS_NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def _made_of(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_-]+", "_", plain).strip("_-")
