"""What is sent next: in order, bounded, and again from what is committed when it was lost."""

from hypothesis import given
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


def test_an_old_word_changes_nothing():
    window = SendWindow(50, 80, 3.0)
    assert window.after_commit(40, True, 9.0) is window


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


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["send", "commit", "gap", "time", "rewind"]), st.integers(1, 300)
        ),
        max_size=60,
    )
)
def test_committed_only_grows_and_nothing_committed_is_sent(events: list[tuple[str, int]]):
    window, now = SendWindow(0, 0, 0.0), 0.0
    for what, number in events:
        before, now = window, now + number / 10
        match what:
            case "send" if window.may_send:
                window = window.after_sending(window.sent + number, now)
            case "commit":
                window = window.after_commit(min(number, window.sent), False, now)
            case "gap":
                window = window.after_commit(min(number, window.sent), True, now)
            case "time":
                window = window.after_time(now)
            case "rewind":
                window = window.rewound(now)
        assert before.committed <= window.committed <= window.sent
