from collections.abc import Callable
from multiprocessing import Process
from pathlib import Path

import pytest

from beltmark.contract.documents import write_document
from beltmark.contract.errors import InputError
from beltmark.contract.gate import Decision, GateDocument, read_gate
from training.gate.trail import append, find, read_trail

DIGEST = "1" * 64


def decision(number: int, previous: str, name: str = "A. Example") -> Decision:
    return Decision(
        number=number,
        previous=previous,
        kind="gate",
        decided_at="2026-11-30T12:00:00+00:00",
        decided_by=name,
        candidate="belt",
        candidate_sha256=DIGEST,
        charter="line",
        charter_sha256=DIGEST,
        dataset="data",
        dataset_sha256=DIGEST,
        passed=number % 2 == 0,
    )


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    path = tmp_path / "decisions.jsonl"
    for _ in range(4):
        append(path, decision)
    return path


def test_rows_are_chained(trail: Path) -> None:
    rows = read_trail(trail)
    assert [row.decision.number for row in rows] == [0, 1, 2, 3]
    assert [row.decision.previous for row in rows[1:]] == [row.sha256 for row in rows[:-1]]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [*lines[:1], lines[1].replace(b"false", b"true "), *lines[2:]], "line 3"),
        (lambda lines: [lines[0], *lines[2:]], "line 2"),
        (lambda lines: [lines[0], lines[0], *lines[1:]], "line 2"),
        (lambda lines: [*lines[:2], lines[3], lines[2]], "line 3"),
        (lambda lines: [*lines[:3], b"[[[["], "line 4"),
        (lambda lines: [*lines[:3], lines[3][:30]], "line 4"),
        (lambda lines: [*lines[:3], lines[3].replace(b'"kind"', b'"sort"')], "line 4"),
    ],
)
def test_a_trail_that_was_changed_is_told_and_not_added_to(
    trail: Path, change: Callable[[list[bytes]], list[bytes]], line: str
) -> None:
    lines = change(trail.read_bytes().splitlines())
    trail.write_bytes(b"".join(each + b"\n" for each in lines))
    before = trail.read_bytes()
    with pytest.raises(InputError) as error:
        append(trail, decision)
    assert line in str(error.value)
    assert trail.read_bytes() == before


def test_half_a_row_is_told(trail: Path) -> None:
    trail.write_bytes(trail.read_bytes()[:-20])
    with pytest.raises(InputError, match="cut off"):
        read_trail(trail)


def test_rows_cut_off_at_the_end_are_found_by_the_verdict(trail: Path, tmp_path: Path) -> None:
    row = append(trail, decision)
    document = GateDocument(decision=row.decision, decision_sha256=row.sha256)
    path = tmp_path / "gate.json"
    write_document(path, document)
    assert find(trail, read_gate(path), path) == row
    lines = trail.read_bytes().splitlines(keepends=True)
    trail.write_bytes(b"".join(lines[:-1]))
    assert len(read_trail(trail)) == 4
    with pytest.raises(InputError, match="not row 4"):
        find(trail, document, path)


def test_a_verdict_that_was_changed_is_told(trail: Path, tmp_path: Path) -> None:
    row = append(trail, decision)
    path = tmp_path / "gate.json"
    write_document(path, GateDocument(decision=row.decision, decision_sha256=row.sha256))
    path.write_text(path.read_text().replace("A. Example", "B. Example"))
    with pytest.raises(InputError, match="changed"):
        read_gate(path)


def _append_many(path: Path) -> None:
    for _ in range(10):
        append(path, decision)


def test_two_gates_at_once_leave_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    processes = [Process(target=_append_many, args=(path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(read_trail(path)) == 20


def test_names_are_one_line() -> None:
    with pytest.raises(ValueError, match="decided_by"):
        decision(0, DIGEST, "A\nB")
