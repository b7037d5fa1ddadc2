"""A section of the station file: what every room's own section is built from."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from beltmark.contract.documents import Document
from beltmark.contract.errors import InputError

Address = Annotated[str, Field(min_length=1, max_length=2_000)]
Seconds = Annotated[float, Field(gt=0, le=3_600)]
Pixels = Annotated[float, Field(ge=0, le=20_000)]


class Section(Document):
    """One section. Its paths are relative to the folder of the station file."""

    def anchored(self, folder: Path) -> Self:
        """Returns the section with its paths below `folder`, unless they are absolute."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return self.model_copy(
            update={
                name: value.anchored(folder) if isinstance(value, Section) else folder / value
                for name, value in values.items()
                if isinstance(value, Path | Section)
            }
        )


@contextmanager
def of_field(field: str) -> Iterator[None]:
    """Lets a problem with what a field names, such as a missing file, name that field as well."""
    try:
        yield
    except InputError as error:
        error.field = error.field or field
        raise
