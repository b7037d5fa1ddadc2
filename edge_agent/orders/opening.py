"""Builds what keeps a station's order up to date, from its settings."""

from collections.abc import Callable
from pathlib import Path

from edge_agent.orders.book import OrderBook
from edge_agent.orders.document import read_order
from edge_agent.orders.section import OrdersSection
from edge_agent.orders.sources import OrderFile, OrderSource
from edge_agent.orders.watch import OrderWatch


def open_source(section: OrdersSection) -> OrderSource:
    """Returns the source that a section names."""
    if not section.is_http:
        return OrderFile(Path(section.source))
    # Only here: a station on its own loads nothing that speaks to a network.
    from edge_agent.orders.server import OrderServer  # noqa: PLC0415

    return OrderServer(section.source)


def open_orders(
    section: OrdersSection, folder: Path, journal: Path, clock: Callable[[], float]
) -> OrderWatch:
    """Builds it; nothing is read or asked yet.

    Args:
        section: `[orders]`.
        folder: The station's data folder.
        journal: Path of the journal.
        clock: Seconds since the epoch.
    """
    return OrderWatch(
        open_source(section),
        name=section.source,
        book=OrderBook(),
        journal=journal,
        kept=folder / "order.json",
        clock=clock,
        poll_s=section.poll_s,
        stale_after_s=section.stale_after_s,
        is_near=not section.is_http,
    )


def look_at_order(section: OrdersSection) -> str:
    """Asks for the order once, for `check`.

    Raises:
        InputError: There is none that can be used.
    """
    content = open_source(section).fetch()
    lines = read_order(content or b"", section.source)
    return f"{len(lines)} lines, {sum(line.quantity for line in lines)} items"
