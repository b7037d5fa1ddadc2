"""The status file: whole at any time, written at once when something changes and at the end."""

import json
import time
from pathlib import Path

from edge_agent.status import StatusFile

PATIENCE_S = 20.0


def test_it_is_written_at_the_start_on_a_change_and_at_the_end(tmp_path: Path) -> None:
    state = {"camera": "up"}
    path = tmp_path / "status.json"
    status = StatusFile(path, lambda: dict(state))
    status.start()

    def wait_for(told: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not path.exists() or json.loads(path.read_text()) != {"camera": told}:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    wait_for("up")
    state["camera"] = "down"
    status.wake()
    wait_for("down")
    state["camera"] = "ended"
    status.stop()
    assert json.loads(path.read_text()) == {"camera": "ended"}
    assert [p.name for p in tmp_path.iterdir()] == ["status.json"]
