"""A disk that is really full: what is on its way is committed, and the belt is told to stand."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from label_bench import PRINT

from edge_agent.evidence import EvidenceFolder
from edge_agent.printing.journal import Journal
from edge_agent.printing.reading import read_items
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.printing.reserve import IN_USE, Reserve

SIZE = 512 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounts no file system: not root, or in a container that must not")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    path = folder / "filling"
    with path.open("ab", buffering=0) as file:
        for size in (65_536, 4_096):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return path


def decide(journal: Journal, item_id: str) -> None:
    new = ItemDecision(item_id, 1_000.0, Place(300, 160, 999.9), PRINT, "r", "a" * 64)
    journal.record(new).result(10)


def test_what_is_on_its_way_is_committed_and_the_belt_stands(small_disk: Path) -> None:
    path, kept = small_disk / "journal.sqlite3", small_disk / "journal.reserve"
    journal = Journal(path, "belt-1", reserve=Reserve(kept, SIZE))
    decide(journal, "before")
    assert kept.stat().st_blocks * 512 >= SIZE, "blocks, not just a length"
    filling = fill(small_disk)
    for number in range(8):
        decide(journal, f"i{number}")
    assert journal.health.problem == IN_USE
    assert not kept.exists()
    filling.unlink()
    decide(journal, "after")
    assert journal.health.problem is None
    assert kept.stat().st_size == SIZE
    journal.close()
    assert len(read_items(path)) == 10


def test_a_disk_that_is_full_from_the_start_is_told(small_disk: Path) -> None:
    path = small_disk / "journal.sqlite3"
    Journal(path, "belt-1").close()
    fill(small_disk)
    (small_disk / "filling").open("ab").truncate(1_000_000)
    reserve = Reserve(small_disk / "journal.reserve", 4 * 1024 * 1024)
    journal = Journal(path, "belt-1", reserve=reserve)
    assert journal.health.problem == IN_USE
    journal.close()


def test_pictures_leave_the_disk_to_the_journal(small_disk: Path) -> None:
    folder = small_disk / "items"
    folder.mkdir()
    for number in range(3):
        (folder / f"i{number}.jpg").write_bytes(b"x")
    pictures = EvidenceFolder(folder)
    pictures.keep("new", np.zeros((8, 8, 3), np.uint8))
    pictures.close()
    assert list(folder.iterdir()) == []
