import pytest

from fleet_server.domain.presence import Presence, Signs, presence

STARTED_AT = 1_000.0


def state(signs: Signs, now: float) -> Presence:
    return presence(signs, STARTED_AT, now)


def test_a_device_that_is_heard_is_online_since_its_birth():
    told = state(Signs(born_at=1_100.0, heard_at=1_500.0), now=1_514.0)
    assert (told.state, told.since) == ("online", 1_100.0)


def test_a_device_that_is_not_heard_is_silent_since_its_last_sign():
    told = state(Signs(born_at=1_100.0, heard_at=1_500.0), now=1_516.0)
    assert (told.state, told.since) == ("silent", 1_500.0)
    assert "15 s" in told.told


@pytest.mark.parametrize(("reason", "word"), [("stopped", "stopped"), ("lost", "lost")])
def test_a_device_whose_session_ended_is_offline_and_says_how(reason, word):
    signs = Signs(born_at=1_100.0, heard_at=1_500.0, ended_at=1_501.0, end_reason=reason)
    told = state(signs, now=1_502.0)
    assert (told.state, told.since) == ("offline", 1_501.0)
    assert word in told.told


def test_only_the_end_of_a_session_was_heard():
    assert state(Signs(None, 1_500.0, 1_500.0, "lost"), now=1_501.0).state == "offline"


@pytest.mark.parametrize(
    "signs",
    [
        Signs(born_at=None, heard_at=None),
        Signs(born_at=900.0, heard_at=999.0),
        Signs(born_at=900.0, heard_at=990.0, ended_at=999.0, end_reason="stopped"),
    ],
)
def test_what_was_before_the_server_started_says_nothing(signs):
    told = state(signs, now=1_001.0)
    assert (told.state, told.since) == ("unknown", STARTED_AT)


def test_a_session_that_outlives_a_restart_of_the_server_is_online_since_its_birth():
    told = state(Signs(born_at=900.0, heard_at=1_002.0), now=1_003.0)
    assert (told.state, told.since) == ("online", 900.0)


def test_a_sign_from_the_future_is_not_fresh():
    signs = Signs(born_at=1_100.0, heard_at=9_000.0)
    assert state(signs, now=1_200.0).state == "silent"
    assert state(signs, now=8_999.0).state == "online"
