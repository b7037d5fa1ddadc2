"""What was seen is kept: whole, only for the same, and not beyond damage."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from beltmark.contract.errors import InputError
from training.evaluate.cache import FILE, Look, LookCache


def look(value: float) -> Look:
    return Look(
        np.full((2, 4), value, np.float32),
        np.full((2, 3), value / 10, np.float32),
        (64, 48),
        120.5,
        33.25,
    )


def test_what_was_put_comes_back_in_another_process(tmp_path: Path) -> None:
    with LookCache(tmp_path / "new" / "folder") as cache:
        cache.put("a", look(1))
        cache.put("a", look(2))
    with LookCache(tmp_path / "new" / "folder") as cache:
        got = cache.get("a")
        assert cache.get("b") is None
    assert got is not None
    np.testing.assert_array_equal(got.boxes, look(2).boxes)
    np.testing.assert_array_equal(got.class_scores, look(2).class_scores)
    assert (got.size_px, got.brightness, got.sharpness) == ((64, 48), 120.5, 33.25)


def test_a_damaged_entry_is_as_none(tmp_path: Path) -> None:
    with LookCache(tmp_path) as cache:
        cache.put("cut", look(1))
        cache.put("foreign", look(1))
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE looks SET content = substr(content, 1, 200) WHERE key = 'cut'")
        database.execute("UPDATE looks SET content = 'what' WHERE key = 'foreign'")
    with LookCache(tmp_path) as cache:
        assert cache.get("cut") is None
        assert cache.get("foreign") is None


def test_a_file_that_is_no_cache_and_a_folder_that_is_a_file_are_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(InputError, match="remove the file"):
        LookCache(tmp_path)
    with pytest.raises(InputError, match="cannot be made"):
        LookCache(tmp_path / FILE / "below")


def test_an_entry_of_the_wrong_size_is_as_none(tmp_path: Path) -> None:
    with LookCache(tmp_path) as cache:
        cache.put("a", Look(np.zeros((2, 4)), np.zeros((3, 3)), (1, 1), 0, 0))  # type: ignore[arg-type]
        assert cache.get("a") is None
