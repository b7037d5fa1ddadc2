"""A page that is kept up to date by server-sent events, and the forms on it, as the script has it.

For pages that a machine at the belt serves; what they show is the parts'.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

PERIOD_S: Final = 1.0
_LASTS_S: Final = 600.0
_MAX_FORM_BYTES: Final = 4_096
_MAX_FIELDS: Final = 16


@dataclass(frozen=True)
class LivePage:
    """A page at a moment, as `base.html` and the script want it.

    Attributes:
        title: Its title.
        now: The machine's time, in seconds since the epoch.
        fragments: Its parts by their ids.
        lists: For the id of a list, the ids of its fragments in their order.
        is_blind: Whether what it shows may be old.
        told: What just went wrong with what the person asked for; empty if nothing.
    """

    title: str
    now: float
    fragments: Mapping[str, str]
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_blind: bool = False
    told: str = ""
    path: str = "/"
    is_live: bool = True


async def form_fields(request: Request) -> dict[str, str]:
    """Returns the fields of a form; of a field that comes twice, the first.

    Raises:
        HTTPException: 413, it is too long.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_FORM_BYTES:
            raise HTTPException(413)
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MAX_FIELDS)
    except ValueError:
        fields = {}
    return {name: values[0] for name, values in fields.items()}


def news_of(page: LivePage, seen: Mapping[str, int]) -> tuple[dict[str, Any], dict[str, int]]:
    """Returns what has changed on a page, for the script, and what to give as `seen` next.

    Args:
        page: As it is now.
        seen: What its reader has; empty for nothing.
    """
    fresh = {name: hash(part) for name, part in page.fragments.items()}
    changed = {
        name: page.fragments[name] for name, digest in fresh.items() if seen.get(name) != digest
    }
    news = {
        "now": page.now,
        "title": page.title,
        "blind": page.is_blind,
        "fragments": changed,
        "lists": page.lists,
    }
    return news, fresh


async def page_events(
    page: Callable[[], LivePage],
    readers: asyncio.Semaphore,
    is_over: Callable[[], bool] = lambda: False,
) -> AsyncIterator[str]:
    """Tells what has changed on a page, each second; that nothing has is said as well.

    Args:
        page: Makes it anew; called on another thread.
        readers: How many may read at once.
        is_over: Whether nobody is to be told any more.
    """
    async with readers:
        seen: dict[str, int] = {}
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + _LASTS_S
        yield "retry: 1000\n\n"
        while loop.time() < ends_at and not is_over():
            news, seen = news_of(await asyncio.to_thread(page), seen)
            yield f"event: page\ndata: {json.dumps(news, separators=(',', ':'))}\n\n"
            await asyncio.sleep(PERIOD_S)
