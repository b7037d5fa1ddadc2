import subprocess
import sys
from pathlib import Path

import pytest

from beltmark.contract.errors import InputError
from beltmark.datasets.checks.memory import Memory


def test_what_was_put_is_there_later(tmp_path: Path) -> None:
    with Memory(tmp_path / "memory.sqlite") as memory:
        memory.put("a", b"1")
        memory.put("a", b"2")
    with Memory(tmp_path / "memory.sqlite") as memory:
        assert memory.get("a") == b"2"
        assert memory.get("b") is None


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    path.write_bytes(b"not a database" * 1_000)
    with Memory(path) as memory:
        assert memory.get("a") is None
        memory.put("a", b"1")


def test_a_killed_process_leaves_what_it_had_committed(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite"
    with Memory(path) as memory:
        memory.put("before", b"1")
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from beltmark.datasets.checks.memory import Memory\n"
        "memory = Memory(Path(sys.argv[1])); memory.put('after', b'2')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert ended.returncode == -9
    with Memory(path) as memory:
        assert memory.get("before") == b"1"
        memory.put("after", b"3")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be used"):
        Memory(tmp_path / "file" / "memory.sqlite")
