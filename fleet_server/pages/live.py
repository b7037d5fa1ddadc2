"""Keeps open pages up to date: makes each of them anew, and sends on only what has changed.

However many look at a page, it is made once; a page that nobody looks at is not made. What does not
change is still said to be so every second: who hears nothing knows that the server is lost.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from fleet_server.api.context import Trouble
from fleet_server.pages.context import PageContext
from fleet_server.pages.finding import Builder
from fleet_server.pages.rendering import TROUBLE, NoSuchPage, draw_trouble
from fleet_server.storage.engine import StorageUnavailable

logger = logging.getLogger(__name__)

MAX_READERS: Final = 64
LASTS_S: Final = 600.0
"""Then a page must come again, and may be turned away: who signed out is not shown for ever."""

# Making a page takes at most a third of the time of one processor core.
_PAUSE_SHARE: Final = 2.0


@dataclass(frozen=True)
class Pace:
    """How often, and how long.

    Attributes:
        period_s: A page is made, and its readers are told, no more often than this.
        patience_s: A page whose making takes longer is said to be old.
    """

    period_s: float = 1.0
    patience_s: float = 5.0


class TooManyReaders(Exception):  # noqa: N818 - the state's own name
    """So many pages are kept up to date that there is no room for another."""


@dataclass(frozen=True)
class Made:
    """A page as it was last made.

    Attributes:
        now: The server's time when it was made, in seconds since the epoch.
        title: Its title.
        fragments: Its parts by their ids.
        lists: For the id of a list, the ids of its fragments in their order.
        is_blind: Whether what it shows may be old.
    """

    now: float
    title: str = ""
    fragments: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_blind: bool = True


def make(context: PageContext, builder: Builder, before: Made | None) -> Made:
    """Makes a page anew. Where that cannot be done, what was there stays, and is said to be old.

    Raises:
        NoSuchPage: There is no such page.
    """
    try:
        page = builder(context)
    except StorageUnavailable as error:
        told = Trouble(f"the database cannot be read: {error}")
        return _blinded(context, before, context.troubles() or [told])
    except NoSuchPage:
        raise
    except Exception:
        logger.exception("a page cannot be made")
        told = Trouble("an error in the server; its log tells more")
        return _blinded(context, before, [*context.troubles(), told])
    trouble = str(draw_trouble(page.troubles, context.moments()))
    return Made(
        page.now,
        page.title,
        {TROUBLE: trouble} | {name: str(part) for name, part in page.fragments.items()},
        page.lists,
        page.is_blind,
    )


def _blinded(context: PageContext, before: Made | None, troubles: Sequence[Trouble]) -> Made:
    when = context.moments()
    shown = {TROUBLE: str(draw_trouble(troubles, when))}
    last = before or Made(when.now)
    return replace(last, now=when.now, fragments={**last.fragments, **shown}, is_blind=True)


class _Watched:
    """A page that somebody looks at, and the task that makes it."""

    def __init__(self, context: PageContext, builder: Builder, pace: Pace) -> None:
        self._context, self._builder, self.pace = context, builder, pace
        self.readers: set[Reader] = set()
        self.made: Made | None = None
        self.fresh = asyncio.Event()  # set when it has been made anew; the next has its own
        self.is_over = False
        self._begun_at: float | None = None  # of the making that goes on, by the loop's clock
        self._task = asyncio.create_task(self._run())

    def current(self) -> Made | None:
        """The page; said to be old where its making takes so long that something is wrong."""
        made, begun_at = self.made, self._begun_at
        if made is None or begun_at is None:
            return made
        if asyncio.get_running_loop().time() - begun_at < self.pace.patience_s:
            return made
        return _blinded(self._context, made, [Trouble("the database does not answer", made.now)])

    def end(self) -> None:
        """Ends the making, and tells all readers."""
        self._task.cancel()
        self.is_over = True
        self.fresh.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._begun_at = begun_at = loop.time()
            try:
                self.made = await asyncio.to_thread(make, self._context, self._builder, self.made)
            except NoSuchPage:
                self.is_over = True
            self._begun_at = None
            self.fresh.set()
            if self.is_over:
                return
            self.fresh = asyncio.Event()
            await asyncio.sleep(max(self.pace.period_s, _PAUSE_SHARE * (loop.time() - begun_at)))


class Reader:
    """One open page. For use on the event loop.

    Args:
        watched: The page.
    """

    def __init__(self, watched: _Watched) -> None:
        self.watched = watched
        self._seen: dict[str, int] | None = None
        self._lists: Mapping[str, Sequence[str]] = {}
        self._ends_at = asyncio.get_running_loop().time() + LASTS_S

    async def next(self) -> str | None:
        """Waits for news, at most a period; returns what there is to say, None at the end."""
        if self._seen is not None or self.watched.made is None:
            await self._wait()
        while self.watched.made is None and not self.watched.is_over:
            await self._wait()
        made = self.watched.current()
        is_late = asyncio.get_running_loop().time() > self._ends_at
        return None if made is None or self.watched.is_over or is_late else self._tell(made)

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.watched.fresh.wait(), self.watched.pace.period_s)

    def _tell(self, made: Made) -> str:
        seen = self._seen or {}
        self._seen = {name: hash(part) for name, part in made.fragments.items()}
        said: dict[str, object] = {
            "now": made.now,
            "title": made.title,
            "blind": made.is_blind,
            "fragments": {
                name: made.fragments[name]
                for name, digest in self._seen.items()
                if seen.get(name) != digest
            },
        }
        if made.lists != self._lists:
            said["lists"] = {name: list(ids) for name, ids in made.lists.items()}
            self._lists = made.lists
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


class LiveFeed:
    """All open pages.

    Args:
        context: What the pages need.
        max_readers: So many are kept up to date at once.
        pace: How often.
    """

    def __init__(
        self, context: PageContext, max_readers: int = MAX_READERS, pace: Pace | None = None
    ) -> None:
        self._context, self._max_readers = context, max_readers
        self._pace = pace or Pace()
        self._watched: dict[str, _Watched] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_ending = False

    @property
    def readers(self) -> int:
        """How many pages are kept up to date."""
        return sum(len(watched.readers) for watched in self._watched.values())

    def open(self, path: str, builder: Builder) -> Reader:
        """Begins to keep a page up to date. For use on the event loop, as is `close`.

        Args:
            path: Its address: pages with the same one are made once.
            builder: What makes it.

        Raises:
            TooManyReaders: There is no room for it, or the server ends.
        """
        if self._is_ending or self.readers >= self._max_readers:
            raise TooManyReaders
        self._loop = asyncio.get_running_loop()
        watched = self._watched.get(path)
        if watched is None or watched.is_over:
            watched = self._watched[path] = _Watched(self._context, builder, self._pace)
        reader = Reader(watched)
        watched.readers.add(reader)
        return reader

    def close(self, reader: Reader) -> None:
        """Ends one open page; a page that nobody looks at any more is not made any more."""
        reader.watched.readers.discard(reader)
        if not reader.watched.readers:
            reader.watched.end()
        for path, watched in list(self._watched.items()):
            if not watched.readers:
                del self._watched[path]

    def end(self) -> None:
        """Ends all open pages, so that the server can end. For any thread, and signal handlers."""
        self._is_ending = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and they with it
                self._loop.call_soon_threadsafe(self._end_all)

    def _end_all(self) -> None:
        for watched in list(self._watched.values()):
            watched.end()
