"""The outbox: numbers given once, nothing deleted but on the server's word, bounded, mendable."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.contract.messages import (
    Counters,
    HealthChange,
    ItemMessage,
    ItemStep,
    PartHealth,
    SequenceRange,
)
from edge_agent.uplink.outbox import Cursor, NewRecord, Outbox, OutboxUnavailable, holes

MEGABYTE = 1024 * 1024


def counters(at: float = 60.0) -> NewRecord:
    return NewRecord("counters", at, Counters(start_at=at, frames=1))


def health(told: str) -> NewRecord:
    return NewRecord(
        "health", 1.0, HealthChange(part="p", health=PartHealth(state="ok", told=told))
    )


def item(step: int, reason: str = "a carton") -> NewRecord:
    message = ItemMessage(
        station="s",
        item_id=f"item{step}",
        decided_at=1.0,
        outcome="PRINT",
        reason=reason,
        release="r",
        package_sha256="0",
    )
    return NewRecord("item", 1.0, ItemStep(item=message, step=step, what="PRINT"))


def sequences(outbox: Outbox, after: int = 0) -> list[int]:
    return [record.sequence for record in outbox.after(after).records]


def test_a_restart_goes_on_with_the_same_stream(tmp_path: Path):
    first = Outbox(tmp_path / "outbox.sqlite", MEGABYTE)
    first.append([item(1), item(2)], Cursor("SERIES", 2))
    session = first.next_session()
    first.close()
    again = Outbox(tmp_path / "outbox.sqlite", MEGABYTE)
    again.append([item(3)])
    assert again.stream == first.stream
    assert again.cursor == Cursor("SERIES", 2)
    assert sequences(again) == [1, 2, 3]
    assert again.next_session() == session + 1


def test_only_the_server_s_word_about_this_stream_deletes(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", MEGABYTE)
    outbox.append([item(1), item(2), item(3)])
    assert not outbox.settle("another", 2)
    assert not outbox.settle(outbox.stream, 4)  # never given
    assert outbox.waiting == 3
    assert outbox.settle(outbox.stream, 2)
    assert sequences(outbox) == [3]
    assert not outbox.settle(outbox.stream, 1)  # an old word
    assert outbox.settle(outbox.stream, 3)
    outbox.append([item(4)])
    assert sequences(outbox) == [4]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 5)),
            st.tuples(st.just("commit"), st.integers(0, 40)),
            st.tuples(st.just("restart"), st.just(0)),
        ),
        max_size=25,
    )
)
def test_numbers_are_given_once_and_committed_ones_never_come_back(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, int]]
):
    path = tmp_path_factory.mktemp("outbox") / "outbox.sqlite"
    outbox, given_out, committed = Outbox(path, MEGABYTE), 0, 0
    for what, number in events:
        match what:
            case "append":
                outbox.append([item(given_out + i) for i in range(1, number + 1)])
                given_out += number
            case "commit":
                if outbox.settle(outbox.stream, number):
                    committed = number
            case _:
                outbox.close()
                outbox = Outbox(path, MEGABYTE)
        assert sequences(outbox) == list(range(committed + 1, given_out + 1))
        assert (outbox.newest, outbox.committed) == (given_out, committed)
        assert outbox.waiting == given_out - committed
    outbox.close()


def test_a_batch_stays_below_its_size(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", 64 * MEGABYTE)
    outbox.append([item(step, "x" * 2_000) for step in range(1, 301)])
    read, after = [], 0
    while (waiting := outbox.after(after)).records:
        assert sum(len(record.body["item"]["reason"]) for record in waiting.records) < 50_000
        assert waiting.last == waiting.records[-1].sequence
        read += [record.sequence for record in waiting.records]
        after = waiting.last
    assert read == list(range(1, 301))


def test_without_room_old_counters_go_and_items_never(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", MEGABYTE)
    outbox.append([counters(60.0 * minute) for minute in range(600)])
    outbox.append([item(1)])
    step = 1
    while not (outbox.is_full and outbox.dropped == 600):
        outbox.append([item(step + 1, "x" * 1_900)], Cursor("S", step + 1))
        step += 1
    with pytest.raises(OutboxUnavailable, match="full"):
        outbox.append([item(step + 1)], Cursor("S", step + 1))
    assert outbox.cursor.step == step  # what was refused stays in the journal
    assert outbox.dropped == 600
    assert outbox.append([counters(1e6)]) == 0
    found, gone, after = [], [], 0
    while True:
        waiting = outbox.after(after)
        gone += waiting.gone
        found += waiting.records
        if waiting.last == after:
            break
        after = waiting.last
    assert {record.kind for record in found} == {"item"}
    assert [record.body["step"] for record in found] == list(range(1, step + 1))
    assert gone == [SequenceRange(first=1, last=600)]
    assert (tmp_path / "outbox.sqlite").stat().st_size <= MEGABYTE
    assert outbox.settle(outbox.stream, outbox.newest)
    assert outbox.append([counters()]) == 1


def test_what_was_dropped_at_the_end_is_told_as_gone(tmp_path: Path):
    assert holes(0, [], 0) == ()
    assert holes(2, [], 4) == (SequenceRange(first=3, last=4),)
    assert holes(0, [2, 3, 6], 7) == tuple(
        SequenceRange(first=number, last=last) for number, last in ((1, 1), (4, 5), (7, 7))
    )


def test_a_damaged_file_is_set_aside_and_a_new_stream_begins(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    first = Outbox(path, MEGABYTE)
    first.append([item(1)], Cursor("S", 1))
    first.close()
    content = bytearray(path.read_bytes())
    content[:64] = bytes(64)
    path.write_bytes(content)
    outbox = Outbox(path, MEGABYTE, clock=lambda: 77.0)
    assert outbox.set_aside is not None
    assert outbox.set_aside.read_bytes() == content
    assert outbox.stream != first.stream
    assert outbox.cursor == Cursor()  # the journal is read anew
    assert outbox.append([item(1)]) == 1


def test_text_that_no_server_could_store_is_made_storable(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", MEGABYTE)
    outbox.append([health("a\0b")])
    (record,) = outbox.after(0).records
    assert record.body["health"]["told"] == "a\N{REPLACEMENT CHARACTER}b"


def test_a_folder_that_cannot_be_made_is_a_state(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxUnavailable):
        Outbox(tmp_path / "file" / "outbox.sqlite", MEGABYTE)
