"""What about a station needs a person, and that nothing is called well that is not known to be."""

import pytest
from fleet_messages import STREAM
from fleet_stations import NOW, STARTED_AT, beat, report, stored, wish

from beltmark.contract.records import PartHealth
from fleet_server.domain.presence import presence
from fleet_server.pages.attention import Known, concerns, current_heartbeat, tone_of
from fleet_server.pages.updates import update_of
from fleet_server.storage.gap_reads import Gap
from fleet_server.storage.overview import Minute


def known(device, *, minutes=(), gaps=(), desired=None, started_at=STARTED_AT) -> Known:
    there = presence(device.signs, started_at, NOW)
    update = update_of(device, desired, there.state)
    return Known(device, there, update, minutes, gaps, NOW, started_at)


def judged(device, **more):
    one = known(device, **more)
    found = concerns(one)
    return tone_of(one, found), found


def test_a_station_that_is_heard_and_runs_needs_nobody():
    assert judged(stored()) == ("running", [])


def test_what_holds_the_belt_stops_a_station_and_says_who_and_what_to_do():
    printer = PartHealth(state="degraded", told="out of paper", since=NOW - 40)
    heartbeat = beat(may_run=False, problems={"printer": "out of paper"}, printer=printer)
    tone, [concern] = judged(stored(beats=heartbeat))
    assert tone == concern.tone == "stopped"
    assert concern.what == "The printer holds the belt: out of paper"
    assert "paper" in concern.mend
    assert concern.since == NOW - 40


def test_a_belt_that_stands_without_a_reason_is_told_of_too():
    tone, [concern] = judged(stored(beats=beat(may_run=False)))
    assert (tone, concern.tone) == ("stopped", "stopped")


@pytest.mark.parametrize(("state", "tone"), [("degraded", "attention"), ("down", "attention")])
def test_a_part_that_is_not_well_wants_to_be_looked_at(state, tone):
    device = stored(beats=beat(journal=PartHealth(state=state, told="disk full", since=NOW - 7)))
    judged_tone, [concern] = judged(device)
    assert judged_tone == concern.tone == tone
    assert concern.what == "Journal: disk full"
    assert concern.since == NOW - 7


def test_a_part_of_which_nothing_is_known_is_not_well():
    assert judged(stored(beats=beat(camera=PartHealth(state="unknown"))))[0] == "unknown"


def test_every_part_has_something_to_do():
    for part in ("printer", "camera", "output 1", "something new"):
        [concern] = judged(stored(beats=beat(**{part: PartHealth(state="down")})))[1]
        assert concern.mend


@pytest.mark.parametrize(
    ("signs", "tone", "what"),
    [
        ({"heard_at": NOW - 16}, "stopped", "No sign of life"),
        ({"ended_at": NOW - 5, "end_reason": "lost"}, "stopped", "connection was lost"),
    ],
)
def test_silence_stops_a_station(signs, tone, what):
    judged_tone, [concern] = judged(stored(**signs))
    assert judged_tone == tone
    assert what in concern.what
    assert concern.since is not None


def test_a_station_that_was_switched_off_needs_nobody():
    assert judged(stored(ended_at=NOW - 5, end_reason="stopped")) == ("off", [])


def test_what_a_station_said_before_it_fell_silent_is_not_told_as_if_it_were_so_now():
    heartbeat = beat(may_run=False, problems={"printer": "out of paper"}, waiting=5_000)
    found = judged(stored(heard_at=NOW - 60, beats=heartbeat, clock_offset_s=1e6))[1]
    assert [concern.what for concern in found] == ["No sign of life, though its connection stands"]


def test_after_the_servers_start_a_station_has_a_moment_to_be_heard():
    signs = {"heard_at": NOW - 500, "born_at": NOW - 900}
    assert judged(stored(**signs), started_at=NOW - 20) == ("unknown", [])
    tone, [concern] = judged(stored(**signs), started_at=NOW - 100)
    assert (tone, concern.what) == ("attention", "Not heard since the server started")


def test_a_heartbeat_of_an_older_session_says_nothing():
    device = stored(session=2, beats=beat(session=1, may_run=False, problems={"agent": "stops"}))
    assert current_heartbeat(device) is None
    assert judged(device) == ("unknown", [])


def test_without_a_heartbeat_nothing_is_known():
    assert judged(stored(beats=None)) == ("unknown", [])


@pytest.mark.parametrize(
    ("offset_s", "told"), [(-320, "5 min behind"), (75, "1 min ahead"), (1e9, "31 years ahead")]
)
def test_a_clock_that_is_off_is_told(offset_s, told):
    tone, [concern] = judged(stored(clock_offset_s=offset_s))
    assert tone == "attention"
    assert concern.what == f"Its clock is {told}"


def test_a_clock_that_is_nearly_right_is_right():
    assert judged(stored(clock_offset_s=9.0)) == ("running", [])


def test_many_reviews_are_told():
    minutes = [None, *[Minute(6, 4, 0)] * 3]
    tone, [concern] = judged(stored(), minutes=minutes)
    assert tone == "attention"
    assert concern.what == "Reviewing: 12 of the last 30 items were left to people"


@pytest.mark.parametrize(
    "minutes",
    [
        (),
        [None] * 60,
        [Minute(0, 4, 0)],  # few
        [Minute(20, 6, 0)],  # a small share
        [Minute(0, 50, 0), *[Minute(9, 0, 0)] * 10],  # long ago
    ],
)
def test_a_few_reviews_are_as_it_should_be(minutes):
    assert judged(stored(), minutes=minutes) == ("running", [])


def test_many_waiting_records_are_told():
    assert judged(stored(beats=beat(waiting=999))) == ("running", [])
    tone, [concern] = judged(stored(beats=beat(waiting=1_000)))
    assert tone == "attention"
    assert "wait to be sent" in concern.what


def gap(stream: str = STREAM) -> Gap:
    return Gap(stream, 5, 9, NOW - 30, None, "open")


def test_missing_records_are_told():
    tone, [concern] = judged(stored(), gaps=[gap(), gap()])
    assert tone == "attention"
    assert (concern.what, concern.since) == ("10 records are missing", NOW - 30)


def test_records_of_an_outbox_that_is_gone_are_not_asked_for():
    assert judged(stored(), gaps=[gap("another")]) == ("running", [])


def test_a_refused_release_is_told():
    device = stored(reports=report(2, "refused", reason="golden image 03 is off"))
    tone, [concern] = judged(device, desired=wish())
    assert tone == "attention"
    assert concern.what == "Refused release r2: golden image 03 is off"


def test_unusable_messages_are_told_for_a_while():
    said = {"malformed": 3, "malformed_told": "no JSON"}
    tone, [concern] = judged(stored(malformed_at=NOW - 60, **said))
    assert tone == "attention"
    assert "no JSON" in concern.what
    assert judged(stored(malformed_at=NOW - 4_000, **said)) == ("running", [])


def test_the_worst_comes_first():
    heartbeat = beat(
        may_run=False,
        problems={"camera": "dark"},
        camera=PartHealth(state="down"),
        journal=PartHealth(state="unknown"),
    )
    _, found = judged(stored(beats=heartbeat, clock_offset_s=99.0))
    assert [concern.tone for concern in found] == ["stopped", "attention", "unknown"]
