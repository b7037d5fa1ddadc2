"""What a station file says, with the environment above it, before its fields are judged.

What the fields mean is left to `settings`, and to others who need a few of the sections.
"""

import json
import os
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from beltmark.contract.documents import Document, read_document
from beltmark.contract.errors import InputError

ENVIRONMENT_PREFIX = "BELTMARK_EDGE__"


class _AnyStation(Document, extra="allow"):
    """A station file before its fields are judged: the environment may still complete it."""

    format_version: Literal[1] = 1


@dataclass(frozen=True)
class StationWords:
    """What a station file says.

    Attributes:
        data: Its sections and fields.
        overridden: By the field that the environment gives, the variable's name.
    """

    data: dict[str, Any]
    overridden: dict[str, str]

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """Lets a problem with a field that the environment gives name the variable."""
        try:
            yield
        except InputError as error:
            for field, variable in self.overridden.items():
                if error.field and (error.field == field or error.field.startswith(f"{field}.")):
                    error.file = f"environment variable {variable}"
            raise


def read_words(path: Path, environment: Mapping[str, str] = os.environ) -> StationWords:
    """Reads a station file.

    Args:
        path: The TOML file.
        environment: Variables of which `BELTMARK_EDGE__SECTION__FIELD` stand above the file.

    Raises:
        InputError: Names the file or variable, the field and the mend.
        UnknownVersionError: The file has a version that is not known here.
    """
    data = read_document(path, _AnyStation).model_dump()
    overridden: dict[str, str] = {}
    for variable, text in sorted(environment.items()):
        if variable.startswith(ENVIRONMENT_PREFIX):
            field = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            _override(data, field, text, variable)
            overridden[field] = variable
    _refuse_control_characters(data, path)
    return StationWords(data, overridden)


def _override(data: dict[str, Any], field: str, text: str, variable: str) -> None:
    *sections, name = field.split(".")
    if not sections or not all((*sections, name)):
        raise InputError(
            "names no field", f"write {ENVIRONMENT_PREFIX}SECTION__FIELD", file=variable
        )
    values = data
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            return  # the file itself is wrong there, and will be told so
    try:
        values[name] = json.loads(text) if text.startswith("[") else text
    except json.JSONDecodeError:
        values[name] = text


def _refuse_control_characters(data: object, file: Path, field: str = "") -> None:
    """No name, address or path has one, and the system takes no path with a null character."""
    if isinstance(data, dict):
        for name, value in data.items():
            _refuse_control_characters(value, file, f"{field}.{name}" if field else name)
    elif isinstance(data, str) and any(unicodedata.category(one) == "Cc" for one in data):
        raise InputError("holds a control character", "write it anew", file=file, field=field)
