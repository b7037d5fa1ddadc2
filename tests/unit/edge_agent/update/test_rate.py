from hypothesis import given
from hypothesis import strategies as st

from edge_agent.update.rate import RateWindow


def test_a_window_is_waited_for_before_anything_is_called_slow() -> None:
    window = RateWindow(10.0, 100.0, begun_at=50.0)
    window.add(1, 51.0)
    assert not window.is_too_slow(59.9)
    assert window.is_too_slow(60.0)


def test_a_fast_begin_does_not_pay_for_a_drip_after_it() -> None:
    window = RateWindow(10.0, 100.0, begun_at=0.0)
    window.add(1_000_000, 1.0)
    assert not window.is_too_slow(11.0)
    for second in range(2, 13):
        window.add(1, float(second))
    assert window.is_too_slow(12.0)
    assert window.bytes_per_s < 2


@given(st.floats(100.0, 1e6), st.floats(0.01, 5.0))
def test_what_keeps_the_pace_is_never_called_slow(rate: float, pause_s: float) -> None:
    window = RateWindow(10.0, 100.0, begun_at=0.0)
    at = 0.0
    while at < 40:
        at += pause_s
        window.add(round(rate * pause_s) + 60, at)
        if pause_s <= 1.0:
            assert not window.is_too_slow(at)


def test_a_drip_of_bytes_is_kept_in_little_memory() -> None:
    window = RateWindow(10.0, 100.0, begun_at=0.0)
    for step in range(100_000):
        window.add(1, step * 1e-4)
    assert len(window._chunks) <= 101
