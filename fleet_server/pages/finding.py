"""Which page an address is. What loads a page and what keeps it up to date find it here alike."""

import re
from collections.abc import Callable
from typing import Final

from fleet_server.pages.context import PageContext
from fleet_server.pages.overview_page import overview_page
from fleet_server.pages.releases_page import releases_page
from fleet_server.pages.rendering import Page
from fleet_server.pages.rollouts_page import rollouts_page
from fleet_server.pages.site_pages import item_page, log_page, samples_page
from fleet_server.pages.station_page import station_page

Builder = Callable[[PageContext], Page]

_NAME: Final = r"([A-Za-z0-9][A-Za-z0-9._\-]{0,63})"
_STATION: Final = re.compile(rf"/devices/{_NAME}")
_ITEM: Final = re.compile(rf"/devices/{_NAME}/items/{_NAME}")
_PLAIN: Final[dict[str, Builder]] = {
    "/": overview_page,
    "/releases": releases_page,
    "/rollouts": rollouts_page,
    "/samples": samples_page,
    "/log": log_page,
}


def find_page(path: str) -> Builder | None:
    """Returns what makes the page at a path; None if there is none."""
    if (builder := _PLAIN.get(path)) is not None:
        return builder
    if (station := _STATION.fullmatch(path)) is not None:
        device = station[1]
        return lambda context: station_page(context, device)
    if (item := _ITEM.fullmatch(path)) is not None:
        device, item_id = item[1], item[2]
        return lambda context: item_page(context, device, item_id)
    return None
