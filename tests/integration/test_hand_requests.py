"""A person's word from another process: the agent does it and answers, or nobody does."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from label_bench import REVIEW, LabelBench

from beltmark.contract.errors import InputError
from edge_agent.hand_requests import HandRequest, HandRequests, ask
from edge_agent.outputs.seen_to import PersonsWord


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LabelBench]:
    bench = LabelBench(tmp_path, moves=False)
    bench.turn()
    bench.decide("i1", REVIEW)
    yield bench
    bench.journal.close()


@pytest.fixture
def requests(bench: LabelBench, tmp_path: Path) -> Iterator[HandRequests]:
    requests = HandRequests(tmp_path, bench.by_hand, PersonsWord())
    requests.start()
    yield requests
    requests.stop()


def left(folder: Path) -> list[str]:
    return os.listdir(folder / "requests")


def test_a_label_is_ordered_taken_and_void(
    bench: LabelBench, requests: HandRequests, tmp_path: Path
) -> None:
    ask(tmp_path, HandRequest(what="label", item_id="i1", sku="C1", who="anna"), "1")
    bench.turn(2)
    bench.printer.come_out()
    bench.turn(2)
    ask(tmp_path, HandRequest(what="taken", item_id="i1", who="anna"), "2")
    assert bench.states() == {"i1": "applied"}
    ask(tmp_path, HandRequest(what="void", item_id="i1", reason="torn", who="anna"), "3")
    assert bench.states() == {"i1": "voided"}
    assert left(tmp_path) == []


def test_what_is_refused_comes_back_with_its_mend(requests: HandRequests, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no label") as caught:
        ask(tmp_path, HandRequest(what="void", item_id="i1", reason="torn", who="anna"), "1")
    assert caught.value.mend == "there is nothing to declare void"


def test_what_nobody_does_is_taken_back(bench: LabelBench, tmp_path: Path) -> None:
    request = HandRequest(what="label", item_id="i1", sku="C1", who="anna")
    with pytest.raises(InputError, match="does not answer"):
        ask(tmp_path, request, "1", timeout_s=0.1)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json",
        b"x" * 100_000,
        b'{"what": "rm", "who": "a"}',
        b'{"what": "release", "who": "a"}',
        b'{"what": "release", "seen_to": "all", "who": "a"}',
    ],
)
def test_what_is_no_request_does_nothing(bench: LabelBench, tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "requests"
    folder.mkdir()
    (folder / "1.json").write_bytes(content)
    HandRequests(tmp_path, bench.by_hand, PersonsWord()).look()
    assert left(tmp_path) == ["1.answer"]
    assert b"no request" in (folder / "1.answer").read_bytes()


def test_what_was_asked_long_ago_is_not_done(bench: LabelBench, tmp_path: Path) -> None:
    folder = tmp_path / "requests"
    folder.mkdir()
    path = folder / "1.json"
    path.write_text(HandRequest(what="label", item_id="i1", sku="C1", who="anna").model_dump_json())
    os.utime(path, (1_000.0, 1_000.0))
    HandRequests(tmp_path, bench.by_hand, PersonsWord()).look()
    assert left(tmp_path) == []
    assert bench.by_hand.in_hand is None


def test_that_something_was_seen_to_is_said_once(bench: LabelBench, tmp_path: Path) -> None:
    word = PersonsWord()
    requests = HandRequests(tmp_path, bench.by_hand, word)
    requests.start()
    try:
        for name in ("1", "2"):
            ask(tmp_path, HandRequest(what="release", seen_to="scan", who="anna"), name)
    finally:
        requests.stop()
    assert (word.take(), word.take()) == (["scan"], [])


def test_what_an_earlier_run_was_told_releases_nothing_now(
    bench: LabelBench, tmp_path: Path
) -> None:
    (tmp_path / "requests").mkdir()
    path = tmp_path / "requests" / "1.json"
    path.write_text(HandRequest(what="release", seen_to="divert", who="anna").model_dump_json())
    word = PersonsWord()
    requests = HandRequests(tmp_path, bench.by_hand, word)
    requests.start()
    requests.stop()
    assert word.take() == []
