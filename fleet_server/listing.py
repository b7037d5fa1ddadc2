"""How devices, releases and samples are listed at the command line.

What is wrong with a station reads as on the pages. What came from outside is shown without its
control characters: a terminal would obey them.
"""

import json
import time
from collections.abc import Iterator

import sqlalchemy as sa

from beltmark.web.wording import Moments, duration, size
from fleet_server.api.devices import listed_device
from fleet_server.api.releases import listed_release
from fleet_server.api.samples import listed_sample
from fleet_server.handlers.samples import SampleFolder
from fleet_server.handlers.serials import NAMES, Numbers, told_capacity
from fleet_server.health import Health
from fleet_server.pages.station_views import StationView, by_need, station_view
from fleet_server.pages.updates import running_release
from fleet_server.site import Site
from fleet_server.storage.device_reads import read_devices
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.overview import read_overview
from fleet_server.storage.release_book import ReleaseBook


def device_lines(engine: sa.Engine, health: Health | None, *, as_json: bool) -> Iterator[str]:
    """The stations: how each is and what it runs, and a line for each thing that needs a person.

    Args:
        engine: The database.
        health: How the server is; None if none runs: then nobody knows how the stations are.
        as_json: One object a line, as the API lists them.

    Raises:
        StorageUnavailable: The database does not work at the moment.
    """
    now = time.time()
    started_at = now if health is None else health.started_at
    if as_json:
        wishes = {one.device: one for one in FleetStore(engine).all_desired()}
        for stored in read_devices(engine):
            listed = listed_device(stored, wishes.get(stored.device), started_at, now)
            yield listed.model_dump_json()
        return
    is_blind = health is None or not health.hears_devices
    stations = [
        station_view(
            row,
            now=now,
            started_at=started_at,
            is_blind=is_blind,
            has_picture=lambda *_: False,
        )
        for row in read_overview(engine, now, day_start_at=now).stations
    ]
    for station in by_need(stations):
        yield from _station_lines(station, Moments(now))


def serial_lines(numbers: Numbers, *, as_json: bool) -> Iterator[str]:
    """The numbers that stations lease: how many there are, are left, and for how long.

    Args:
        numbers: The site's.
        as_json: One object a line.

    Raises:
        StorageUnavailable: The database does not work at the moment.
    """
    for level in numbers.levels():
        left_s = level.seconds_left
        if as_json:
            told = {
                "kind": level.kind,
                "heads": [pool.head for pool in level.pools],
                "capacity": level.capacity,
                "left": level.left,
                "given_lately": level.given_lately,
                "over_s": level.over_s,
                "seconds_left": left_s,
            }
            yield json.dumps(told)
            continue
        name = NAMES[level.kind]
        yield f"{name:<8} {level.left:,} of {level.capacity:,} left"
        if left_s is None:
            yield "  none were given lately: when they run out is not known"
        else:
            lately = f"{level.given_lately:,} given in {duration(level.over_s)}"
            yield f"  {lately}: they run out in {duration(left_s)}"
        if level.kind == "serial":
            yield f"  prefix {level.pools[0].head}"
        else:
            section = numbers.settings.serials
            yield f"  {told_capacity(section.company_prefix or '', section.extension_digits)}"


def release_lines(engine: sa.Engine, *, as_json: bool) -> Iterator[str]:
    """The releases, the latest first, with the stations that run them by their own word.

    Raises:
        StorageUnavailable: The database does not work at the moment.
    """
    when, devices = Moments(time.time()), read_devices(engine)
    known = FleetStore(engine).releases()  # first: each of them has a standing then
    standings = ReleaseBook(engine).all()
    for release in known:
        state = standings[release.release].state
        if as_json:
            yield listed_release(release, state).model_dump_json()
            continue
        bundle = release.bundle
        running = [one.device for one in devices if running_release(one) == release.release]
        yield printable(
            f"{release.release:<24} {state:<10} added {when.text(release.added_at, 'day')} "
            f"by {release.added_by}; {len(bundle.files)} files, {size(bundle.total_bytes)}; "
            f"runs on {', '.join(running) or 'no station'}"
        )


def release_detail(book: ReleaseBook, engine: sa.Engine, release: str, now: float) -> Iterator[str]:
    """How a release stands, what it rests on, who runs it, and who did what to it.

    Raises:
        InputError: It is not known.
        StorageUnavailable: The database does not work at the moment.
    """
    when, held = Moments(now), book.one(release)
    evidence = held.evidence
    why = f": {held.why}" if held.why else ""
    since = when.text(held.since, "day")
    yield printable(f"{release}: {held.state}, {since}, by {held.by}{why}")
    yield printable(f"  gate: {evidence.told}")
    if evidence.dataset_sha256 is not None:
        yield printable(f"  trained on {evidence.dataset} ({evidence.dataset_sha256})")
    if (origin := evidence.origin) is not None:
        yield printable(f"  MLflow: beltmark.run = {origin.run}, experiment {origin.experiment}")
    running = [one.device for one in read_devices(engine) if running_release(one) == release]
    yield printable(f"  runs on {', '.join(running) or 'no station'}")
    for change in book.history(release):
        told = f" ({change.why})" if change.why else ""
        at = when.text(change.at, "day")
        yield printable(f"  {at} {change.by}: {change.act}, then {change.state}{told}")


def sample_lines(
    engine: sa.Engine, site: Site, last: int, device: str | None, *, as_json: bool
) -> Iterator[str]:
    """The latest samples, the latest first, each with the file of its image.

    Raises:
        StorageUnavailable: The database does not work at the moment.
    """
    when = Moments(time.time())
    folder = SampleFolder(site.samples_folder, kept=site.settings.limits.samples_per_device)
    for stored in FleetStore(engine).samples(last, device):
        if as_json:
            yield listed_sample(stored).model_dump_json()
            continue
        sample = stored.sample
        yield printable(
            f"{when.text(stored.received_at, 'day')} {stored.device:<16} {sample.outcome:<6} "
            f"{folder.path(stored.device, stored.sha256)} {sample.reason}"
        )


def printable(text: str) -> str:
    """A text in which nothing moves a terminal's cursor, rings its bell or turns its letters."""
    return "".join(
        one if one.isprintable() or one == "\u202f" else one.encode("unicode_escape").decode()
        for one in text
    )


def _station_lines(station: StationView, when: Moments) -> Iterator[str]:
    since = "" if station.since is None else when.text(station.since, station.since_form)
    told = " ".join(part for part in (station.told, since) if part)
    head = ", ".join(part for part in (station.word, told, _release_of(station)) if part)
    yield printable(f"{station.device:<16} {head}")
    for concern in station.concerns:
        since = "" if concern.since is None else f" (since {when.text(concern.since)})"
        yield printable(f"  {concern.tone}: {concern.what}{since}. {concern.mend}")


def _release_of(station: StationView) -> str:
    update = station.update
    running = f"runs {update.running}" if update.running else "has not said what it runs"
    if update.wanted is None:
        return running
    reason = f" ({update.reason})" if update.reason else ""
    return f"{running}, wanted {update.wanted}: {update.told}{reason}"
