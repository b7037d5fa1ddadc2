"""Ranges come before they are needed; a lost reply costs none, a silent server holds nothing up."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from beltmark.contract.serials import NumberKind, NumberRange
from edge_agent.printing.journal import Journal
from edge_agent.printing.numbers import read_held
from edge_agent.serials.keeper import KeeperSettings, NumberKeeper
from edge_agent.uplink.fleet_http import Answer

AWAY = Answer("later", "the server http://x cannot be reached")


class Lessor:
    """A server that gives ten numbers at a time, and the same to the same request."""

    def __init__(self) -> None:
        self.given: dict[str, NumberRange] = {}
        self.asked: list[tuple[str, str]] = []
        self.answers: list[Answer | None] = []  # in the place of its own

    def send(self, method: Literal["POST", "PUT"], path: str, body: bytes, media: str) -> Answer:
        asked = json.loads(body)
        self.asked.append((asked["kind"], asked["request"]))
        first = 10 * len(self.given)
        found = self.given.setdefault(
            asked["request"],
            NumberRange(
                kind=asked["kind"],
                head="U3F" if asked["kind"] == "serial" else "0401234567890",
                width=10 if asked["kind"] == "serial" else 4,
                first=first,
                last=first + 9,
            ),
        )
        answer = self.answers.pop(0) if self.answers else None
        return answer or Answer("taken", content=found.model_dump_json().encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path, "belt-1", is_leased=True)
    yield journal
    journal.close()


def keeper(
    path: Path, journal: Journal, lessor: Lessor, kinds: tuple[NumberKind, ...] = ("serial",)
) -> NumberKeeper:
    names = iter(range(1_000))
    settings = KeeperSettings({"serial": 10, "sscc": 10}, 3_600.0)
    return NumberKeeper(
        path, journal, lessor, "belt-1", settings,
        needed=lambda: kinds, new_request=lambda: f"r{next(names)}", clock=lambda: 1_000.0,
    )  # fmt: skip


def left(path: Path, kind: NumberKind = "serial") -> int:
    return read_held(path, 1_000.0)[kind].left


def look_on(kept: NumberKeeper) -> None:
    while kept.look():
        pass


def test_it_holds_two_ranges_ahead(path: Path, journal: Journal) -> None:
    lessor = Lessor()
    kept = keeper(path, journal, lessor)
    look_on(kept)
    assert left(path) == 20
    assert (kept.health.state, kept.health.told) == ("ok", "20 serials held")
    assert kept.tell()["serials"] == {"left": 20, "seconds_left": None}


def test_a_reply_that_is_lost_is_asked_for_again(path: Path, journal: Journal) -> None:
    lessor = Lessor()
    lessor.answers = [AWAY, AWAY]
    kept = keeper(path, journal, lessor)
    assert not kept.look()
    assert (kept.health.state, "cannot be reached" in kept.health.told) == ("down", True)
    # Another run, after a kill: the journal remembers what was asked.
    again = keeper(path, journal, lessor)
    assert not again.look()
    look_on(again)
    first, second, third = (request for _, request in lessor.asked[:3])
    assert first == second == third
    assert sorted(one.first for one in lessor.given.values()) == [0, 10]
    assert again.health.state == "ok"


def test_a_kind_that_the_server_has_none_of_keeps_no_other_waiting(
    path: Path, journal: Journal
) -> None:
    lessor = Lessor()
    lessor.answers = [Answer("refused", "the server answers 409 no company prefix"), None]
    kept = keeper(path, journal, lessor, ("sscc", "serial"))
    assert not kept.look()
    assert left(path) > 0
    assert kept.health.state == "down"
    assert "no SSCCs left: the server answers 409" in kept.health.told


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff", b'{"kind":"serial","head":"a","width":1,"first":0,"last":1}']
)
def test_an_answer_that_is_no_range_is_told(path: Path, journal: Journal, content: bytes) -> None:
    lessor = Lessor()
    lessor.answers = [Answer("taken", content=content)]
    kept = keeper(path, journal, lessor)
    assert not kept.look()
    assert "cannot be used" in kept.health.told
    assert left(path) == 0


def test_a_server_that_forgot_what_it_gave_is_told(path: Path, journal: Journal) -> None:
    lessor = Lessor()
    kept = keeper(path, journal, lessor)
    assert kept.look()
    lessor.given.clear()
    assert not kept.look()
    assert "put back from a copy" in kept.health.told
    assert left(path) == 10
