"""The fallback ladder over several runs: what is tried, kept and told."""

from pathlib import Path

import pytest

from beltmark.contract.errors import InputError
from edge_agent.fallback.ladder import Rung
from edge_agent.fallback.opening import Ladder
from edge_agent.fallback.section import FallbackSection

ALL = FallbackSection(barcode=True, person=True)


class Runs:
    """Runs of one station, one after the other; time passes by a second for each."""

    def __init__(self, folder: Path, section: FallbackSection | None = ALL) -> None:
        self._path, self._section = folder / "ladder.json", section
        self.broken: set[Rung] = set()
        self.tried: list[tuple[Rung, str]] = []
        self.now = 0.0

    def run(self, ends: bool, release: str = "spring") -> Ladder:
        self.now += 1
        ladder = Ladder(
            self._section, self._path, has_previous=True, boot="boot", clock=lambda: self.now
        )
        self.tried = []
        assert ladder.find(self._stand_on) == ladder.rung
        ladder.began(release)
        if ends:
            ladder.ended()
        return ladder

    def _stand_on(self, rung: Rung, died_on: str) -> Rung:
        self.tried.append((rung, died_on))
        if rung in self.broken:
            raise InputError(f"{rung} is damaged", "copy it anew")
        return rung


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def test_a_rung_that_does_not_hold_is_passed_and_the_reason_told(runs: Runs) -> None:
    runs.broken = {"release", "previous"}

    footing = runs.run(ends=True)

    assert footing.rung == "barcode"
    assert footing.told == "barcodes only: release is damaged"


def test_no_rung_that_holds_is_no_start(runs: Runs) -> None:
    runs.broken = {"release", "previous", "barcode", "person"}

    with pytest.raises(InputError, match="release is damaged"):
        runs.run(ends=True)


def test_dying_on_a_release_takes_the_one_before_and_names_what_it_died_on(runs: Runs) -> None:
    for _ in range(3):
        assert runs.run(ends=False).rung == "release"

    assert runs.run(ends=False, release="winter").rung == "previous"
    assert runs.tried == [("previous", "spring")]

    runs.run(ends=False, release="winter")
    assert runs.tried == [("previous", "spring")], "it still knows what it died on"


def test_an_end_in_order_lets_the_release_be_tried_again(runs: Runs) -> None:
    for _ in range(3):
        runs.run(ends=False)
    runs.run(ends=True, release="winter")

    footing = runs.run(ends=False)

    assert (footing.rung, footing.told) == ("release", None)


def test_a_station_without_a_ladder_has_one_rung_and_keeps_nothing(tmp_path: Path) -> None:
    runs = Runs(tmp_path, section=None)
    for _ in range(10):
        assert runs.run(ends=False).rung == "release"

    assert list(tmp_path.iterdir()) == []


def test_a_release_that_takes_over_brings_it_back_to_the_top(runs: Runs) -> None:
    for _ in range(3):
        runs.run(ends=False)
    ladder = runs.run(ends=False, release="winter")

    ladder.rise("summer")

    assert (ladder.rung, ladder.told) == ("release", None)
    assert runs.run(ends=False, release="summer").rung == "release"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format_version": 9}', b"\x00" * 64])
def test_a_damaged_account_stops_nothing(runs: Runs, tmp_path: Path, damage: bytes) -> None:
    runs.run(ends=False)
    (tmp_path / "ladder.json").write_bytes(damage)

    assert runs.run(ends=False).rung == "release"
