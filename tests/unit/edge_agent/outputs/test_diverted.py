"""Diverts that are confirmed, and those that are not."""

from edge_agent.outputs.diverted import DivertWatch


def watch() -> DivertWatch:
    diverts = DivertWatch(timeout_s=10.0)
    diverts.advance(0.0, stands=False)
    return diverts


def test_a_confirmed_divert_holds_nothing_and_is_news_once() -> None:
    diverts = watch()
    diverts.asked("a")
    assert diverts.confirm("a")
    assert not diverts.confirm("a")
    diverts.asked("a")  # repeated, for its item was seen again on the way
    assert diverts.advance(100.0, stands=False) == []
    assert diverts.hold_reason is None


def test_one_that_is_not_confirmed_stops_the_belt_until_a_person_releases_it() -> None:
    diverts = watch()
    diverts.asked("a")
    assert diverts.advance(9.0, stands=False) == []
    diverts.asked("a")
    assert diverts.advance(10.5, stands=False) == ["a"]
    assert diverts.advance(11.0, stands=True) == []
    assert "item a may still be on the belt" in (diverts.hold_reason or "")
    assert diverts.release() == ["a"]
    assert diverts.hold_reason is None
    assert diverts.release() == []


def test_a_late_confirmation_releases_it_as_well() -> None:
    diverts = watch()
    diverts.asked("a")
    diverts.advance(11.0, stands=False)
    assert diverts.confirm("a")
    assert diverts.hold_reason is None


def test_time_counts_only_while_the_belt_runs() -> None:
    diverts = watch()
    diverts.asked("a")
    assert diverts.advance(60.0, stands=True) == []
    assert diverts.advance(69.0, stands=False) == []
    assert diverts.advance(70.5, stands=False) == ["a"]


def test_a_sensor_at_the_gate_confirms_in_order_and_never_what_is_overdue() -> None:
    diverts = watch()
    diverts.asked("a")
    diverts.advance(8.0, stands=False)
    diverts.asked("b")
    diverts.advance(11.0, stands=False)
    assert diverts.confirm_next() == "b"
    assert diverts.confirm_next() is None
    assert "item a" in (diverts.hold_reason or "")


def test_what_waits_is_bounded() -> None:
    diverts = watch()
    for number in range(256):
        diverts.asked(f"item-{number}")
    assert diverts.hold_reason == "too many diverts wait to be confirmed"
