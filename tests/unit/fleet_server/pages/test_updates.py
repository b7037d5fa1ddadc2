import pytest
from fleet_stations import NOW, report, stored, wish

from fleet_server.pages.updates import Update, update_of


def test_nobody_asked_for_anything():
    assert update_of(stored(), None, "online") == Update("r1")


def test_a_station_that_did_not_say_what_it_runs():
    assert update_of(stored(reports=report(0, "idle", release="")), None, "online").running is None


def test_what_is_asked_for_runs():
    device = stored(reports=report(2, "running", release="r2"))
    assert update_of(device, wish(), "online") == Update("r2")


def test_a_station_that_was_born_with_what_is_asked_for():
    assert update_of(stored(), wish("r1"), "online") == Update("r1")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("downloading", "downloading…"),
        ("verifying", "checking its signatures…"),
        ("accepting", "trying it on this device…"),
        ("waiting", "ready, waits for a gap between items"),
    ],
)
def test_how_far_it_is(state, told):
    update = update_of(stored(reports=report(2, state, reason="why")), wish(), "online")
    assert update == Update("r1", "r2", "under way", told, "why", NOW - 60)


def test_a_refused_release_is_told_with_its_reason():
    update = update_of(stored(reports=report(2, "refused", reason="too slow")), wish(), "online")
    assert (update.stage, update.wanted, update.reason) == ("refused", "r2", "too slow")
    assert update.since == NOW - 9


def test_a_refusal_of_what_was_asked_before_is_none_of_this():
    device = stored(reports=report(1, "refused", wanted="r0"))
    assert update_of(device, wish(), "online").stage == "under way"


def test_a_refusal_of_what_runs_is_still_a_refusal():
    device = stored(reports=report(2, "refused", release="r2", reason="a broken disk"))
    assert update_of(device, wish(), "online").stage == "refused"


@pytest.mark.parametrize(
    ("published", "presence", "told"),
    [
        (1, "online", "the broker has not taken it yet"),
        (2, "online", "the station has not answered yet"),
        (2, "offline", "the station will hear of it when it is back"),
    ],
)
def test_what_is_waited_for_before_it_answers(published, presence, told):
    update = update_of(stored(), wish(published=published), presence)
    assert told in update.told
    assert update.stage == "under way"
