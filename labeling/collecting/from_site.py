"""Collects the samples that a site's stations sent to people: a session for each station and day.

A sample is its zone and nothing around it already (`contract.sample`). One that is there is not
fetched anew; what the site forgets meanwhile stays, until its own last day.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from beltmark.datasets.images import decode_image
from labeling.collecting.collection import Collection
from labeling.collecting.crops import as_jpeg
from labeling.collecting.record import CollectedImage, SessionRecord, last_day
from labeling.site import ListedSample
from labeling.site_samples import SampleSource, Unusable, fetch_image

_PIXELS_ONLY = frozenset({"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"})


@dataclass
class Fetched:
    """What came from a site.

    Attributes:
        fresh: Samples that are new here.
        there: Those that were here before.
        past: Those that are older than they may be kept.
        problems: Why others could not be fetched.
    """

    fresh: int = 0
    there: int = 0
    past: int = 0
    problems: list[str] = field(default_factory=list)


def take_samples(
    collection: Collection,
    site: SampleSource,
    limit: int,
    keep_days: int,
    now: datetime,
    *,
    advance: Callable[[int], Any] = lambda _: None,
) -> Fetched:
    """Fetches the newest samples.

    Args:
        collection: Where they go.
        site: The site.
        limit: Look at so many of the newest samples.
        keep_days: So long they may be kept, from the day on which they were taken.
        now: The time.
        advance: Is told how many samples more were seen to.

    Raises:
        InputError: The site can't be reached.
    """
    fetched = Fetched()
    known = collection.sources()
    for listed in sorted(site.samples(limit), key=_order):
        advance(1)
        taken_at = datetime.fromtimestamp(listed.sample.captured_at, UTC)
        if listed.sha256 in known:
            fetched.there += 1
        elif last_day(taken_at, keep_days) < now.astimezone(UTC).date():
            fetched.past += 1
        else:
            try:
                content = fetch_image(site, listed)
            except Unusable as problem:
                name = f"{listed.device}/{listed.sample.sample_id}"
                fetched.problems.append(f"{name}: {problem} (left out)")
                continue
            _keep(collection, listed, content, taken_at, keep_days)
            known |= {listed.sha256}
            fetched.fresh += 1
    return fetched


def _keep(
    collection: Collection,
    listed: ListedSample,
    content: bytes,
    taken_at: datetime,
    keep_days: int,
) -> None:
    name = f"{taken_at:%Y%m%d}-site-{listed.device}"
    record = collection.record(name) or SessionRecord(
        session_id=name,
        kind="site",
        begun_at=taken_at,
        delete_after=last_day(taken_at, keep_days),
        station=listed.device,
    )
    sample = listed.sample
    image = CollectedImage(
        file="000000.jpg",
        width_px=sample.width_px,
        height_px=sample.height_px,
        captured_at=taken_at,
        item=sample.item_id,
        source_sha256=listed.sha256,
    )
    collection.put(collection.keep(record, _plain(content), image))


def _plain(content: bytes) -> bytes:
    """Returns a JPEG as it is if it tells nothing beside its pixels, else these anew."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            is_plain = image.format == "JPEG" and _PIXELS_ONLY.issuperset(image.info)
    except (OSError, ValueError, SyntaxError):
        is_plain = False  # who knows what stands in it
    if is_plain:
        return content  # to the byte: a push knows it by that
    decoded = decode_image(content)
    assert decoded is not None, "it was decoded when it was fetched"
    return as_jpeg(decoded)


def _order(listed: ListedSample) -> tuple[float, str, str]:
    return (listed.sample.captured_at, listed.device, listed.sample.sample_id)
