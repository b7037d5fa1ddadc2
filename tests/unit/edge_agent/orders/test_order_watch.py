"""The order's state over time: kept, counted, old, another; nothing is taken twice or lost."""

from datetime import date
from pathlib import Path

import pytest
from evidence_case import product

from beltmark.contract.errors import InputError
from edge_agent.orders.book import OrderBook
from edge_agent.orders.sources import OrderFile
from edge_agent.orders.tally import read_tally
from edge_agent.orders.watch import OrderWatch
from edge_agent.printing.journal import Journal
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.station.decision import Decision
from edge_agent.station.expected import Expected, OrderLine

LINE = OrderLine("SO-1", "P1", 2)
PRODUCT = product(1, "carton")


class Source:
    def __init__(self) -> None:
        self.content: bytes | None = None
        self.is_away = False

    def fetch(self) -> bytes | None:
        if self.is_away:
            raise InputError("cannot be asked", "is the server there?", file="http://wms")
        content, self.content = self.content, None
        return content

    def repeat(self) -> None:
        pass

    def send(self, *lines: OrderLine) -> None:
        rows = "".join(f"{one.order_id},{one.sku},{one.quantity}\n" for one in lines)
        self.content = f"order,sku,quantity\n{rows}".encode()


class Bench:
    """A watch that is not started: each of its looks is made by the test."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.sqlite"
        self.journal = Journal(self.path, "belt-1")
        self.source, self.now = Source(), 1_000.0
        self.watch = self.another(folder)

    def another(self, folder: Path, name: str = "http://wms") -> OrderWatch:
        return OrderWatch(
            self.source,
            name=name,
            book=OrderBook(),
            journal=self.path,
            kept=folder / "order.json",
            clock=lambda: self.now,
            poll_s=1_000.0,
            stale_after_s=60.0,
            is_near=True,
        )

    @property
    def expected(self) -> Expected:
        return self.watch.book.expected()

    def print_one(self, item_id: str, line: OrderLine = LINE, *, is_told: bool = True) -> None:
        decision = Decision("PRINT", "sure", "a carton", "carton", 0.9, PRODUCT, line=line)
        new = ItemDecision(item_id, 1_000.0, Place(1, 1, 1), decision, "r", "a" * 64)
        if is_told:
            self.watch.book.take(item_id, line)
        self.journal.record(new).result(10)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_what_is_taken_counts_at_once_and_only_once(bench: Bench) -> None:
    bench.source.send(LINE)
    bench.watch.look()
    bench.watch.book.take("i1", LINE)
    assert bench.expected.left(LINE) == 1
    bench.watch.count()  # not in the journal yet
    assert bench.expected.left(LINE) == 1
    bench.print_one("i1", is_told=False)
    bench.watch.count()
    assert bench.expected.left(LINE) == 1
    assert bench.watch.book.pending == ()


@pytest.mark.parametrize("state", ["failed", "late"])
def test_a_label_that_failed_gives_its_place_free(bench: Bench, state: str) -> None:
    bench.source.send(LINE)
    bench.watch.look()
    bench.print_one("i1")
    bench.print_one("i2")
    bench.watch.count()
    assert bench.expected.left(LINE) == 0
    bench.journal.review("i1", 1_001.0, "label", "no label", state).result(10)  # type: ignore[arg-type]
    bench.watch.count()
    assert bench.expected.left(LINE) == 1


def test_a_label_that_may_have_come_out_does_not(bench: Bench) -> None:
    bench.source.send(LINE)
    bench.watch.look()
    bench.print_one("i1")
    bench.journal.step_label("i1", "sending", 1_001.0, baseline=1).result(10)
    bench.journal.review("i1", 1_001.0, "label", "no answer", "unknown").result(10)
    bench.watch.count()
    assert bench.expected.left(LINE) == 1


def test_one_that_was_not_recorded_gives_its_place_free(bench: Bench) -> None:
    bench.source.send(LINE)
    bench.watch.look()
    bench.watch.book.take("i1", LINE)
    decision = Decision("REVIEW", "not_recorded", "too late")
    new = ItemDecision("i1", 1_000.0, Place(1, 1, 1), decision, "r", "a" * 64)
    bench.journal.record(new).result(10)
    bench.watch.count()
    assert bench.expected.left(LINE) == 2


def test_after_a_restart_the_count_and_the_order_are_there(bench: Bench, tmp_path: Path) -> None:
    bench.source.send(LINE)
    bench.watch.look()
    bench.print_one("i1")
    bench.source.is_away = True
    bench.now += 30.0
    again = bench.another(tmp_path)
    again.start()
    again.stop()
    assert again.book.expected().left(LINE) == 1
    assert again.standing.state == "current"
    assert "cannot be asked" in again.standing.told
    bench.now += 60.0
    assert again.standing.state == "old"
    assert again.health.state == "degraded"
    assert again.health.told.startswith("the order is 90 s old; ")


def test_an_order_that_is_sent_anew_goes_on_where_it_was(bench: Bench) -> None:
    bench.source.send(LINE)
    bench.watch.look()
    bench.print_one("i1")
    other = OrderLine("SO-2", "P1", 5)
    bench.source.send(other)
    bench.watch.look()
    assert (bench.expected.left(other), bench.expected.wants("P1")) == (5, True)
    more = OrderLine("SO-1", "P1", 4)
    bench.source.send(more)
    bench.watch.look()
    assert bench.expected.left(more) == 3
    assert bench.watch.standing.to_come == 3


def test_one_that_cannot_be_read_leaves_the_one_before(bench: Bench) -> None:
    assert bench.watch.standing.state == "unknown"
    bench.source.send(LINE)
    bench.watch.look()
    bench.source.content = b"order,sku\nSO-1,P1\n"
    bench.watch.look()
    assert "http://wms: line 2: quantity: missing" in bench.watch.standing.told
    assert bench.expected.lines == {"P1": (LINE,)}


def test_the_same_order_again_is_no_news(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for quantity in (2, 2, 3):
        bench.source.send(OrderLine("SO-1", "P1", quantity))
        bench.watch.look()
    assert [r.message for r in caplog.records] == ["order: 1 lines of http://wms"] * 2


def test_what_was_kept_of_another_source_is_not_gone_by(bench: Bench, tmp_path: Path) -> None:
    bench.source.send(LINE)
    bench.watch.look()
    other = bench.another(tmp_path, "http://elsewhere")
    other.start()
    other.stop()
    assert not other.book.expected().is_known


def test_a_file_is_read_again_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "order.csv"
    source = OrderFile(path)
    with pytest.raises(InputError, match="cannot be read"):
        source.fetch()
    path.write_text("a")
    assert (source.fetch(), source.fetch()) == (b"a", None)
    replacing = tmp_path / "order.new"
    replacing.write_text("b")
    replacing.replace(path)
    assert (source.fetch(), source.fetch()) == (b"b", None)


def test_lines_that_stand_twice_are_wanted_together(bench: Bench) -> None:
    lots = [OrderLine("SO-1", "P1", 1, lot, date(2027, 1, 1)) for lot in ("A", "B", "A")]
    bench.watch.book.replace(lots, {}, ())
    assert [(line.lot, line.quantity) for line in bench.expected.lines["P1"]] == [
        ("A", 2),
        ("B", 1),
    ]


def test_thousands_of_orders_are_counted(bench: Bench) -> None:
    lines = [OrderLine(f"SO-{number}", "P1", 1) for number in range(1_200)]
    bench.print_one("i1", lines[1_100])
    tally = read_tally(bench.path, [line.order_id for line in lines], ["i1", "i2"])
    assert tally.counts == {lines[1_100].key: 1}
    assert tally.recorded == {"i1"}
