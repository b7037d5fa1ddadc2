"""The pages beside the stations': a single item, samples, the log."""

from dataclasses import dataclass
from urllib.parse import quote

from beltmark.contract.sample import Candidate
from fleet_server.pages.context import PageContext
from fleet_server.pages.item_views import ItemView, has_picture_in, item_view
from fleet_server.pages.rendering import NoSuchPage, Page, parts_of
from fleet_server.storage.fleet import StoredSample
from fleet_server.storage.overview import shift_s
from fleet_server.storage.site_reads import read_item, read_samples

MAX_LOG: int = 200


@dataclass(frozen=True)
class SampleView:
    """A sample as it is shown.

    Attributes:
        stored: The sample.
        image: Address of its image.
        item_href: The page of the item that it shows.
        candidates: What it may be, the likeliest first.
    """

    stored: StoredSample
    image: str
    item_href: str
    candidates: tuple[Candidate, ...]


def item_page(context: PageContext, device: str, item_id: str) -> Page:
    """Makes the page of one item.

    Raises:
        NoSuchPage: There is no such item.
        StorageUnavailable: The database cannot be read.
    """
    when = context.moments()
    detail = read_item(context.engine, device, item_id)
    if detail is None:
        raise NoSuchPage(f"there is no item {item_id!r} of {device!r}")
    item: ItemView = item_view(
        detail.item, device, shift_s(detail.device), has_picture_in(context.pictures)
    )
    sample = None if detail.sample is None else _sample_view(detail.sample)
    draw = parts_of("item_parts.html", when)
    return Page(
        path=item.href,
        title=f"Item of {device}",
        template="item.html",
        fragments={"item": draw("item", item, sample)},
        now=when.now,
        troubles=context.troubles(),
    )


def samples_page(context: PageContext, before: float | None = None) -> Page:
    """Makes the page of the samples; of those that came before a time, it is not kept up to date.

    Raises:
        StorageUnavailable: The database cannot be read.
    """
    when = context.moments()
    page = read_samples(context.engine, before)
    draw = parts_of("samples_parts.html", when)
    cards = {
        f"sample-{one.device}:{one.sample.sample_id}": draw("sample", _sample_view(one))
        for one in page.samples
    }
    return Page(
        path="/samples",
        title="Samples",
        template="samples.html",
        fragments={
            "head": draw("head", page.total, before),
            "older": draw("older", page.older_than),
            **cards,
        },
        lists={"samples": list(cards)},
        now=when.now,
        troubles=context.troubles(),
        is_live=before is None,
    )


def log_page(context: PageContext) -> Page:
    """Makes the page of what people did.

    Raises:
        StorageUnavailable: The database cannot be read.
    """
    when = context.moments()
    entries = context.fleet.log(MAX_LOG)
    return Page(
        path="/log",
        title="Log",
        template="log.html",
        fragments={"entries": parts_of("log_parts.html", when)("entries", entries, MAX_LOG)},
        now=when.now,
        troubles=context.troubles(),
    )


def _sample_view(stored: StoredSample) -> SampleView:
    device, sample = quote(stored.device), stored.sample
    return SampleView(
        stored=stored,
        image=f"/api/v1/samples/{device}/{quote(sample.sample_id)}/image",
        item_href=f"/devices/{device}/items/{quote(sample.item_id)}",
        candidates=sample.candidates,
    )
