from pathlib import Path

import pytest

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from labeling.studio.environment import REQUIREMENTS, ensure_environment


def test_one_that_is_there_is_used_as_it_is(tmp_path: Path) -> None:
    executable = tmp_path / "bin" / "label-studio"
    executable.parent.mkdir()
    executable.touch()
    (tmp_path / "ready").write_text(sha256_of(REQUIREMENTS.read_bytes()))
    told: list[str] = []
    assert ensure_environment(tmp_path, told.append) == executable
    assert told == []


def test_what_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told: list[str] = []
    with pytest.raises(InputError, match="could not be installed") as caught:
        ensure_environment(tmp_path / "file" / "environment", told.append)
    assert "installing Label Studio" in told[0]
    assert str(caught.value).isprintable()


def test_every_version_is_pinned() -> None:
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert any(line.startswith("label-studio==1.23.") for line in lines)
