"""Reads and writes the contract's documents (JSON, TOML) as checked pydantic models.

Every problem comes back as an `InputError` that names the file and the field. What the documents
mean is left to the modules beside this one.
"""

import hashlib
import json
import os
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from beltmark.contract.errors import InputError, UnknownVersionError

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


class Document(BaseModel):
    """Base of everything that crosses a boundary: frozen, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GrownDocument(Document):
    """A document that got fields later, which programs of before refuse.

    One that says nothing new is written without them, so that such programs still take it.

    Attributes:
        SINCE_FIRST: These fields; each has a default.
    """

    SINCE_FIRST: ClassVar[tuple[str, ...]]

    @model_serializer(mode="wrap")
    def _without_defaults_of_later(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        return {
            name: value
            for name, value in write(self).items()
            if name not in self.SINCE_FIRST or getattr(self, name) != fields[name].default
        }


DocumentT = TypeVar("DocumentT", bound=BaseModel)


def read_bytes(path: Path, *, limit: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Returns the whole file.

    Raises:
        InputError: The file is missing, unreadable or larger than `limit` bytes.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        raise InputError("no such file", "check the path", file=path) from None
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", "check the path and its permissions", file=path
        ) from None
    if len(content) > limit:
        raise InputError(f"larger than {limit} bytes", "is this the right file?", file=path)
    return content


def read_document(
    path: Path, model: type[DocumentT], *, limit: int = MAX_DOCUMENT_BYTES
) -> DocumentT:
    """Reads a JSON or TOML file (by its ending) of at most `limit` bytes into `model`.

    Raises:
        InputError: Missing, malformed, or a field that does not fit; names the first such field.
        UnknownVersionError: The document's `format_version` is not one that `model` knows.
    """
    content = read_bytes(path, limit=limit)
    data: object
    try:
        text = content.decode()
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        # ValueError: syntax, encoding, or a number of thousands of digits; the other: its depth.
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise InputError(f"not valid {kind}: {error}", "correct the syntax", file=path) from None
    _check_version(data, model, path)
    return parse(data, model, path)


def parse(data: object, model: type[DocumentT], file: str | os.PathLike[str]) -> DocumentT:
    """Checks `data` against `model`; problems name `file` and the first field that does not fit.

    Raises:
        InputError: A field is missing, unknown or has a value that does not fit.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        problem = first["msg"].removeprefix("Value error, ")
        match first["type"]:
            case "missing":
                told, mend = "missing", "add this field"
            case "extra_forbidden":
                told, mend = "unknown field", "remove it or correct its spelling"
            case "value_error" if isinstance(first["input"], dict):
                # Fields that do not fit each other. All of them are not shown: addresses among
                # them may hold a password.
                told, mend = problem, "correct one of these fields"
            case _:
                told, mend = f"{problem}, but it is {_shown(first['input'])}", "correct this value"
        raise InputError(told, mend, file=file, field=field) from None


def write_document(path: Path, document: BaseModel) -> None:
    """Writes `document` as indented JSON, whole or not at all."""
    write_bytes(path, (document.model_dump_json(indent=2) + "\n").encode())


def write_json(path: Path, data: object) -> None:
    """Writes `data` as compact JSON, whole or not at all."""
    write_bytes(path, (json.dumps(data, allow_nan=False) + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, and durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(content)
    sync(path.parent)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a new file that gets its name when the block ends well: whole, synced, or not at all.

    Its folder must exist; the name is durable once that is synced, which serves many files at once.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with writing(path), os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Lets a problem with an open file, such as a full disk, name the file."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def sync(path: Path) -> None:
    """Brings a file's content, or the names in a folder, onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(content: bytes) -> str:
    """Returns the lower-case hexadecimal SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()


def _shown(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 60 else text[:57] + "..."


def _check_version(data: object, model: type[BaseModel], path: Path) -> None:
    """Refuses a foreign version before its fields are judged by rules that are not its own."""
    if "format_version" not in model.model_fields or not isinstance(data, dict):
        return
    known = model.model_fields["format_version"].annotation
    versions = getattr(known, "__args__", ())
    found = data.get("format_version")
    if found is not None and found not in versions:
        listed = ", ".join(str(version) for version in versions)
        raise UnknownVersionError(
            f"version {_shown(found)} is not known here (known: {listed})",
            "update this program, or export the document for it anew",
            file=path,
            field="format_version",
        )
