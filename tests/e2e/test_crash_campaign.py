"""A short crash campaign, as `make crash-campaign` runs a long one; and that it can fail."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.crash.plan import Fitting, Kill, RoundPlan, Trouble, plan_rounds
from bench.crash.round import run_round

pytestmark = pytest.mark.xdist_group("e2e")
needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")

PATIENCE_S = 400.0
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


def sabotaged(how: str) -> tuple[str, ...]:
    """A station broken on purpose, killed where it shows."""
    kills = ("--kills", "12", "--whole", "0", "--at", "label sent: committed")
    return (*kills, "--sabotage", how)


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


def test_a_label_that_a_slow_printer_still_holds_is_waited_for(tmp_path: Path) -> None:
    """Its item is off the belt long before: an empty belt does not mean that all is known."""
    kill = Kill("point", "label sent: committed")
    plan = RoundPlan(0, 7, (kill,), (Trouble("slow", 0.0, 60.0, 9.0),))
    result = run_round(plan, tmp_path)
    assert result.problems == []
    assert result.outcomes == {"to a person: label_unknown, label printed": 1}


@pytest.mark.long
def test_it_notices_a_printer_that_is_sent_a_label_again() -> None:
    code, (_, _, duplicates, _, _), told = campaign(*sabotaged("sends again"))
    assert duplicates > 0, told
    assert code == 1


@pytest.mark.long
def test_it_notices_diverts_that_are_forgotten() -> None:
    code, (_, _, _, lost, _), told = campaign(*sabotaged("forgets diverts"))
    assert lost > 0, told
    assert code == 1


@needs_compiler
def test_power_cuts_neither_double_nor_lose_nor_mislabel() -> None:
    code, (kills, _, *wrongs), told = campaign("--kills", "24", "--seed", "5", "--power-cut")
    assert wrongs == [0, 0, 0], told
    assert (code, kills) == (0, 24), told


@needs_compiler
@pytest.mark.long
def test_it_notices_a_disk_that_only_says_that_it_has_synced() -> None:
    code, _, told = campaign(*sabotaged("forgets syncs"), "--power-cut")
    assert "a label came out that the journal does not know" in told
    assert code == 1


def test_a_seed_gives_the_same_kills_and_troubles() -> None:
    first, again, other = (plan_rounds(seed, 50, 20) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert [len(plan.kills) for plan in first] == [20, 20, 10]


def test_each_fitting_meets_each_other() -> None:
    fittings = [Fitting.of(number) for number in range(30)]
    for has_hands in (True, False):
        for has_applicator in (True, False):
            alike = [
                one
                for one in fittings
                if (one.has_hands, one.has_applicator) == (has_hands, has_applicator)
            ]
            assert {one.has_spare for one in alike} == {True, False}
            assert {one.is_leased for one in alike} == ({True} if has_hands else {True, False})
