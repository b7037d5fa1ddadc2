from datetime import UTC, datetime, timedelta, timezone

import pytest

from beltmark.web.wording import Moments, count, duration, percent, size

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC).timestamp()


def plain(text: str) -> str:
    return text.replace("\u202f", " ")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (12_304, "12 304"), (1e9, "1 000 000 000")]
)
def test_thousands_are_apart(number, text):
    assert plain(count(number)) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.0004, "<0.1 %"),
        (0.003, "0.3 %"),
        (0.5, "50 %"),
        (0.994, "99 %"),
        (0.996, "99.6 %"),
        (0.99999, "99.9 %"),
        (1, "100 %"),
    ],
)
def test_only_what_is_certain_is_all_or_nothing(share, text):
    assert plain(percent(share)) == text


@pytest.mark.parametrize(
    ("length", "text"), [(12, "12 B"), (3_200, "3.2 kB"), (4.4e6, "4.4 MB"), (5e9, "5.0 GB")]
)
def test_sizes(length, text):
    assert size(length) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3, "3 s"),
        (-75, "1 min"),
        (7_300, "2 h"),
        (100_000, "27 h"),
        (200_000, "2 days"),
        (56 * 365.25 * 86_400, "56 years"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_a_moment_is_written_as_it_was_and_never_as_an_age():
    when = Moments(NOW, UTC)
    for form in ("clock", "minute", "day", "ago", "for"):
        assert "ago" not in when.text(NOW - 3, form)
    assert when.text(NOW - 3) == "11:59:57"
    assert when.text(NOW - 3, "for") == "since 11:59:57"
    assert when.text(NOW - 3, "minute") == "11:59"


def test_a_moment_of_another_day_has_its_date():
    when = Moments(NOW, UTC)
    assert when.text(NOW - 86_400, "ago") == "24 Nov, 12:00"
    assert when.text(NOW - 400 * 86_400) == "2025-10-21, 12:00"


def test_a_moment_carries_what_the_script_needs():
    markup = Moments(NOW, timezone(timedelta(hours=1)))(NOW - 3, "ago")
    assert markup == (
        '<time datetime="2026-11-25T12:59:57+01:00" data-at="1795607997.000" data-form="ago">'
        "12:59:57</time>"
    )


@pytest.mark.parametrize("at", [-1e12, 0, 1e11, 1e300])
def test_no_time_that_a_device_can_say_is_too_much(at):
    assert Moments(NOW, UTC)(at).startswith("<time ")
