import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beltmark.contract.catalogue import Product
from beltmark.contract.errors import InputError, UnknownVersionError
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.journal import Journal
from edge_agent.printing.reading import read_history, read_items
from edge_agent.printing.records import ItemDecision, LastSeen, Place
from edge_agent.printing.states import IllegalTransition
from edge_agent.printing.writes import AlreadyDecided
from edge_agent.station.decision import Decision

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")
CAN = Product(sku="C2", gtin="96385074", name="can", class_name="can")
PRINT = Decision("PRINT", "sure", "a carton with 0.99", "carton", 0.99, CARTON)
REVIEW = Decision("REVIEW", "unsure", "looks like a can with 0.40", "can", 0.4)


def decided(item_id: str, decision: Decision = PRINT, at: float = 1_000.0) -> ItemDecision:
    return ItemDecision(item_id, at, Place(300, 160, at - 0.1), decision, "release-1", "a" * 64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path, "belt-1")
    yield journal
    journal.close()


def reopened(journal: Journal, path: Path) -> Journal:
    journal.close()
    return Journal(path, "belt-1")


def test_a_decision_can_be_read_once_its_future_is_done(journal: Journal, path: Path) -> None:
    label = journal.record(decided("i1")).result()
    assert journal.record(decided("i2", REVIEW, at=1_001.0)).result() is None
    first, second = read_items(path)
    assert label is not None
    assert (first.item_id, first.outcome, first.print_state) == ("i1", "PRINT", "decided")
    assert (first.sku, first.gtin, first.serial) == ("C1", "04006381333931", label.serial)
    assert (first.station, first.release, first.package_sha256) == ("belt-1", "release-1", "a" * 64)
    assert (second.outcome, second.reason, second.print_state) == (
        "REVIEW",
        "looks like a can with 0.40",
        None,
    )
    assert (second.sku, second.serial) == (None, None)


def test_the_latest_items_come_last(journal: Journal, path: Path) -> None:
    for i in range(5):
        journal.record(decided(f"i{i}", REVIEW, at=1_000.0 + i)).result()
    assert [item.item_id for item in read_items(path, limit=2)] == ["i3", "i4"]


def test_one_item_has_one_decision(journal: Journal, path: Path) -> None:
    journal.record(decided("i1", REVIEW)).result()
    with pytest.raises(AlreadyDecided):
        journal.record(decided("i1")).result()
    assert [item.outcome for item in read_items(path)] == ["REVIEW"]


def test_serials_are_unique_for_each_gtin_over_restarts(journal: Journal, path: Path) -> None:
    serials: list[str] = []
    for run in range(2):
        for i in range(3):
            label = journal.record(decided(f"i{run}{i}")).result()
            assert label is not None
            serials.append(label.serial)
        journal = reopened(journal, path)
    can = journal.record(decided("can", Decision("PRINT", "sure", "", "can", 0.9, CAN))).result()
    journal.close()
    assert len(set(serials)) == 6
    assert can is not None
    assert can.serial == serials[0]  # each GTIN counts for itself
    assert all(len(serial) <= 20 and serial.isalnum() and serial.isascii() for serial in serials)


def test_a_journal_made_anew_has_another_series(tmp_path: Path) -> None:
    series = set()
    for name in ("one", "two"):
        journal = Journal(tmp_path / name, "belt-1")
        label = journal.record(decided("i1")).result()
        journal.close()
        assert label is not None
        series.add(label.serial)
    assert len(series) == 2


def test_a_label_goes_along_the_table_only(journal: Journal, path: Path) -> None:
    journal.record(decided("i1")).result()
    with pytest.raises(IllegalTransition):
        journal.step_label("i1", "sent", 1_001.0).result()
    journal.step_label("i1", "queued", 1_001.0)
    journal.step_label("i1", "sending", 1_002.0, baseline=41)
    journal.step_label("i1", "sent", 1_003.0, detail="120 bytes")
    journal.step_label("i1", "printed", 1_004.0).result()
    with pytest.raises(IllegalTransition):
        journal.step_label("i1", "queued", 1_005.0).result()
    assert [(step.at, step.what, step.detail) for step in read_history(path, "i1")] == [
        (1_000.0, "PRINT", "a carton with 0.99"),
        (1_000.0, "label decided", f"serial {read_items(path)[0].serial}"),
        (1_001.0, "label queued", ""),
        (1_002.0, "label sending", "label counter 41"),
        (1_003.0, "label sent", "120 bytes"),
        (1_004.0, "label printed", ""),
    ]


def test_a_refused_write_spares_the_others_of_its_batch(journal: Journal) -> None:
    futures = [journal.record(decided(name)) for name in ("i1", "i1", "i2")]
    assert [type(future.exception()) for future in futures] == [
        type(None),
        AlreadyDecided,
        type(None),
    ]


def test_a_review_ends_the_label_in_the_same_step(journal: Journal, path: Path) -> None:
    journal.record(decided("i1")).result()
    journal.review("i1", 1_002.0, "label_late", "too late", "late").result()
    (item,) = read_items(path)
    assert (item.outcome, item.reason, item.print_state) == ("REVIEW", "too late", "late")
    with pytest.raises(IllegalTransition):
        journal.review("i1", 1_003.0, "label_failed", "failed", "failed").result()
    assert read_items(path) == [item]


def test_a_new_run_recollects_what_was_open(journal: Journal, path: Path) -> None:
    for name in ("decided", "sending", "printed", "closed"):
        journal.record(decided(name))
        if name != "decided":
            journal.step_label(name, "queued", 1_001.0)
            journal.step_label(name, "sending", 1_001.0, baseline=7)
    journal.step_label("printed", "sent", 1_001.0)
    journal.step_label("printed", "printed", 1_001.0)
    journal.step_label("closed", "unknown", 1_001.0)
    journal.review("closed", 1_001.0, "label_unknown", "unknown")
    journal.close_label("closed", 1_001.0, "no evidence").result()
    journal = reopened(journal, path)
    journal.close()
    open_labels = journal.recollection.open_labels
    assert [(label.item_id, label.state, label.baseline) for label in open_labels] == [
        ("decided", "decided", None),
        ("sending", "sending", 7),
    ]
    assert journal.recollection.reviewed_lately == (("closed", Place(300, 160, 999.9)),)


def test_what_is_confirmed_to_be_off_the_belt_is_not_diverted_by_a_new_run(
    journal: Journal, path: Path
) -> None:
    for name in ("off", "lost"):
        journal.record(decided(name))
        journal.review(name, 1_001.0, "label_late", "too late", "late")
    journal.confirm("off", "diverted", 1_002.0).result()
    journal = reopened(journal, path)
    journal.close()
    assert [item_id for item_id, _ in journal.recollection.reviewed_lately] == ["lost"]


def test_a_new_run_recollects_the_last_positions(journal: Journal, path: Path) -> None:
    journal.record(decided("i1")).result()
    old = LastSeen("gone", Place(1, 2, 3), 60, "carton", None)
    kept = [
        LastSeen("i1", Place(300, 160, 1_000), 60, "carton", "PRINT"),
        LastSeen("i2", Place(100, 160, 1_000), 60, None, None),
    ]
    journal.note_positions([old], None)
    journal.flush()
    journal.note_positions(kept, 120.5)
    journal = reopened(journal, path)
    journal.close()
    assert journal.recollection.last_seen == tuple(kept)
    assert journal.recollection.belt_speed_px_s == 120.5


def test_positions_tell_whether_the_computer_has_started_anew_since(path: Path) -> None:
    def has_rebooted(boot: str, *, notes: bool = False) -> bool:
        journal = Journal(path, "belt-1", boot=boot)
        if notes:
            journal.note_positions([], None)
        journal.close()
        return journal.recollection.has_rebooted

    has_rebooted("one", notes=True)
    assert not has_rebooted("one")
    assert has_rebooted("two")
    assert has_rebooted("two"), "what is there was noted in the boot before"
    has_rebooted("two", notes=True)
    assert not has_rebooted("two")


def test_nothing_is_there_before_the_first_run(path: Path) -> None:
    assert read_items(path) == []
    assert read_history(path, "i1") == []


def test_a_second_agent_is_refused(journal: Journal, path: Path) -> None:
    with pytest.raises(InputError, match=r"another agent \(process \d+\)") as caught:
        Journal(path, "belt-1")
    assert caught.value.file == path
    journal.record(decided("i1")).result()


def test_another_kind_of_file_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but long enough to look at" * 50)
    with pytest.raises(InputError, match="not a database"):
        Journal(path, "belt-1")
    with pytest.raises(InputError, match="not a database"):
        read_items(path)
    path.unlink()
    sqlite3.connect(path).execute("CREATE TABLE other (x)").connection.close()
    with pytest.raises(InputError, match="not a journal"):
        Journal(path, "belt-1")


def test_a_journal_of_another_version_is_refused(journal: Journal, path: Path) -> None:
    journal.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UnknownVersionError, match="99"):
        Journal(path, "belt-1")
    with pytest.raises(UnknownVersionError, match="99"):
        read_items(path)


def test_a_damaged_journal_is_refused(journal: Journal, path: Path) -> None:
    for i in range(200):
        journal.record(decided(f"i{i}"))
    journal.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8_192] = b"\xff" * 8_192
    path.write_bytes(content)
    with pytest.raises(InputError, match="the journal cannot be used") as caught:
        Journal(path, "belt-1")
    assert caught.value.file == path


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path / "file" / "journal.sqlite3", "belt-1")


def test_while_another_holds_the_database_writes_fail_and_then_work_again(
    journal: Journal, path: Path
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    future = journal.record(decided("i1"))
    assert isinstance(future.exception(), JournalUnavailable)
    assert journal.health.problem is not None
    assert "locked" in journal.health.problem
    other.execute("ROLLBACK")
    other.close()
    journal.record(decided("i1")).result()
    assert journal.health.problem is None
    assert [item.item_id for item in read_items(path)] == ["i1"]


def test_a_closed_journal_says_so(journal: Journal) -> None:
    journal.close()
    assert isinstance(journal.record(decided("i1")).exception(), JournalUnavailable)


FULL_DISK = """
import resource, sys
from pathlib import Path
from tests_journal import Journal, JournalUnavailable, decided, read_items

path = Path(sys.argv[1])
journal = Journal(path, "belt-1")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
committed = []
for i in range(10_000):
    error = journal.record(decided(f"i{i}")).exception()
    if error is not None:
        break
    committed.append(f"i{i}")
assert isinstance(error, JournalUnavailable), error
assert journal.health.problem
assert [item.item_id for item in read_items(path, 20_000)] == committed
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.record(decided("after")).result()
assert journal.health.problem is None
journal.close()
journal = Journal(path, "belt-1")
journal.close()
assert [item.item_id for item in read_items(path, 20_000)] == [*committed, "after"]
"""

KILLED = """
import sys
from pathlib import Path
from tests_journal import Journal, decided

journal = Journal(Path(sys.argv[1]), "belt-1")
for i in range(100_000):
    label = journal.record(decided(f"{sys.argv[2]}-{i}")).result()
    print(f"{sys.argv[2]}-{i}", label.serial, flush=True)
"""


def run_beside(script: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Starts a script in a process of its own; `tests_journal` in it is this very module."""
    (folder / "tests_journal.py").write_text(
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('tests_journal', {__file__!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['tests_journal'] = module\n"
        "spec.loader.exec_module(module)\n"
    )
    command = f"import sys; sys.path.insert(0, {str(folder)!r})\n{script}"
    return subprocess.Popen(
        [sys.executable, "-c", command, *arguments], stdout=subprocess.PIPE, text=True
    )


def test_a_full_disk_is_a_state_and_nothing_half_written_stays(path: Path, tmp_path: Path) -> None:
    process = run_beside(FULL_DISK, tmp_path, str(path))
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_what_was_committed_survives_kill_9(path: Path, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    for run in range(3):
        process = run_beside(KILLED, tmp_path, str(path), str(run))
        assert process.stdout is not None
        for _ in range(40 * (run + 1)):
            item_id, serial = process.stdout.readline().split()
            told.append((item_id, serial))
        process.send_signal(signal.SIGKILL)
        # Not `communicate`: it would pass over what `readline` has taken in already.
        rest = process.stdout.read()
        process.wait(timeout=30)
        told += [(line.split()[0], line.split()[1]) for line in rest.splitlines() if " " in line]
    journal = Journal(path, "belt-1")
    journal.close()
    items = {item.item_id: item.serial for item in read_items(path, 1_000_000)}
    assert dict(told).items() <= items.items()
    assert len(set(items.values())) == len(items)
    assert len(items) - len(told) <= 3  # a run may be killed between its commit and its word
