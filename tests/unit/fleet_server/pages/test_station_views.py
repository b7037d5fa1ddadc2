import pytest
from fleet_messages import item_body
from fleet_stations import NOW, STARTED_AT, beat, stored

from beltmark.contract.records import ItemMessage, PartHealth
from fleet_server.pages.item_views import item_view
from fleet_server.pages.overview_page import summarise
from fleet_server.pages.station_views import by_need, station_view, trimmed
from fleet_server.storage.overview import DayCounts, Minute, StationRow


def view(device, *, is_blind=False, **row):
    return station_view(
        StationRow(device, None, **row),
        now=NOW,
        started_at=STARTED_AT,
        is_blind=is_blind,
        has_picture=lambda name: False,
    )


def item(**changed) -> ItemMessage:
    return ItemMessage(**item_body("i1", 1, **changed)["item"])


LOST = {"ended_at": NOW - 5, "end_reason": "lost"}
OFF = {"ended_at": NOW - 5, "end_reason": "stopped"}


@pytest.mark.parametrize(
    ("device", "word", "since"),
    [
        (stored(), "Runs", NOW - 300),
        (stored(beats=None), "Connected", NOW - 300),
        (stored(heard_at=NOW - 20), "Silent", NOW - 20),
        (stored(**LOST), "Offline", NOW - 5),
        (stored(**OFF), "Off", NOW - 5),
        (stored(beats=beat(may_run=False)), "Stands", NOW - 300),
    ],
)
def test_a_station_in_a_word(device, word, since):
    shown = view(device)
    assert (shown.word, shown.since) == (word, since)


def test_a_belt_stands_since_its_part_failed():
    printer = PartHealth(state="down", told="silent", since=NOW - 77)
    heartbeat = beat(may_run=False, problems={"printer": "silent"}, printer=printer)
    assert view(stored(beats=heartbeat)).since == NOW - 77


@pytest.mark.parametrize(
    "device", [stored(), stored(beats=beat(may_run=False)), stored(**LOST), stored(**OFF)]
)
def test_a_server_that_hears_nothing_calls_no_station_anything(device):
    shown = view(device, is_blind=True)
    assert (shown.tone, shown.word, shown.is_current) == ("unknown", "Not known", False)
    assert (shown.since, shown.since_form) == (NOW - 2, "ago")


@pytest.mark.parametrize(
    "device", [stored(heard_at=NOW - 20), stored(**LOST), stored(**OFF), stored(beats=None)]
)
def test_what_is_old_is_not_called_current(device):
    shown = view(device)
    assert shown.tone != "running"
    assert not shown.is_current


def test_those_that_need_a_person_come_first():
    stations = [view(stored()), view(stored(**OFF)), view(stored(**LOST)), view(stored(beats=None))]
    assert [one.word for one in by_need(stations)] == ["Offline", "Connected", "Runs", "Off"]


def test_a_minute_that_has_just_ended_is_not_missing_yet():
    assert trimmed([Minute(1, 0, 0), None]) == (Minute(1, 0, 0),)
    assert trimmed([Minute(1, 0, 0), None, None]) == (Minute(1, 0, 0), None)
    assert trimmed([]) == ()


@pytest.mark.parametrize(
    ("devices", "tone", "sentence"),
    [
        ([], "unknown", "No station has reported yet"),
        ([stored()], "running", "The station runs"),
        ([stored(), stored()], "running", "All 2 stations run"),
        ([stored(), stored(**OFF)], "running", "1 of 2 stations run, the others are off"),
        ([stored(**OFF)], "off", "The station is off"),
        ([stored(), stored(beats=None)], "unknown", "1 of 2 stations not heard yet"),
        ([stored(), stored(clock_offset_s=99.0)], "attention", "1 station needs a person"),
        ([stored(**LOST), stored(clock_offset_s=99.0)], "stopped", "2 stations need a person"),
    ],
)
def test_the_fleet_in_a_sentence(devices, tone, sentence):
    summary = summarise(by_need([view(one) for one in devices]), len(devices), is_blind=False)
    assert (summary.tone, summary.sentence) == (tone, sentence)


def test_the_fleet_of_a_blind_server():
    stations = [view(stored(), is_blind=True), view(stored(**LOST), is_blind=True)]
    summary = summarise(stations, 2, is_blind=True)
    assert (summary.tone, summary.needing) == ("unknown", ())


def test_the_day_of_the_fleet_is_that_of_its_stations():
    stations = [view(stored(), today=DayCounts(3, 1)), view(stored(), today=DayCounts(4, 0, 2, 1))]
    assert summarise(stations, 2, is_blind=False).today == DayCounts(7, 1, 2, 1)


@pytest.mark.parametrize(
    ("changed", "tone"),
    [
        ({"print_state": "printed"}, "off"),
        ({"print_state": "sent"}, "unknown"),
        ({"print_state": None}, "unknown"),
        ({"print_state": "unknown"}, "attention"),
        ({"print_state": "failed"}, "attention"),
        ({"print_state": "late"}, "attention"),
        ({"print_state": "printed", "label_state": "verified"}, "off"),
        ({"print_state": "printed", "label_state": "voided"}, "attention"),
        ({"print_state": "printed", "label_state": "a word of tomorrow"}, "off"),
        ({"outcome": "REVIEW"}, "attention"),
        ({"outcome": "REJECT"}, "off"),
    ],
)
def test_how_an_item_is(changed, tone):
    assert item_view(item(**changed), "belt-1", 0, lambda name: False).tone == tone


def test_pictures_are_linked_where_they_are():
    shown = item_view(item(), "belt-1", 0, lambda name: name.kind == "crop")
    assert shown.crop == "/api/v1/devices/belt-1/items/i1/crop"
    assert shown.label is None
    assert item_view(item(outcome="REVIEW"), "belt-1", 0, lambda name: True).label is None


def test_an_items_time_is_by_the_servers_clock():
    assert item_view(item(decided_at=500.0), "belt-1", 100.0, lambda name: False).at == 400.0


def test_an_item_is_named_as_far_as_it_is_known():
    for changed, name in (
        ({}, "C1"),
        ({"sku": None}, "carton"),
        ({"sku": None, "class_name": None}, "not recognised"),
    ):
        assert item_view(item(**changed), "belt-1", 0, lambda name: False).name == name
