"""The outbox: numbers given once, nothing deleted but on the server's word, bounded, mendable."""

import contextlib
import sqlite3
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.contract.messages import RecordBatch
from beltmark.contract.records import (
    Counters,
    HealthChange,
    ItemMessage,
    ItemStep,
    PartHealth,
    SequenceRange,
)
from beltmark.contract.wire import encode
from edge_agent.uplink.outbox import Cursor, NewRecord, Outbox
from edge_agent.uplink.outbox_file import OutboxDamaged, OutboxFull, OutboxUnavailable

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
    with pytest.raises(OutboxFull, match="the server takes nothing"):
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
    outbox.append([])  # a commit lets the log of writes shrink again
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= MEGABYTE
    assert outbox.settle(outbox.stream, outbox.newest)
    assert outbox.append([counters()]) == 1


def test_no_message_tells_of_more_holes_than_it_may(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path, 4 * MEGABYTE)
    for step in range(1, 301):
        outbox.append([counters(), item(step)])
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM records WHERE kind = 'counters'")
    other.close()
    gone, found, after = [], [], 0
    while (waiting := outbox.after(after)).last != after:
        batch = RecordBatch(
            device="d", stream=outbox.stream, session=1, sent_at=1.0,
            records=waiting.records, gone=waiting.gone,
        )  # fmt: skip
        assert len(encode(batch)) < 64 * 1024
        gone += [part.first for part in waiting.gone]
        found += [record.sequence for record in waiting.records]
        after = waiting.last
    assert gone == list(range(1, 600, 2))
    assert found == list(range(2, 601, 2))


def test_records_dropped_last_are_told_as_gone(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path, MEGABYTE)
    outbox.append([item(1), counters(), counters()])
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM records WHERE kind = 'counters'")
    other.close()
    assert outbox.after(0).gone == (SequenceRange(first=2, last=3),)
    waiting = outbox.after(1)
    assert (waiting.records, waiting.gone) == ((), (SequenceRange(first=2, last=3),))
    assert outbox.after(3) == type(waiting)((), (), 3)


def test_what_a_forgetful_server_asks_for_again_is_told_as_gone(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", MEGABYTE)
    outbox.append([item(1), item(2), item(3)])
    outbox.settle(outbox.stream, 2)
    waiting = outbox.after(0)
    assert waiting.gone == (SequenceRange(first=1, last=2),)
    assert [record.sequence for record in waiting.records] == [3]


def test_a_record_that_cannot_be_read_holds_up_no_other(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path, 4 * MEGABYTE)
    outbox.append([item(step) for step in range(1, 251)])
    with sqlite3.connect(path) as other:
        other.execute("UPDATE records SET body = '{' WHERE sequence <= 220")
    other.close()
    first = outbox.after(0)
    assert (first.records, first.gone) == ((), (SequenceRange(first=1, last=200),))
    second = outbox.after(first.last)
    assert second.gone == (SequenceRange(first=201, last=220),)
    assert [record.sequence for record in second.records] == list(range(221, 251))


def test_a_damaged_file_is_set_aside_and_a_new_stream_begins(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    first = Outbox(path, MEGABYTE)
    first.append([item(1)], Cursor("S", 1))
    first.close()
    content = bytearray(path.read_bytes())
    content[:64] = bytes(64)
    path.write_bytes(content)
    outbox = Outbox(path, MEGABYTE)
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


def test_damage_while_it_is_open_is_told_and_a_new_stream_begins_when_it_is_opened_anew(
    tmp_path: Path,
):
    path = tmp_path / "outbox.sqlite"
    first = Outbox(path, 16 * MEGABYTE)
    first.append([item(step, "x" * 1_900) for step in range(1, 3_001)])
    first.close()
    outbox = Outbox(path, 16 * MEGABYTE)
    with path.open("r+b") as file:
        for page in range(3, path.stat().st_size // 4_096):
            file.seek(page * 4_096)
            file.write(bytes(4_096))

    def send_all() -> None:
        while (waiting := outbox.after(outbox.committed)).records:
            outbox.settle(outbox.stream, waiting.last)

    with pytest.raises(OutboxDamaged):
        send_all()
    outbox.close()
    again = Outbox(path, 16 * MEGABYTE)
    assert again.stream != first.stream
    assert again.set_aside == path.with_name("outbox.sqlite.damaged")
    assert again.append([item(1)]) == 1


def test_only_the_latest_damaged_file_is_kept(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    for content in (b"first " * 999, b"second " * 999):
        path.write_bytes(content)
        outbox = Outbox(path, MEGABYTE)
        assert outbox.set_aside is not None
        assert outbox.set_aside.read_bytes() == content
        outbox.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["outbox.sqlite", "outbox.sqlite.damaged"]


@pytest.mark.parametrize("statement", ["CREATE TABLE other (a)", "PRAGMA user_version = 77"])
def test_somebody_else_s_database_is_set_aside_as_well(tmp_path: Path, statement: str):
    path = tmp_path / "outbox.sqlite"
    with sqlite3.connect(path) as other:
        other.execute(statement)
    other.close()
    outbox = Outbox(path, MEGABYTE)
    assert outbox.set_aside is not None
    assert outbox.append([item(1)]) == 1


def test_a_locked_file_is_a_state_that_passes(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path, MEGABYTE)
    outbox.append([item(1)])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutboxUnavailable, match="locked"):
        outbox.append([item(2)])
    session = outbox.next_session()  # a station must be able to say so
    assert [record.sequence for record in outbox.after(0).records] == [1]
    other.execute("ROLLBACK")
    other.close()
    outbox.append([item(2)])
    assert sequences(outbox) == [1, 2]
    assert outbox.next_session() == session + 1


def test_a_full_disk_is_a_state_that_passes(tmp_path: Path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "beltmark-test", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a disk of limited size")
    try:
        outbox = Outbox(disk / "outbox.sqlite", 64 * MEGABYTE)
        step = 0
        with contextlib.suppress(OutboxFull):
            while step < 10_000:
                outbox.append([item(step + 1, "x" * 1_900)], Cursor("S", step + 1))
                step += 1
        assert 0 < step < 10_000
        assert outbox.cursor == Cursor("S", step)  # the journal is read on from there
        read, after = [], 0
        while (waiting := outbox.after(after)).records:
            read += [record.body["step"] for record in waiting.records]
            after = waiting.last
        assert read == list(range(1, step + 1))
        remount = ["mount", "-o", "remount,size=4m", str(disk)]
        subprocess.run(remount, check=True)
        outbox.append([item(step + 1)], Cursor("S", step + 1))
        assert outbox.newest == step + 1
        outbox.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
