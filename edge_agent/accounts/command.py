"""`beltmark-edge report`: the accounts of a shift, and whether they balance."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from beltmark.contract.documents import write_bytes
from edge_agent.accounts.entries import read_books
from edge_agent.accounts.period import period_of
from edge_agent.accounts.report import as_json, as_page, told_text
from edge_agent.settings import read_settings
from edge_agent.signals.addresses import NONE


def shift_report(
    station: Path,
    now: datetime,
    *,
    begin: str | None,
    end: str | None,
    hours: float,
    is_json: bool,
    page: Path | None,
) -> tuple[bool, Iterator[str]]:
    """Makes the report of a period.

    Args:
        station: The station file.
        now: The time of the question, with its zone.
        begin: See `period_of`.
        end: See `period_of`.
        hours: See `period_of`.
        is_json: Whether it is told as one JSON object.
        page: Where it is written as an HTML page as well.

    Returns:
        Whether the books balance, and the report line by line.

    Raises:
        InputError: The station file, the journal or the period cannot be used.
    """
    period = period_of(now, begin, end, hours)
    settings = read_settings(station)
    name = settings.station.name
    books = read_books(
        settings.journal_path,
        period.begin.timestamp(),
        period.end.timestamp(),
        has_photo_eye=settings.trigger.photo_eye != NONE,
    )
    if page is not None:
        write_bytes(page, as_page(name, period, books).encode())
    lines = (
        iter([json.dumps(as_json(name, period, books))])
        if is_json
        else told_text(name, period, books)
    )
    return not books.differences(), lines
