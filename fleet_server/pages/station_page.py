"""A station's own page: how it is, what it decided, how fast, and which release it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from markupsafe import Markup

from beltmark.contract.records import LATENCY_BOUNDS_MS, Counters
from beltmark.web.charts import Mark, Moment, Series, histogram, stacked_bars
from beltmark.web.wording import Moments, percent
from fleet_server.domain.latency import Percentile, add_histograms, percentile
from fleet_server.pages.attention import is_wanted
from fleet_server.pages.context import PageContext
from fleet_server.pages.item_views import has_picture_in, item_view
from fleet_server.pages.rendering import NoSuchPage, Page, parts_of
from fleet_server.pages.station_views import StationView, station_view
from fleet_server.storage.overview import MINUTE_S, first_minute
from fleet_server.storage.station_detail import StationDetail, read_station

_SERIES: Final = (
    Series("labels", "printed"),
    Series("left to people", "reviewed"),
    Series("rejected", "rejected"),
)
_SHARES: Final = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Charts:
    """What a station did in the last hour, drawn.

    Attributes:
        throughput: Items per minute.
        latency: Frames by the time from capture to decision; None if no frame was timed.
        percentiles: The same in words.
        dropped: Frames that were dropped.
        frames: Frames that were looked at.
    """

    throughput: Markup
    latency: Markup | None
    percentiles: tuple[str, ...]
    dropped: int
    frames: int


def station_page(context: PageContext, device: str) -> Page:
    """Makes the page.

    Raises:
        NoSuchPage: There is no such station.
        StorageUnavailable: The database cannot be read.
    """
    when, troubles = context.moments(), context.troubles()
    detail = read_station(context.engine, device, when.now, context.day_start_at(when.now))
    if detail is None:
        raise NoSuchPage(f"there is no station {device!r}")
    has_picture = has_picture_in(context.pictures)
    station = station_view(
        detail.row,
        now=when.now,
        started_at=context.started_at,
        is_blind=any(trouble.is_blinding for trouble in troubles),
        has_picture=has_picture,
    )
    items = [item_view(one, device, station.shift_s, has_picture) for one in detail.items]
    draw = parts_of("station_parts.html", when)
    wanted = {gap for gap in detail.gaps if is_wanted(gap, detail.row.stored)}
    return Page(
        path=f"/devices/{quote(device)}",
        title=device,
        template="station.html",
        fragments={
            "state": draw("state", station),
            "release": draw("release", station, detail.row.desired),
            "rollout": draw("rollout", station, detail.row.desired, detail.releases),
            "charts": draw("charts", draw_charts(station, detail, when)),
            "items": draw("items", items),
            "parts": draw("parts", station),
            "facts": draw("facts", station),
            "health": draw("health", detail.health),
            "updates": draw("updates", detail.updates),
            "gaps": draw("gaps", detail.gaps, wanted),
        },
        now=when.now,
        troubles=troubles,
    )


def draw_charts(station: StationView, detail: StationDetail, when: Moments) -> Charts:
    """Draws what a station did in the last hour."""
    start_at = first_minute(when.now)
    moments = [start_at + MINUTE_S * index for index in range(len(station.minutes))]
    counts = add_histograms(one.latency_counts for one in detail.counters)
    found = [one for share in _SHARES if (one := percentile(counts, share)) is not None]
    return Charts(
        throughput=stacked_bars(
            [
                None if one is None else (one.printed, one.reviewed, one.rejected)
                for one in station.minutes
            ],
            _SERIES,
            [Moment(at, when.text(at, "minute")) for at in moments],
            title=f"items per minute of {station.device} in the last hour",
            unit="items per minute",
        ),
        latency=_draw_latency(counts, found, station.device) if found else None,
        percentiles=tuple(_told(one) for one in found),
        dropped=_sum(detail.counters, "dropped"),
        frames=_sum(detail.counters, "frames"),
    )


def _draw_latency(counts: Sequence[int], found: Sequence[Percentile], device: str) -> Markup:
    return histogram(
        counts,
        [str(bound) if bound < 1_000 else f"{bound / 1_000:g}k" for bound in LATENCY_BOUNDS_MS],
        [Mark(one.bin + 1, percent(one.share)) for one in found],
        title=f"time from capture to decision at {device} in the last hour",
        unit="ms",
    )


def _told(one: Percentile) -> str:
    within = "more than" if one.within_ms is None else "within"
    bound = LATENCY_BOUNDS_MS[-1] if one.within_ms is None else one.within_ms
    return f"{percent(one.share)} {within} {bound} ms"


def _sum(counted: Sequence[Counters], what: str) -> int:
    return sum(getattr(one, what) for one in counted)
