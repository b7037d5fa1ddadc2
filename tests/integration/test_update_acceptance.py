"""Releases tried on this device, in a process of their own that may crash or hang."""

import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from release_bundles import add_golden, make_release

from beltmark.contract.bundle import Requirements
from edge_agent.update.errors import Dropped, ReleaseRefused
from edge_agent.update.trial import Trial

ANY = Requirements()


def always() -> bool:
    return True


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    release = make_release(tmp_path_factory.mktemp("good") / "release", "one")
    add_golden(release)
    return release


def test_a_good_release_is_accepted_with_what_was_found(good: Path) -> None:
    told = Trial(1, 8).accept(good, Requirements(max_latency_ms=10_000), always)
    assert "1 golden images agree" in told
    assert "ms" in told


def test_it_runs_in_the_agents_session_where_its_niceness_counts(good: Path) -> None:
    told = "import json, os; print(json.dumps({'is_accepted': True, 'reason': str(os.getsid(0))}))"
    session = Trial(1, 8, command=[sys.executable, "-c", told]).accept(good, ANY, always)
    assert int(session) == os.getsid(0)


def test_its_verdict_is_one_line_of_json(good: Path) -> None:
    command = [sys.executable, "-m", "edge_agent.update.acceptance", str(good)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    (line,) = run.stdout.splitlines()
    assert json.loads(line).keys() == {"is_accepted", "reason"}


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        ({"class_names": ["tube"]}, "does not find the tube"),
        ({"boxes_xyxy_px": [[100, 60, 160, 99]]}, "does not find the carton at 100, 60, 160, 99"),
        ({"scores": [0.5]}, "does not find the carton"),
    ],
)
def test_a_model_that_finds_something_else_here_is_refused(
    differs: dict[str, object], told: str, tmp_path: Path
) -> None:
    release = make_release(tmp_path / "release", "one")
    add_golden(release, **differs)
    with pytest.raises(ReleaseRefused, match=told):
        Trial(1, 8).accept(release, ANY, always)


def test_one_that_is_too_slow_here_is_refused(good: Path) -> None:
    with pytest.raises(ReleaseRefused, match=r"too slow here: .* and it must be 0\.0001 ms"):
        Trial(1, 8).accept(good, Requirements(max_latency_ms=0.0001), always)


def test_one_for_other_machines_is_refused(good: Path) -> None:
    with pytest.raises(
        ReleaseRefused, match=f"made for s390x, and this device is {platform.machine()}"
    ):
        Trial(1, 8).accept(good, Requirements(machines=("s390x",)), always)
    Trial(1, 8).accept(good, Requirements(machines=("s390x", platform.machine())), always)


def test_one_that_does_not_load_is_refused(tmp_path: Path) -> None:
    release = make_release(tmp_path / "release", "one")
    (release / "package/model.onnx").write_bytes(b"no model")
    with pytest.raises(ReleaseRefused, match="content differs from the digest"):
        Trial(1, 8).accept(release, ANY, always)


def test_one_whose_labels_cannot_be_drawn_is_refused(good: Path, tmp_path: Path) -> None:
    release = make_release(tmp_path / "release", "one", good)
    catalogue = (release / "catalogue.csv").read_text()
    one = catalogue.replace("Hand cream 75 ml", "W" * 190)
    (release / "catalogue.csv").write_text(one)
    assert "1 products' labels cannot be drawn" in Trial(1, 8).accept(release, ANY, always)
    (release / "catalogue.csv").write_text(one.replace("Ground coffee 250 g", "W" * 190))
    with pytest.raises(ReleaseRefused, match="no product's label can be drawn"):
        Trial(1, 8).accept(release, ANY, always)


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import os; os.kill(os.getpid(), 11)", "crashed with SIGSEGV"),
        ("import sys; sys.exit('out of memory')", "exit code 1 and no verdict: out of memory"),
        ("print('{}')", "exit code 0 and no verdict"),
        ("print('[1, 2]')", "no verdict"),
        (
            'print(\'{"is_accepted": true, "reason": ""}\'); import os; os.abort()',
            "crashed with SIGABRT",
        ),
    ],
)
def test_one_that_takes_the_process_down_takes_nothing_else_down(
    text: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseRefused, match=told):
        Trial(1, 8, command=program(text)).accept(tmp_path, ANY, always)


def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    trial = Trial(1, 8, limit_s=0.5, command=program("import time; time.sleep(600)"))
    with pytest.raises(ReleaseRefused, match=r"took longer than 0\.5 s"):
        trial.accept(tmp_path, ANY, always)


def test_one_that_is_not_wanted_any_more_is_ended(tmp_path: Path) -> None:
    noted = tmp_path / "process"
    text = f"import os, time; open({str(noted)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    is_running = threading.Event()

    def is_wanted() -> bool:
        if noted.exists() and noted.read_text():
            is_running.set()
        return not is_running.is_set()

    with pytest.raises(Dropped):
        Trial(1, 8, command=program(text)).accept(tmp_path, ANY, is_wanted)
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


def test_the_system_ends_it_where_nobody_is_left_to_do_so(good: Path) -> None:
    command = [sys.executable, "-m", "edge_agent.update.acceptance", str(good), "--seconds", "0.01"]
    run = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert run.returncode < 0
