import sqlite3
import threading
from pathlib import Path

import pytest

from beltmark.datasets.wal import switch_to_wal


def test_a_file_that_another_holds_is_waited_for_and_not_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE files (path)")
    other.execute("BEGIN EXCLUSIVE")
    ours = sqlite3.connect(path, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        switch_to_wal(ours, 0.05)
    released = threading.Timer(0.1, lambda: other.execute("COMMIT"))
    released.start()
    switch_to_wal(ours, 60)
    released.join()
    assert ours.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    ours.close()


def test_what_is_no_database_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"no database " * 100)
    ours = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        switch_to_wal(ours, 60)
    ours.close()
