from collections.abc import Callable
from pathlib import Path

import pytest
from snapshot_store import a_store, put, simple

from beltmark.datasets.snapshots.verifying import verify


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [flip, Path.unlink])
@pytest.mark.parametrize("pattern", ["objects/*/*", "shards/*/*", "snapshots/*", "lineage/*/*"])
def test_any_damaged_or_missing_file_is_named_with_who_needs_it(
    tmp_path: Path, pattern: str, damage: Callable[[Path], None]
) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    assert not verify(store).damage
    (path,) = store.folder.glob(pattern)
    damage(path)
    if pattern == "lineage/*/*" and damage is Path.unlink:
        return  # how a snapshot came to be can be lost, not falsified
    (found,) = verify(store).damage
    assert found.path == path or found.path == store.name_path("belt")
    assert found.snapshots == ("belt",)


def test_files_that_nobody_needs_are_counted(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    rest = store.folder / "objects" / "ab" / ("c" * 62)
    rest.parent.mkdir(exist_ok=True)
    rest.write_bytes(b"of a killed command")
    found = verify(store)
    assert (found.images, found.unused, found.damage) == (1, 1, ())
