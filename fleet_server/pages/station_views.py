"""How a station reads on the pages: its state in one word, since when, and what about it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from markupsafe import Markup

from beltmark.contract.records import PartHealth
from beltmark.web.charts import sparkline
from beltmark.web.wording import Form
from fleet_server.domain.presence import Presence, presence
from fleet_server.pages.attention import (
    TONES,
    Concern,
    Known,
    Tone,
    concerns,
    current_heartbeat,
    tone_of,
)
from fleet_server.pages.item_views import HasPicture, ItemView, item_view
from fleet_server.pages.updates import Update, update_of
from fleet_server.storage.device_reads import StoredDevice
from fleet_server.storage.overview import DayCounts, Minute, StationRow, shift_s

_NOT_THERE_YET_MINUTES: Final = 1
"""A minute that has just ended may be on its way: it is not missing yet."""


@dataclass(frozen=True)
class StationView:
    """A station as it is shown.

    Attributes:
        device: Its name.
        href: Its own page.
        tone: How it is, all in all.
        word: The same in a word.
        told: What `since` is about: "connected", "last heard".
        since: A time, in seconds since the epoch; None where it is not known.
        since_form: How it reads: how long since, or how long ago.
        is_current: Whether what it says of itself is of now.
        concerns: What needs a person, the worst first.
        parts: How its parts are, by their names.
        waiting: Records that it has not delivered; None if it has not said.
        last_label: The latest item that was decided to be printed.
        today: Its items of today.
        minutes: Its last minutes.
        spark: Its labels per minute, drawn.
        update: How far it is with its release.
        stored: Whatever else it said.
        shift_s: By how much its times are reduced.
    """

    device: str
    href: str
    tone: Tone
    word: str
    told: str
    since: float | None
    since_form: Form
    is_current: bool
    concerns: tuple[Concern, ...]
    parts: tuple[tuple[str, PartHealth], ...]
    waiting: int | None
    last_label: ItemView | None
    today: DayCounts
    minutes: tuple[Minute | None, ...]
    spark: Markup
    update: Update
    stored: StoredDevice
    shift_s: float


def station_view(
    row: StationRow, *, now: float, started_at: float, is_blind: bool, has_picture: HasPicture
) -> StationView:
    """Returns a station as it is shown.

    Args:
        row: What is known of it.
        now: The server's time, in seconds since the epoch.
        started_at: When the server started.
        is_blind: Whether the server cannot know how it is at the moment.
        has_picture: Whether a picture is there.
    """
    stored = row.stored
    there = presence(stored.signs, started_at, now)
    update = update_of(stored, row.desired, there.state)
    known = Known(stored, there, update, row.minutes, row.open_gaps, now, started_at)
    found = concerns(known)
    heartbeat = current_heartbeat(stored)
    head, tone = _headline(there, stored, found), tone_of(known, found)
    if is_blind:
        tone, head = "unknown", _Headline("Not known", "last heard", stored.signs.heard_at, "ago")
    minutes = trimmed(row.minutes)
    last = row.last_label
    return StationView(
        device=stored.device,
        href=f"/devices/{quote(stored.device)}",
        tone=tone,
        word=head.word,
        told=head.told,
        since=head.since,
        since_form=head.form,
        is_current=there.state == "online" and heartbeat is not None and not is_blind,
        concerns=tuple(found),
        parts=tuple(heartbeat.parts.items()) if heartbeat is not None else (),
        waiting=heartbeat.waiting if heartbeat is not None else None,
        last_label=None
        if last is None
        else item_view(last, stored.device, shift_s(stored), has_picture),
        today=row.today,
        minutes=minutes,
        spark=sparkline(
            [None if minute is None else minute.printed for minute in minutes],
            title=f"labels per minute of {stored.device} in the last hour",
        ),
        update=update,
        stored=stored,
        shift_s=shift_s(stored),
    )


def by_need(stations: Sequence[StationView]) -> list[StationView]:
    """Stations in the order in which they need a person; alike, by name."""
    return sorted(stations, key=lambda station: (TONES.index(station.tone), station.device))


def trimmed(minutes: Sequence[Minute | None]) -> tuple[Minute | None, ...]:
    """Minutes without the latest, where it may be on its way."""
    known = tuple(minutes)
    for _ in range(_NOT_THERE_YET_MINUTES):
        if known and known[-1] is None:
            known = known[:-1]
    return known


@dataclass(frozen=True)
class _Headline:
    """The state in a word, and how its time reads: `told`, then `since` in its form."""

    word: str
    told: str
    since: float | None
    form: Form = "for"


def _headline(there: Presence, stored: StoredDevice, found: Sequence[Concern]) -> _Headline:
    match there.state:
        case "silent":
            return _Headline("Silent", "no sign of life", there.since)
        case "offline" if stored.signs.end_reason == "stopped":
            return _Headline("Off", "its agent was stopped", there.since, "ago")
        case "offline":
            return _Headline("Offline", "the connection was lost", there.since, "ago")
        case "unknown":
            return _Headline("Not heard", "since the server started", there.since, "ago")
        case "online":
            return _online(there, stored, found)


def _online(there: Presence, stored: StoredDevice, found: Sequence[Concern]) -> _Headline:
    heartbeat = current_heartbeat(stored)
    if heartbeat is None:
        return _Headline("Connected", "it has not said yet how it is", there.since)
    if heartbeat.may_run:
        return _Headline("Runs", "connected", there.since)
    starts = [one.since for one in found if one.tone == "stopped" and one.since is not None]
    if not starts:
        return _Headline("Stands", "connected", there.since)
    return _Headline("Stands", "", min(starts))
