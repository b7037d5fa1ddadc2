from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.releases.expiry import LIFETIMES, ROLES, expired, renewals

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def expiries(**remaining: timedelta) -> dict[str, datetime]:
    return {role: NOW + remaining.get(role, LIFETIMES[role]) for role in ROLES}


def test_what_was_just_signed_is_not_renewed():
    assert renewals(expiries(), NOW) == ()
    assert expired(expiries(), NOW) == ()


@pytest.mark.parametrize(
    ("role", "remaining", "due"),
    [
        ("timestamp", timedelta(hours=11), ("timestamp",)),
        ("snapshot", timedelta(days=2), ("snapshot", "timestamp")),
        ("targets", timedelta(days=50), ("targets", "snapshot", "timestamp")),
        ("root", timedelta(days=50), ("root",)),
        ("root", timedelta(days=-1_000), ("root",)),
    ],
)
def test_a_role_is_renewed_before_it_expires_with_what_names_it(role, remaining, due):
    assert renewals(expiries(**{role: remaining}), NOW) == due


def test_what_was_signed_while_the_clock_was_years_ahead_is_renewed():
    """Or a station would believe for years that nothing newer exists."""
    assert renewals(expiries(timestamp=timedelta(days=1_000)), NOW) == ("timestamp",)


def test_a_clock_that_is_a_little_behind_renews_nothing():
    assert renewals(expiries(timestamp=timedelta(days=1, minutes=5)), NOW) == ()


def test_what_has_expired_is_named():
    assert expired(expiries(snapshot=timedelta(0), timestamp=timedelta(seconds=-1)), NOW) == (
        "snapshot",
        "timestamp",
    )
