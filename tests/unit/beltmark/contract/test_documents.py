import json
import os
from pathlib import Path
from typing import Literal, Self

import pytest
from pydantic import model_validator

from beltmark.contract.documents import (
    Document,
    parse,
    read_document,
    write_bytes,
    write_document,
    writing,
)
from beltmark.contract.errors import InputError, UnknownVersionError


class Note(Document):
    format_version: Literal[1] = 1
    text: str
    count: int = 0


@pytest.mark.parametrize(
    ("content", "field", "told"),
    [
        ("{", None, "not valid JSON"),
        ("{}", "text", "missing"),
        ('{"text": "a", "colour": 1}', "colour", "unknown field"),
        ('{"text": "a", "count": "many"}', "count", "'many'"),
        ('{"text": "a", "count": NaN}', "count", "nan"),
        ("[]", None, "valid dictionary"),
    ],
)
def test_a_problem_names_file_and_field(
    tmp_path: Path, content: str, field: str | None, told: str
) -> None:
    path = tmp_path / "note.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_document(path, Note)
    assert caught.value.file == path
    assert caught.value.field == field
    assert told in caught.value.problem
    assert caught.value.mend


def test_a_foreign_version_is_refused_before_its_fields_are_judged(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    path.write_text('{"format_version": 9, "words": "a"}')
    with pytest.raises(UnknownVersionError, match="version 9") as caught:
        read_document(path, Note)
    assert caught.value.field == "format_version"


def test_toml_and_missing_and_oversized_files(tmp_path: Path) -> None:
    path = tmp_path / "note.toml"
    path.write_text('text = "a"\ncount = 2')
    assert read_document(path, Note) == Note(text="a", count=2)
    path.write_text("text = ")
    with pytest.raises(InputError, match="not valid TOML"):
        read_document(path, Note)
    with pytest.raises(InputError, match="no such file"):
        read_document(tmp_path / "none.json", Note)
    with (tmp_path / "large.json").open("wb") as large:
        os.truncate(large.fileno(), 17 * 1024 * 1024)
    with pytest.raises(InputError, match="larger than"):
        read_document(tmp_path / "large.json", Note)


class Pair(Document):
    """Two addresses that must differ."""

    one: str
    other: str

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.one == self.other:
            raise ValueError("other must differ from one")
        return self


def test_fields_that_do_not_fit_each_other_are_told_without_what_they_hold() -> None:
    data = {"one": "mqtt://u:secret@host", "other": "mqtt://u:secret@host"}
    with pytest.raises(InputError) as told:
        parse(data, Pair, "station.toml")
    assert "other must differ from one (correct one of these fields)" in str(told.value)
    assert "secret" not in str(told.value)


def test_a_written_document_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "note.json"
    write_document(path, Note(text="é", count=3))
    assert read_document(path, Note) == Note(text="é", count=3)
    assert json.loads(path.read_text())["text"] == "é"


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "note.json"
    write_bytes(path, b"old")
    with pytest.raises(TypeError):
        write_bytes(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["note.json"]


@pytest.mark.parametrize("content", ["[" * 100_000, '{"count": ' + "9" * 5_000 + "}"])
def test_absurd_documents_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "note.json"
    path.write_text(content)
    with pytest.raises(InputError, match="not valid JSON"):
        read_document(path, Note)


def test_a_disk_that_is_full_is_told_with_the_file(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left") as told, writing(tmp_path / "a.json"):
        os.write(full, b"x")
    os.close(full)
    assert told.value.filename == str(tmp_path / "a.json")
