"""Sends an open page's news as server-sent events (HTML standard, section 9.2).

What there is to say is `live`'s.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from fleet_server.pages.live import LiveFeed, Reader

_RETRY_MS: Final = 2_000
_SEND_TIMEOUT_S: Final = 20.0


class EventStream(StreamingResponse):
    """The answer to a page that wants to be kept up to date.

    Args:
        feed: Who gives out the reader; it is given back at the end.
        reader: What the page is told.
    """

    def __init__(self, feed: LiveFeed, reader: Reader) -> None:
        self._feed, self._reader = feed, reader
        headers = {"X-Accel-Buffering": "no"}  # proxies are not to gather it
        super().__init__(self._events(), headers=headers, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends until either side ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._feed.close(self._reader)

    async def stream_response(self, send: Send) -> None:
        """Sends; a browser that takes nothing any more is left."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                await send(message)

        await super().stream_response(send_in_time)

    async def _events(self) -> AsyncIterator[str]:
        yield f"retry: {_RETRY_MS}\n\n"
        while (said := await self._reader.next()) is not None:
            yield f"event: page\ndata: {said}\n\n"
