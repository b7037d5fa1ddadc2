"""The expected order through a whole agent: counted for good, on the label, asked over HTTP."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import cv2
import pytest
from agent_process import agent_of
from blob_belt import running_belt
from blob_station import GREEN, RED, pass_by, write_release, write_station
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import until

from beltmark.contract.errors import InputError
from beltmark.contract.layout import TextElement
from beltmark.contract.release import load_release
from edge_agent.cli import main
from edge_agent.orders.server import OrderServer
from edge_agent.printing.reading import read_items
from edge_agent.printing.records import LabelItem, LabelOrder, Place
from edge_agent.rendering import ReleaseLabels
from edge_agent.station.expected import OrderLine

ORDER = "order,sku,quantity,lot,expiry\nSO-77,CARTON-01,1,LOT-7,2090-01-31\n"
REJECT = {"unexpected": "reject"}


def write_policy(release: Path, policy: dict[str, str]) -> None:
    document = json.loads((release / "release.json").read_text()) | {"policy": policy}
    (release / "release.json").write_text(json.dumps(document))


@pytest.mark.long
def test_the_second_of_a_line_of_one_is_rejected_and_after_a_restart_as_well(
    tmp_path: Path,
) -> None:
    write_policy(write_release(tmp_path / "release"), REJECT)
    (tmp_path / "order.csv").write_text(ORDER)
    with running_belt() as belt:
        station = write_station(tmp_path, belt.address, orders='source = "order.csv"')
        with agent_of(station) as agent:
            agent.start()
            belt.feed(RED, RED)
            until(lambda: len(agent.items()) == 2, "two items")
            first, second = agent.items()
            assert (first.outcome, first.sku) == ("PRINT", "CARTON-01")
            assert (second.outcome, second.rule) == ("REJECT", "more_than_ordered")
            until(lambda: agent.status()["order"]["to_come"] == 0, "a count")
            belt.run_empty()
            agent.kill()
            agent.start()
            belt.feed(RED, GREEN)
            until(lambda: len(agent.items()) == 4, "two more items")
            told = [(item.outcome, item.rule) for item in agent.items()[2:]]
            assert told == [("REJECT", "more_than_ordered"), ("REJECT", "not_expected")]
            # A warehouse that orders more is heard while the agent runs.
            more = ORDER.replace(",1,", ",2,")
            (tmp_path / "order.new").write_text(more)
            (tmp_path / "order.new").replace(tmp_path / "order.csv")
            until(lambda: agent.status()["order"]["to_come"] == 1, "the new order")
            belt.run_empty()
            belt.feed(RED)
            until(lambda: len(agent.items()) == 5, "one more item")
            assert agent.items()[-1].outcome == "PRINT"
            agent.stop()


def test_what_the_order_says_stands_on_the_label_and_in_the_explanation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = write_release(tmp_path / "release")
    layout = release / "layouts/item.toml"
    layout.write_text(
        layout.read_text().replace(
            "(21){{ item.serial }}", "{{ order.id }} {{ order.lot }} {{ order.expiry }}"
        )
    )
    assert "order.lot" in layout.read_text()
    (tmp_path / "frames").mkdir()
    for index, image in enumerate(pass_by([RED])):
        cv2.imwrite(str(tmp_path / f"frames/{index:04d}.png"), image)
    # Without an order nothing could be printed, and that is said at once.
    station = write_station(tmp_path, "frames")
    assert main(["run", str(station), "--quiet"]) == 2
    told = capsys.readouterr().err
    assert "elements.7 (text)" in told
    assert "id is not known of this item" in told
    (tmp_path / "order.csv").write_text(ORDER)
    station = write_station(tmp_path, "frames", orders='source = "order.csv"')
    assert main(["run", str(station), "--quiet"]) == 0
    (item,) = read_items(tmp_path / "data/journal.sqlite")
    assert item.outcome == "PRINT"
    assert item.reason.endswith(", on order SO-77")
    assert (item.order_id, item.lot, item.expiry) == ("SO-77", "LOT-7", "2090-01-31")
    assert "SO-77 LOT-7 2090-01-31" in (tmp_path / "labels.zpl").read_text()
    assert main(["explain", str(station), "last"]) == 0
    told = capsys.readouterr().out
    assert "line of the order           SO-77: 1 x CARTON-01, lot LOT-7, expiry 2090-01-31" in told


class Warehouse(BaseHTTPRequestHandler):
    """A warehouse system with one order, and an ETag on it."""

    content, etag, status = ORDER.encode(), '"1"', 200
    asked: list[str | None]
    pieces: int | None = None

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("If-None-Match"))
        is_same = self.headers.get("If-None-Match") == self.etag
        self.send_response(304 if is_same else self.status)
        body = b"" if is_same else self.content
        self.send_header("ETag", self.etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for piece in [body] if self.pieces is None else [body[:1]] * self.pieces:
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            pass  # it was cut off

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def warehouse() -> Iterator[tuple[str, type[Warehouse]]]:
    handler = type("OneWarehouse", (Warehouse,), {"asked": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/orders", handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_is_asked_and_says_when_nothing_is_new() -> None:
    with warehouse() as (url, handler):
        source = OrderServer(url)
        assert source.fetch() == ORDER.encode()
        assert source.fetch() is None
        handler.etag, handler.content = '"2"', b"order,sku,quantity\n"
        assert source.fetch() == b"order,sku,quantity\n"
        assert handler.asked == [None, '"1"', '"1"']
        handler.etag, handler.status = '"3"', 500
        with pytest.raises(InputError, match="answers 500"):
            source.fetch()
        handler.etag, handler.status, handler.pieces = '"4"', 200, 1_000
        with pytest.raises(InputError, match="takes too long"):
            OrderServer(url, answer_within_s=0.0).fetch()
        handler.pieces, handler.content = None, b"x" * (5 * 1024 * 1024)
        with pytest.raises(InputError, match="larger than"):
            source.fetch()
    with pytest.raises(InputError, match="cannot be asked"):
        source.fetch()


def test_a_station_goes_on_with_the_last_order_while_the_server_is_away(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    with running_belt() as belt, warehouse() as (url, _):
        section = f'source = "{url}"\npoll_s = 0.2\nstale_after_s = 0.5'
        station = write_station(tmp_path, belt.address, orders=section)
        with agent_of(station) as agent:
            agent.start()
            until(lambda: agent.status()["order"]["state"] == "current", "the order")
            agent.stop()
    with running_belt() as belt:
        station = write_station(tmp_path, belt.address, orders=section)
        with agent_of(station) as agent:
            agent.start()
            until(lambda: agent.status()["order"]["state"] == "old", "an old order")
            assert "cannot be asked" in agent.status()["order"]["told"]
            belt.feed(RED)
            until(lambda: bool(agent.items()), "an item")
            assert agent.items()[0].outcome == "PRINT"
            agent.stop()


@settings(max_examples=40, deadline=None)
@given(text=st.text(min_size=1, max_size=20) | st.sampled_from(["^XA^FDx^FS^XZ", "~JA", "_5E"]))
def test_no_text_of_an_order_becomes_a_command(
    text: str, fuzzed: tuple[ReleaseLabels, LabelOrder]
) -> None:
    labels, order = fuzzed

    def drawn(told: str) -> bytes:
        return labels.render(replace(order, line=OrderLine(told, "CARTON-01", 1, lot=told)))

    try:
        zpl = drawn(text)
    except InputError:
        return  # refused: its item goes to a person
    harmless = drawn("A")
    assert (zpl.count(b"^"), zpl.count(b"~")) == (harmless.count(b"^"), harmless.count(b"~"))


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReleaseLabels, LabelOrder]:
    """Labels of a layout that prints what the order says."""
    release = load_release(write_release(tmp_path_factory.mktemp("fuzz") / "release"))
    element = TextElement(
        kind="text",
        x_mm=1,
        y_mm=1,
        size_mm=2,
        max_width_mm=50,
        text="{{ order.id }}{{ order.lot }}",
    )
    layout = release.layouts["item"].model_copy(update={"elements": (element,)})
    item = LabelItem("i", "S", "s", 1.0, "carton")
    product = release.catalogue.products[0]
    return ReleaseLabels(release, 8), LabelOrder(item, product, Place(1, 1, 1), layout)
