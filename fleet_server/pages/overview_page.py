"""The first page: which station needs a person, what is wrong, since when, and what to do."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fleet_server.pages.attention import TONES, Tone
from fleet_server.pages.context import PageContext
from fleet_server.pages.item_views import has_picture_in
from fleet_server.pages.rendering import Page, parts_of
from fleet_server.pages.station_views import StationView, by_need, station_view
from fleet_server.storage.overview import DayCounts, read_overview


@dataclass(frozen=True)
class Summary:
    """The fleet in a sentence and some numbers.

    Attributes:
        tone: How it is, all in all.
        sentence: The same in words.
        needing: The stations that need a person, the worst first.
        today: Items of today.
        states: How many stations are how, the worst first; without those that there are none of.
        shown: How many stations are shown.
        total: How many there are.
    """

    tone: Tone
    sentence: str
    needing: tuple[StationView, ...]
    today: DayCounts
    states: tuple[tuple[Tone, int], ...]
    shown: int
    total: int


def overview_page(context: PageContext) -> Page:
    """Makes the page.

    Raises:
        StorageUnavailable: The database cannot be read.
    """
    when, troubles = context.moments(), context.troubles()
    is_blind = any(trouble.is_blinding for trouble in troubles)
    overview = read_overview(context.engine, when.now, context.day_start_at(when.now))
    has_picture = has_picture_in(context.pictures)
    stations = by_need(
        [
            station_view(
                row,
                now=when.now,
                started_at=context.started_at,
                is_blind=is_blind,
                has_picture=has_picture,
            )
            for row in overview.stations
        ]
    )
    summary = summarise(stations, overview.total, is_blind)
    draw = parts_of("overview_parts.html", when)
    fragments = {"summary": draw("summary", summary, context.day_start_at(when.now))}
    fragments["hint"] = draw("hint", summary)
    rows = {f"station-{one.device}": draw("station", one) for one in stations}
    needing = len(summary.needing)
    return Page(
        path="/",
        title=f"({needing}) Stations" if needing else "Stations",
        template="overview.html",
        fragments=fragments | rows,
        lists={"stations": list(rows)},
        now=when.now,
        troubles=troubles,
    )


def summarise(stations: Sequence[StationView], total: int, is_blind: bool) -> Summary:
    """Returns the fleet in a sentence and some numbers."""
    numbers = Counter(station.tone for station in stations)
    needing = [one for one in stations if one.tone in ("stopped", "attention")]
    tone, sentence = _sentence(stations, numbers, len(needing), is_blind)
    return Summary(
        tone=tone,
        sentence=sentence,
        needing=tuple(needing),
        today=sum((one.today for one in stations), DayCounts()),
        states=tuple((tone, numbers[tone]) for tone in TONES if numbers[tone]),
        shown=len(stations),
        total=total,
    )


def _sentence(
    stations: Sequence[StationView], numbers: Counter[Tone], needing: int, is_blind: bool
) -> tuple[Tone, str]:
    number = len(stations)
    if not number:
        return "unknown", "No station has reported yet"
    if is_blind:
        return "unknown", "It is not known how the stations are"
    if needing:
        worst: Tone = "stopped" if numbers["stopped"] else "attention"
        return worst, f"{needing} {'station needs' if needing == 1 else 'stations need'} a person"
    if numbers["unknown"]:
        return "unknown", f"{numbers['unknown']} of {number} stations not heard yet"
    return ("running" if numbers["running"] else "off"), _running(number, numbers)


def _running(number: int, numbers: Counter[Tone]) -> str:
    if not numbers["running"]:
        return "The station is off" if number == 1 else f"All {number} stations are off"
    if numbers["off"]:
        return f"{numbers['running']} of {number} stations run, the others are off"
    return "The station runs" if number == 1 else f"All {number} stations run"
