"""What open pages are told, and when: only what changed, all of it after a break, and the truth."""

import asyncio
import json
import threading

import pytest
import sqlalchemy as sa
from fleet_messages import Clock
from markupsafe import Markup

from fleet_server.api.context import Trouble
from fleet_server.handlers.pictures import PictureFolder
from fleet_server.handlers.releases import ReleaseDesk
from fleet_server.pages.context import PageContext
from fleet_server.pages.live import LiveFeed, Made, Pace, TooManyReaders, make
from fleet_server.pages.rendering import NoSuchPage, Page
from fleet_server.releases.repository import ReleaseRepository
from fleet_server.settings import ReleasesSection
from fleet_server.storage.engine import StorageUnavailable
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.rollouts import RolloutStore

PACE = Pace(period_s=0.02, patience_s=0.1)


class Builder:
    """A page whose parts are as they are told to be."""

    def __init__(self, **parts: str) -> None:
        self.parts = parts
        self.lists: dict[str, list[str]] = {}
        self.error: Exception | None = None
        self.made = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, context: PageContext) -> Page:
        assert self.gate.wait(20)
        self.made += 1
        if self.error is not None:
            raise self.error
        return Page(
            path="/",
            title="A page",
            template="log.html",
            fragments={name: Markup(text) for name, text in self.parts.items()},
            now=context.clock(),
            lists=dict(self.lists),
            troubles=context.troubles(),
        )


@pytest.fixture
def troubles() -> list[Trouble]:
    return []


@pytest.fixture
def context(tmp_path, troubles) -> PageContext:
    engine, clock = sa.create_engine("sqlite://"), Clock()
    return PageContext(
        engine=engine,
        fleet=FleetStore(engine, clock),
        rollouts=RolloutStore(engine, clock(), clock),
        releases=ReleaseDesk(
            engine, ReleaseRepository(tmp_path, tmp_path), ReleasesSection(), clock
        ),
        pictures=PictureFolder(tmp_path, 1),
        troubles=lambda: list(troubles),
        started_at=clock(),
        clock=clock,
    )


async def news(reader) -> dict:
    said = await asyncio.wait_for(reader.next(), 20)
    assert said is not None
    return json.loads(said)


async def news_with(reader, name: str) -> dict:
    """The next news in which a fragment is told."""
    while True:
        said = await news(reader)
        if name in said["fragments"]:
            return said


def test_first_everything_is_told_then_only_what_changed(context):
    async def run():
        builder = Builder(a="<p id=a>1</p>", b="<p id=b>1</p>")
        feed = LiveFeed(context, pace=PACE)
        reader = feed.open("/", builder)
        first = await news(reader)
        assert set(first["fragments"]) == {"trouble", "a", "b"}
        assert (first["title"], first["blind"], first["now"]) == ("A page", False, context.clock())
        assert (await news(reader))["fragments"] == {}
        builder.parts["b"] = "<p id=b>2</p>"
        assert (await news_with(reader, "b"))["fragments"] == {"b": "<p id=b>2</p>"}
        feed.close(reader)

    asyncio.run(run())


def test_the_order_of_a_list_is_told_when_it_changes(context):
    async def run():
        builder = Builder(a="<p id=a>", b="<p id=b>")
        builder.lists = {"stations": ["a", "b"]}
        feed = LiveFeed(context, pace=PACE)
        reader = feed.open("/", builder)
        assert (await news(reader))["lists"] == {"stations": ["a", "b"]}
        assert "lists" not in await news(reader)
        builder.lists = {"stations": ["b", "a"]}
        while "lists" not in (said := await news(reader)):
            pass
        assert said["lists"] == {"stations": ["b", "a"]}
        feed.close(reader)

    asyncio.run(run())


def test_who_comes_again_is_told_everything_again(context):
    async def run():
        feed, builder = LiveFeed(context, pace=PACE), Builder(a="<p id=a>")
        first = feed.open("/", builder)
        await news(first)
        second = feed.open("/", builder)
        assert set((await news(second))["fragments"]) == {"trouble", "a"}
        feed.close(first)
        feed.close(second)

    asyncio.run(run())


def test_a_page_is_made_once_for_all_who_look_at_it_and_not_at_all_for_nobody(context):
    async def run():
        feed, builder = LiveFeed(context, pace=Pace(period_s=60)), Builder(a="<p id=a>")
        readers = [feed.open("/", builder) for _ in range(10)]
        for reader in readers:
            await news(reader)
        assert (builder.made, feed.readers) == (1, 10)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for reader in readers:
            feed.close(reader)
        assert feed.readers == 0
        assert (await asyncio.wait(tasks, timeout=20))[1] == set()
        again = feed.open("/", builder)
        await news(again)
        assert builder.made == 2
        feed.close(again)

    asyncio.run(run())


def test_closing_twice_is_closing_once(context):
    async def run():
        feed, builder = LiveFeed(context, pace=PACE), Builder(a="<p id=a>")
        one, other = feed.open("/", builder), feed.open("/", builder)
        feed.close(one)
        feed.close(one)
        assert feed.readers == 1
        await news(other)
        feed.close(other)

    asyncio.run(run())


def test_there_is_room_for_so_many(context):
    async def run():
        feed = LiveFeed(context, 2, PACE)
        readers = [feed.open("/", Builder()), feed.open("/log", Builder())]
        with pytest.raises(TooManyReaders):
            feed.open("/", Builder())
        feed.close(readers[0])
        feed.close(feed.open("/", Builder()))
        feed.close(readers[1])

    asyncio.run(run())


def test_the_end_of_the_server_ends_all_of_them_from_any_thread(context):
    async def run():
        feed, builder = LiveFeed(context, pace=PACE), Builder(a="<p id=a>")
        builder.gate.clear()  # one that has not even been told anything yet
        waiting, told = feed.open("/log", builder), feed.open("/", Builder(a="<p id=a>"))
        await news(told)
        ends = [asyncio.create_task(reader.next()) for reader in (waiting, told)]
        await asyncio.to_thread(feed.end)
        assert await asyncio.wait_for(asyncio.gather(*ends), 20) == [None, None]
        with pytest.raises(TooManyReaders):
            feed.open("/", builder)
        builder.gate.set()

    asyncio.run(run())


def test_the_end_may_come_before_anybody_looks_and_after_the_loop(context):
    feed = LiveFeed(context, pace=PACE)
    feed.end()

    other = LiveFeed(context, pace=PACE)

    async def run():
        other.close(other.open("/", Builder()))

    asyncio.run(run())
    other.end()


def test_a_page_that_is_not_there_any_more_ends(context):
    async def run():
        feed, builder = LiveFeed(context, pace=PACE), Builder()
        builder.error = NoSuchPage("gone")
        reader = feed.open("/devices/x", builder)
        assert await asyncio.wait_for(reader.next(), 20) is None
        feed.close(reader)

    asyncio.run(run())


def test_a_page_whose_making_hangs_is_said_to_be_old(context):
    async def run():
        feed, builder = LiveFeed(context, pace=PACE), Builder(a="<p id=a>1</p>")
        reader = feed.open("/", builder)
        await news(reader)
        builder.gate.clear()
        while not (said := await news(reader))["blind"]:
            pass
        assert "the database does not answer" in said["fragments"]["trouble"]
        builder.gate.set()
        while (await news(reader))["blind"]:
            pass
        feed.close(reader)

    asyncio.run(run())


def test_what_cannot_be_read_stays_and_is_said_to_be_old(context):
    builder = Builder(a="<p id=a>1</p>")
    before = make(context, builder, None)
    builder.error = StorageUnavailable("no such table")
    made = make(context, builder, before)
    assert made.fragments["a"] == "<p id=a>1</p>"
    assert made.is_blind
    assert "the database cannot be read: no such table" in made.fragments["trouble"]
    assert not before.is_blind


def test_what_was_never_read_is_said_to_be_old_too(context):
    builder = Builder()
    builder.error = StorageUnavailable("no such table")
    made = make(context, builder, None)
    assert made.is_blind
    assert set(made.fragments) == {"trouble"}


def test_a_mistake_of_ours_ends_no_page(context):
    builder = Builder(a="<p id=a>")
    builder.error = ZeroDivisionError()
    made = make(context, builder, Made(0.0, "A page", {"a": "<p id=a>"}))
    assert made.is_blind
    assert "an error in the server" in made.fragments["trouble"]
    assert made.fragments["a"] == "<p id=a>"


def test_a_server_that_hears_nothing_says_so_on_every_page(context, troubles):
    troubles.append(Trouble("the broker is away", since=9_000.0))
    made = make(context, Builder(), None)
    assert made.is_blind
    assert "the broker is away" in made.fragments["trouble"]
    troubles[:] = [Trouble("the disk is nearly full", is_blinding=False)]
    assert not make(context, Builder(), None).is_blind
