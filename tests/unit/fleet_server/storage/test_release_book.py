"""How releases stand, in a database of each kind."""

import threading

import pytest
from fleet_messages import SENT_AT, Clock, birth, reported

from beltmark.contract.bundle import Bundle
from beltmark.contract.errors import InputError
from beltmark.contract.gate import Origin
from fleet_server.releases.evidence import Evidence
from fleet_server.storage.engine import writing
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.fleet_writes import write_release
from fleet_server.storage.recalls import turn_away
from fleet_server.storage.release_book import ReleaseBook
from fleet_server.storage.telemetry import TelemetryStore

SHA = "a" * 64


def bundle(name: str) -> Bundle:
    file = {"sha256": SHA, "length": 5}
    return Bundle(release=name, package_sha256=SHA, files={"release.json": file})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(fleet_engine, clock) -> ReleaseBook:
    return ReleaseBook(fleet_engine, clock)


@pytest.fixture
def fleet(fleet_engine, clock) -> FleetStore:
    return FleetStore(fleet_engine, clock)


def approved(book: ReleaseBook, *names: str) -> None:
    for name in names:
        book.add(bundle(name), "b" * 64, "mara")
        book.change(name, "approve", "ben")


def test_a_release_is_kept_whole_and_is_a_draft(book, fleet, clock):
    evidence = Evidence(origin=Origin(run="r1", experiment="belts"), dataset="d")
    book.add(bundle("one"), "b" * 64, "mara", evidence)
    clock.now += 1
    book.add(bundle("two"), "c" * 64, "mara")
    assert [each.release for each in fleet.releases()] == ["two", "one"]
    kept = fleet.release("one")
    assert (kept.bundle, kept.added_at, kept.added_by) == (bundle("one"), SENT_AT, "mara")
    assert (kept.package_sha256, kept.bundle_sha256) == (SHA, "b" * 64)
    held = book.one("one")
    assert (held.state, held.since, held.by, held.evidence) == ("draft", SENT_AT, "mara", evidence)
    assert list(book.all()) == ["two", "one"]
    assert fleet.log(9)[-1].what == "added release one: no gate has judged it"


def test_a_name_is_never_used_again_for_something_else(book, fleet, clock):
    book.add(bundle("one"), "b" * 64, "mara")
    book.change("one", "approve", "ben")
    clock.now += 1
    book.add(bundle("one"), "b" * 64, "another")
    with pytest.raises(InputError, match="release one is known with other content"):
        book.add(bundle("one"), "c" * 64, "mara")
    assert (fleet.release("one").added_by, fleet.release("one").bundle_sha256) == ("mara", "b" * 64)
    assert book.one("one").state == "approved"


def test_who_did_what_and_why_is_kept(book, fleet, clock):
    book.add(bundle("one"), "b" * 64, "mara")
    clock.now += 5
    held = book.change("one", "approve", "ben", "it passed")
    assert (held.state, held.since, held.by, held.why) == (
        "approved",
        SENT_AT + 5,
        "ben",
        "it passed",
    )
    told = [(each.by, each.act, each.state, each.why) for each in book.history("one")]
    assert told == [("mara", "add", "draft", ""), ("ben", "approve", "approved", "it passed")]
    assert fleet.log(1)[0].what == "release one approved: it passed"


def test_there_is_one_champion(book):
    approved(book, "one", "two")
    assert book.champion() is None
    book.change("one", "promote", "ben")
    book.change("two", "promote", "ben")
    assert book.champion() == "two"
    assert book.one("one").state == "approved"
    assert book.history("one")[-1].why == "by two"
    with pytest.raises(InputError, match="release two is champion: it cannot be retired"):
        book.change("two", "retire", "ben")


def test_two_who_promote_at_once_leave_one_champion(book):
    names = [f"r{number}" for number in range(4)]
    approved(book, *names)
    threads = [threading.Thread(target=book.change, args=(n, "promote", "ben")) for n in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = [each.state for each in book.all().values()]
    assert (states.count("champion"), states.count("approved")) == (1, 3)


def test_a_recalled_release_comes_back_by_no_act(book, fleet):
    approved(book, "one")
    book.change("one", "recall", "ben", "wrong labels")
    for act in ("approve", "promote", "challenge", "retire", "recall"):
        with pytest.raises(InputError, match="release one is recalled"):
            book.change("one", act, "ben")
    with pytest.raises(InputError, match="cannot come back"):
        fleet.check_usable("one")


def test_only_what_is_approved_may_be_asked_for(book, fleet):
    book.add(bundle("one"), "b" * 64, "mara")
    with pytest.raises(InputError, match="release one is draft: no station may be asked"):
        fleet.check_usable("one")
    book.change("one", "approve", "ben")
    fleet.check_usable("one")
    book.change("one", "retire", "ben")
    with pytest.raises(InputError, match="approve it anew"):
        fleet.check_usable("one")
    with pytest.raises(InputError, match="there is no release 'two'"):
        fleet.check_usable("two")


def test_what_a_server_of_before_added_counts_as_approved(book, fleet, fleet_engine):
    with writing(fleet_engine) as connection:
        write_release(connection, bundle("old"), "b" * 64, "mara", SENT_AT)
    assert book.one("old").state == "approved"
    fleet.check_usable("old")
    book.change("old", "promote", "ben")
    assert book.champion() == "old"


def test_devices_are_turned_away_to_the_champion_or_to_what_they_ran(
    book, fleet, fleet_engine, clock
):
    approved(book, "good", "bad", "other")
    telemetry = TelemetryStore(fleet_engine, clock)
    for device in ("belt-1", "belt-2", "belt-3", "belt-4"):
        telemetry.take_birth(birth(1, device=device))
    fleet.desire("belt-1", "good", "ben")
    for device in ("belt-1", "belt-2"):
        fleet.desire(device, "bad", "ben")
    fleet.desire("belt-3", "other", "ben")
    telemetry.take_reported(reported(1, "bad", "belt-4"))  # its station file has it
    book.change("bad", "recall", "ben", "wrong labels")
    turned = turn_away(fleet_engine, "bad", "ben", clock())
    assert [(each.device, each.release) for each in turned] == [
        ("belt-1", "good"),
        ("belt-2", None),
        ("belt-4", None),
    ]
    assert fleet.desired("belt-1").release == "good"
    assert fleet.desired("belt-3").version == 1
    book.change("other", "promote", "ben")
    turned = turn_away(fleet_engine, "bad", "ben", clock())  # done again, with a champion now
    assert [(each.device, each.release) for each in turned] == [
        ("belt-2", "other"),
        ("belt-4", "other"),
    ]
    assert fleet.log(1)[0].what == "asked belt-4 to run other: bad was recalled"
