"""Results reach a warehouse system over HTTP: once by their key, whatever happens on the way."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mqtt_brokers import free_port
from waiting import until

from beltmark.contract.catalogue import Product
from beltmark.simulation.warehouse import SimulatedWarehouse, WarehouseFaults, WarehouseRecord
from edge_agent.printing.journal import Journal
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.station.decision import Decision
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.fleet_http import FleetHttp
from edge_agent.warehouse.poster import ResultPoster
from edge_agent.warehouse.state import STATE_FILE, PostState, read_state

PRODUCT = Product(sku="A", gtin="4006381333931", name="Pen", class_name="box")
POISON = Product(sku="POISON", gtin="96385074", name="Pan", class_name="box")
REVIEW = Decision("REVIEW", "unsure", "looks like a box", "box", 0.4)
# Posts until it is killed, beside the test.
POST_ON = """
import sys, time
from pathlib import Path
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.fleet_http import FleetHttp
from edge_agent.warehouse.poster import ResultPoster
folder = Path(sys.argv[1])
door = FleetHttp(sys.argv[2], None, 5.0)
ResultPoster(
    folder / "journal.sqlite", folder, door, "line-1", backoff=Backoff(0.02, 0.1)
).start()
time.sleep(60)
"""


@contextmanager
def warehouse(
    record: WarehouseRecord, faults: WarehouseFaults | None = None, port: int = 0
) -> Iterator[SimulatedWarehouse]:
    with SimulatedWarehouse(record, faults, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def posting(folder: Path, url: str) -> Iterator[ResultPoster]:
    door = FleetHttp(url, None, 2.0)
    poster = ResultPoster(
        folder / "journal.sqlite", folder, door, "line-1", backoff=Backoff(0.02, 0.1)
    )
    poster.start()
    try:
        yield poster
    finally:
        poster.stop()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite", "line-1")
    yield journal
    journal.close()


def label(journal: Journal, item_id: str, product: Product = PRODUCT) -> None:
    decision = Decision("PRINT", "sure", "a box", "box", 0.99, product)
    place = Place(1, 2, 1_000.0)
    journal.record(ItemDecision(item_id, 1_000.0, place, decision, "r", "a" * 64)).result(10)
    for step in ("queued", "sending", "sent", "printed"):
        journal.step_label(item_id, step, 1_001.0).result(10)  # type: ignore[arg-type]


def review(journal: Journal, item_id: str) -> None:
    place = Place(1, 2, 1_000.0)
    journal.record(ItemDecision(item_id, 1_000.0, place, REVIEW, "r", "a" * 64)).result(10)


def items_of(record: WarehouseRecord) -> dict[str, object]:
    return {one["item"]["item_id"]: one["result"] for one in record.results.values()}  # type: ignore[index]


def test_results_are_posted_and_acknowledged(journal: Journal, tmp_path: Path) -> None:
    label(journal, "i1")
    review(journal, "i2")
    record = WarehouseRecord(tmp_path / "record.jsonl")
    with warehouse(record) as server, posting(tmp_path, server.url) as poster:
        until(lambda: len(record.results) == 2, "both results")
        label(journal, "i3")
        until(lambda: len(record.results) == 3, "the third")
        until(lambda: read_state(tmp_path / STATE_FILE).step == 13, "the cursor's move")
        assert poster.health.state == "ok"
    assert items_of(record) == {"i1": "labelled", "i2": "reviewed", "i3": "labelled"}
    assert set(record.posts.values()) == {1}
    (kept,) = [one for one in record.results.values() if one["item"]["item_id"] == "i1"]  # type: ignore[index]
    assert kept["key"] == "i1.6"
    assert kept["item"]["serial"]  # type: ignore[index]
    assert WarehouseRecord(tmp_path / "record.jsonl").results == record.results


def test_what_happens_while_nobody_answers_arrives_later(journal: Journal, tmp_path: Path) -> None:
    port = free_port()
    record = WarehouseRecord()
    with posting(tmp_path, f"http://127.0.0.1:{port}/results") as poster:
        for number in range(120):
            review(journal, f"i{number}")
        until(lambda: poster.health.state == "degraded", "it says that results wait")
        assert "cannot be reached" in poster.health.told
        assert poster.tell()["waiting_since"] == 1_000.0
        with warehouse(record, WarehouseFaults(fails=True), port) as server:
            until(lambda: "500" in poster.health.told, "it says so")
            server.faults.fails = False
            until(lambda: len(record.results) == 120, "all of them")
            until(lambda: poster.health.state == "ok", "it is well")


def test_a_result_that_is_refused_is_parked_and_named(journal: Journal, tmp_path: Path) -> None:
    record = WarehouseRecord()
    label(journal, "good-1")
    label(journal, "bad", POISON)
    label(journal, "good-2")
    faults = WarehouseFaults(refused_skus=frozenset({"POISON"}))
    with warehouse(record, faults) as server, posting(tmp_path, server.url) as poster:
        until(lambda: read_state(tmp_path / STATE_FILE).parked_total == 1, "it is given up")
        label(journal, "good-3")
        until(lambda: len(record.results) == 3, "the others")
        assert poster.health.state == "degraded"
        assert "SKU POISON is not known" in poster.health.told
    (parked,) = read_state(tmp_path / STATE_FILE).parked
    assert parked.key.startswith("bad.")
    assert set(items_of(record)) == {"good-1", "good-2", "good-3"}


def test_a_killed_station_posts_again_under_the_same_keys(journal: Journal, tmp_path: Path) -> None:
    """Killed after the results arrived and before the answer: nothing is lost, nothing is twice."""
    record = WarehouseRecord(tmp_path / "record.jsonl")
    for number in range(5):
        label(journal, f"i{number}")
    with warehouse(record, WarehouseFaults(cuts=True)) as server:
        process = subprocess.Popen([sys.executable, "-c", POST_ON, str(tmp_path), server.url])
        try:
            until(lambda: len(record.results) == 5, "they arrive")
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert read_state(tmp_path / STATE_FILE) == PostState()
        before = dict(record.posts)
        server.faults.cuts = False
        with posting(tmp_path, server.url):
            until(lambda: read_state(tmp_path / STATE_FILE).step > 0, "they are acknowledged")
    assert set(record.posts) == set(before)
    assert all(record.posts[key] > before[key] for key in before)
    lines = (tmp_path / "record.jsonl").read_text().splitlines()
    keys = [json.loads(line)["key"] for line in lines]
    assert sorted(keys) == sorted(set(keys)) == sorted(before)


def test_a_damaged_note_costs_nothing_but_another_post(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text("{")
    review(journal, "i1")
    record = WarehouseRecord()
    with warehouse(record) as server, posting(tmp_path, server.url):
        until(lambda: read_state(tmp_path / STATE_FILE).step == 1, "it goes on")


@pytest.mark.parametrize("answer", [b"", b"ok", b"[]", b'{"acknowledged": ["another"]}'])
def test_an_answer_that_acknowledges_nothing_moves_nothing(
    journal: Journal, tmp_path: Path, answer: bytes
) -> None:
    review(journal, "i1")
    door = _Answers(answer)
    poster = ResultPoster(tmp_path / "journal.sqlite", tmp_path, door, "line-1")
    for _ in range(10):
        assert not poster.post_next()
    assert door.asked == 10
    assert "acknowledges no" in poster.health.told
    assert not (tmp_path / STATE_FILE).exists()


class _Answers:
    """A warehouse system that says 200, and then whatever."""

    def __init__(self, content: bytes) -> None:
        self._content, self.asked = content, 0

    def send(self, method: str, path: str, body: bytes, media: str) -> object:
        from edge_agent.uplink.fleet_http import Answer  # noqa: PLC0415

        self.asked += 1
        return Answer("taken", content=self._content)


def test_it_gives_out_orders(tmp_path: Path) -> None:
    orders = tmp_path / "orders.json"
    orders.write_text('{"orders": []}')
    with warehouse(WarehouseRecord(orders=orders)) as server:
        url = server.url.replace("/results", "/orders")
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert json.load(answer) == {"orders": []}
