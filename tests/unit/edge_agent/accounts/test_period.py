"""Which time a report is about."""

from datetime import UTC, datetime

import pytest

from beltmark.contract.errors import InputError
from edge_agent.accounts.period import Period, period_of

NOW = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 25, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (None, None, Period(at(7, 30), NOW)),
        ("06:00", None, Period(at(6), at(14))),
        ("14:00", None, Period(at(14), NOW)),
        (None, "14:00", Period(at(6), at(14))),
        ("06:00", "07:15", Period(at(6), at(7, 15))),
        ("2026-11-25T06:00+00:00", "2026-11-25 08:00", Period(at(6), at(8))),
    ],
)
def test_a_period_is_eight_hours_unless_both_ends_are_given(
    begin: str | None, end: str | None, expected: Period
) -> None:
    assert period_of(NOW, begin, end) == expected


@pytest.mark.parametrize(
    ("begin", "end", "field"),
    [("yesterday", None, "--from"), (None, "25:00", "--to"), ("14:00", "06:00", "--to")],
)
def test_what_is_no_period_is_told(begin: str | None, end: str | None, field: str) -> None:
    with pytest.raises(InputError) as told:
        period_of(NOW, begin, end)
    assert told.value.field == field
