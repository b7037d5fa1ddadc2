"""The errors that a person can mend: each names the file, the field, the problem and the mend."""

from dataclasses import dataclass
from os import PathLike


@dataclass(eq=False)
class InputError(Exception):
    """Something that was given to Beltmark cannot be used as it is.

    Commands print it as one line on standard error and end with exit code 2.

    Attributes:
        problem: What is wrong, with the offending value in it.
        mend: What the reader can do about it.
        file: The file (or address) that holds the problem, if any.
        field: The field, row or element within the file, if any.
    """

    problem: str
    mend: str
    file: str | PathLike[str] | None = None
    field: str | None = None

    def __str__(self) -> str:
        where = ": ".join(str(part) for part in (self.file, self.field) if part)
        told = f"{self.problem} ({self.mend})"
        return f"{where}: {told}" if where else told


@dataclass(eq=False)
class UnknownVersionError(InputError):
    """A document of a format version that this program does not know."""
