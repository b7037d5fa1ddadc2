"""What is sent next: in order, bounded, and again from what is committed when it was lost."""

from itertools import count, repeat

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.uplink.window import MAX_AHEAD, RESEND_AFTER_S, RESEND_LIMIT_S, SendWindow


def test_no_more_than_the_window_is_on_its_way():
    window = SendWindow(0, 0, 0.0)
    while window.may_send:
        window = window.after_sending(window.sent + 200, 1.0)
    assert window.sent == MAX_AHEAD
    assert window.after_commit(200, False, 2.0).may_send


def test_a_gap_sends_again_from_what_is_committed():
    window = SendWindow(10, 400, 0.0).after_commit(50, True, 1.0)
    assert (window.committed, window.sent) == (50, 50)


def test_a_gap_is_answered_once_for_what_follows_it_tells_of_it_again():
    window = SendWindow(10, 400, 0.0).after_commit(50, True, 1.0).after_sending(250, 1.1)
    assert window.after_commit(50, True, 1.2).sent == 250
    assert window.after_commit(60, True, 1.2).sent == 60  # another one


def test_a_server_that_lost_its_memory_is_told_from_where_it_is():
    window = SendWindow(50, 80, 3.0).after_commit(0, False, 9.0)
    assert (window.committed, window.sent) == (0, 0)
    assert window.may_send


def test_while_nothing_is_committed_one_message_at_a_time_asks():
    window = SendWindow(0, 0, 0.0).after_sending(200, 0.0).after_time(RESEND_AFTER_S)
    assert window.is_stalled
    assert window.may_send
    window = window.after_sending(200, RESEND_AFTER_S)
    assert not window.may_send
    window = window.after_commit(200, False, RESEND_AFTER_S + 1)
    assert not window.is_stalled
    assert window.after_sending(400, RESEND_AFTER_S + 1).may_send


def test_what_is_not_committed_is_sent_again_with_growing_patience():
    window = SendWindow(0, 0, 0.0).after_sending(5, 100.0)
    assert window.after_time(100.0 + RESEND_AFTER_S - 0.1) is window
    now, pauses = 100.0, []
    for _ in range(5):
        pauses.append(window.patience_s)
        now += window.patience_s
        window = window.after_time(now)
        assert window.sent == 0
        window = window.after_sending(5, now)
    assert pauses == [10, 20, 40, 60, 60]
    assert pauses[-1] == RESEND_LIMIT_S
    assert window.after_commit(5, False, now).patience_s == RESEND_AFTER_S


def test_with_nothing_on_its_way_time_means_nothing():
    window = SendWindow(5, 5, 0.0)
    assert window.after_time(1e6) is window


class Receiver:
    """The server's rule: all up to `committed` is there; a gap is told of."""

    def __init__(self) -> None:
        self.there: set[int] = set()

    @property
    def committed(self) -> int:
        return next(number for number in count() if number + 1 not in self.there)

    def take(self, first: int, last: int) -> tuple[int, bool]:
        self.there |= set(range(first, last + 1))
        return self.committed, max(self.there) > self.committed


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["arrives", "is lost", "word is lost", "waits"]), max_size=40),
    st.integers(1, 60),
    st.booleans(),
)
def test_whatever_is_lost_on_the_way_all_of_it_arrives(
    fates: list[str], newest: int, forgets: bool
):
    server, window, now = Receiver(), SendWindow(0, 0, 0.0), 0.0
    chance = iter([*fates, *repeat("arrives", 1_000)])
    turns = 0
    while window.committed < newest:
        turns += 1
        assert turns < 200, "it does not come to an end"
        now += RESEND_LIMIT_S
        if forgets and turns == 3:
            server = Receiver()
        window = window.after_time(now)
        said: list[tuple[int, bool]] = []
        while window.may_send and window.sent < newest:
            first, last = window.sent + 1, min(window.sent + 7, newest)
            assert first > window.committed
            window = window.after_sending(last, now)
            fate = next(chance)
            if fate == "waits":
                break
            if fate != "is lost":
                word = server.take(first, last)
                said += [word] if fate == "arrives" else []
        for committed, has_gap in said:
            window = window.after_commit(committed, has_gap, now)
    assert server.there == set(range(1, newest + 1))
