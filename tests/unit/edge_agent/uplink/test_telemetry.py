"""Counts by the minute, and the parts that change."""

from beltmark.contract.records import LATENCY_BOUNDS_MS, PartHealth
from edge_agent.uplink.telemetry import HealthWatch, MinuteCounter


def test_a_minute_holds_what_happened_in_it():
    counter = MinuteCounter(130.0)
    counter.count_frame(0.012, dropped=2)
    counter.count_frame(0.015, dropped=2)
    counter.count_frame(9.0, dropped=5)
    counter.count_frame(None, dropped=5)
    counter.count_outcome("PRINT")
    counter.count_outcome("PRINT")
    counter.count_outcome("REVIEW")
    counter.count_label("printed")
    assert counter.roll(179.9) is None
    told = counter.roll(180.0)
    assert told is not None
    assert (told.start_at, told.frames, told.dropped) == (120.0, 4, 5)
    assert told.outcomes == {"PRINT": 2, "REVIEW": 1}
    assert told.labels == {"printed": 1}
    assert sum(told.latency_counts) == 3
    assert told.latency_counts[LATENCY_BOUNDS_MS.index(15)] == 2
    assert told.latency_counts[-1] == 1
    counter.count_frame(None, dropped=6)
    later = counter.finish(200.0)
    assert (later.start_at, later.frames, later.dropped) == (180.0, 1, 1)


def test_a_clock_that_is_set_begins_a_new_minute():
    counter = MinuteCounter(1e9)
    counter.count_outcome("REJECT")
    told = counter.roll(30.0)
    assert told is not None
    assert told.outcomes == {"REJECT": 1}
    assert counter.finish(31.0).start_at == 0.0


def test_only_changes_are_told():
    watch = HealthWatch()
    ready = PartHealth(state="ok", told="ready", since=1.0)
    assert [change.part for change in watch.changes({"printer": ready})] == ["printer"]
    assert watch.changes({"printer": ready.model_copy(update={"since": 2.0})}) == []
    out = PartHealth(state="down", told="media out")
    (change,) = watch.changes({"printer": out})
    assert change.health == out
