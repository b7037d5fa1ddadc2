"""`make demo` as a user runs it, ended by its time or by Ctrl-C."""

import re
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest

pytestmark = pytest.mark.xdist_group("e2e")

LAST_LINE = re.compile(
    r"passed=(\d+) items=(\d+) labels=(\d+) reviews=\d+ missed=0 wrong=0 duplicates=0"
)
PAGE = re.compile(r"page: (http://\S+)")
PATIENCE_S = 60.0


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "beltmark.demo", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_three_stations_swap_a_release_and_every_item_gets_its_one_label() -> None:
    demo = start("--seconds", "30")
    told, _ = demo.communicate(timeout=30 + 3 * PATIENCE_S)
    counts = LAST_LINE.fullmatch(told.splitlines()[-1])
    assert counts, told
    # A machine too slow to look at enough frames loses items from sight, and tells each: such an
    # item may be looked at by a person twice.
    lost = told.count("lost from sight")
    assert abs(int(counts[1]) - int(counts[2])) <= lost
    assert int(counts[1]) >= 6
    assert int(counts[3]) >= 3
    assert "3 of 3 stations run demo-shapes-2" in told
    assert demo.returncode == 0


@pytest.mark.long
def test_ctrl_c_ends_everything_and_still_counts() -> None:
    demo = start()
    assert demo.stdout is not None
    try:
        before = []
        for line in demo.stdout:
            before.append(line)
            if " PRINT " in line:
                break
        children = psutil.Process(demo.pid).children(recursive=True)
        assert len(children) >= 7  # three belts and agents, the server and what it starts
        page = PAGE.search("".join(before))
        assert page
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(page[1], timeout=PATIENCE_S) as answer:
            assert "station-1" in answer.read().decode()
        for _ in range(2):  # people are impatient
            demo.send_signal(signal.SIGINT)
        told, _ = demo.communicate(timeout=PATIENCE_S)
    finally:
        demo.terminate()  # no more than a last word: it ends its processes in order
        demo.wait(PATIENCE_S)
    assert LAST_LINE.fullmatch(told.splitlines()[-1]), told
    assert demo.returncode == 0
    assert not [child for child in children if child.is_running()]
