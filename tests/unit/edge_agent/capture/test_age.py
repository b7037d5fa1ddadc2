"""The age of pictures by a clock that need not be set."""

import pytest

from edge_agent.capture.age import PictureAge


@pytest.mark.parametrize("offset_s", [0.0, -1.7e9, 3_600.0])
def test_the_quickest_picture_tells_the_offset_of_the_clocks(offset_s: float) -> None:
    age = PictureAge()
    delays_s = [0.002, 0.05, 0.001, 0.3, 2.0]
    ages = [
        age.age_s(stamped_at=1_000.0 + n + offset_s, arrived_at=1_000.0 + n + delay)
        for n, delay in enumerate(delays_s)
    ]
    assert ages[1] == pytest.approx(0.048, abs=1e-5)
    assert ages[3:] == [pytest.approx(0.299, abs=1e-5), pytest.approx(1.999, abs=1e-5)]


def test_a_camera_without_a_clock_has_no_old_pictures() -> None:
    assert PictureAge().age_s(None, 1_000.0) == 0.0


def test_a_clock_that_was_set_back_is_believed_after_a_while() -> None:
    age = PictureAge()
    age.age_s(5_000.0, 1_000.0)
    ages = [age.age_s(n / 15, 1_000.0 + n / 15) for n in range(300)]
    assert ages[0] > 4_000
    assert ages[-1] == pytest.approx(0.0, abs=1e-6)
