"""`make demo` as a user runs it, ended by its time or by Ctrl-C."""

import re
import signal
import subprocess
import sys

import psutil
import pytest

pytestmark = pytest.mark.xdist_group("e2e")

LAST_LINE = re.compile(
    r"passed=(\d+) items=(\d+) labels=(\d+) reviews=\d+ missed=0 wrong=0 duplicates=0"
)
PATIENCE_S = 60.0


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "beltmark.demo", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_ends_by_itself_with_the_counts_on_its_last_line() -> None:
    demo = start("--seconds", "12")
    told, _ = demo.communicate(timeout=12 + PATIENCE_S)
    counts = LAST_LINE.fullmatch(told.splitlines()[-1])
    assert counts, told
    assert int(counts[1]) == int(counts[2]) >= 2
    assert int(counts[3]) >= 1
    assert demo.returncode == 0


def test_ctrl_c_ends_everything_and_still_counts() -> None:
    demo = start()
    assert demo.stdout is not None
    try:
        for line in demo.stdout:
            if " PRINT " in line:
                break
        children = psutil.Process(demo.pid).children(recursive=True)
        assert len(children) == 2
        for _ in range(2):  # people are impatient
            demo.send_signal(signal.SIGINT)
        told, _ = demo.communicate(timeout=PATIENCE_S)
    finally:
        demo.kill()
    assert LAST_LINE.fullmatch(told.splitlines()[-1]), told
    assert demo.returncode == 0
    assert not [child for child in children if child.is_running()]
