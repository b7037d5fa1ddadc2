"""A short crash campaign, as `make crash-campaign` runs a long one; and that it can fail."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("e2e")

PATIENCE_S = 400.0
SHORT = ("--kills", "24", "--whole", "0", "--seed", "5")
LAST_LINE = re.compile(r"kills=(\d+) items=(\d+) duplicates=(\d+) lost=(\d+) wrong=(\d+)")


def campaign(*arguments: str) -> tuple[int, list[int], str]:
    """Returns a campaign's exit code, the numbers of its last line, and all that it said."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.crash", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    match = LAST_LINE.fullmatch(done.stdout.splitlines()[-1])
    assert match, done.stdout
    return done.returncode, [int(number) for number in match.groups()], done.stdout


def test_sixty_kills_neither_double_nor_lose_nor_mislabel(tmp_path: Path) -> None:
    page = tmp_path / "campaign.md"
    code, numbers, told = campaign("--kills", "62", "--seed", "4", "--write", str(page))
    kills, items, *wrongs = numbers
    assert wrongs == [0, 0, 0], told
    assert code == 0, told
    assert kills == 62
    assert items >= 30
    labelled = re.search(r"^\| label printed \| (\d+) \|$", page.read_text(), re.MULTILINE)
    assert labelled, told
    assert int(labelled[1]) >= 10, "a station that labels nothing proves nothing"


def test_it_notices_a_printer_that_is_sent_a_label_again() -> None:
    code, (_, _, duplicates, _, _), told = campaign(*SHORT, "--sabotage", "sends again")
    assert duplicates > 0, told
    assert code == 1


def test_it_notices_diverts_that_are_forgotten() -> None:
    code, (_, _, _, lost, _), told = campaign(*SHORT, "--sabotage", "forgets diverts")
    assert lost > 0, told
    assert code == 1


def test_it_notices_a_journal_that_forgets_what_was_committed() -> None:
    code, _, told = campaign(*SHORT, "--sabotage", "forgets commits")
    assert "a label came out that the journal does not know" in told
    assert code == 1


needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")


@needs_compiler
def test_power_cuts_neither_double_nor_lose_nor_mislabel() -> None:
    code, (kills, _, *wrongs), told = campaign(*SHORT, "--power-cut")
    assert wrongs == [0, 0, 0], told
    assert (code, kills) == (0, 24), told


@needs_compiler
def test_it_notices_a_disk_that_only_says_that_it_has_synced() -> None:
    code, _, told = campaign(*SHORT, "--power-cut", "--sabotage", "forgets syncs")
    assert "a label came out that the journal does not know" in told
    assert code == 1
