"""The evidence trail: a file of decisions to which rows are only added, each chained to the last.

Each row holds the digest of the row before, so that a row changed, taken out or put in between is
found. That rows were cut off at the end is found by whoever holds a later row's digest: `gate.json`
does. It proves order and wholeness, not who wrote it; signing is the release's (TUF).
"""

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from beltmark.contract.documents import parse, read_bytes, sha256_of, sync, writing
from beltmark.contract.errors import InputError
from beltmark.contract.gate import Decision, GateDocument

FIRST = "0" * 64
MAX_TRAIL_BYTES = 256 * 1024 * 1024
_MEND = "put the trail back from a copy; decisions after this row prove nothing"


@dataclass(frozen=True)
class Row:
    """One decision as it stands in the trail."""

    decision: Decision
    sha256: str


def read_trail(path: Path) -> list[Row]:
    """Reads a trail and checks that it is whole.

    Returns:
        The rows, the oldest first; none where there is no file yet.

    Raises:
        InputError: A row is damaged, changed, missing or put in between; names it.
    """
    if not path.exists():
        return []
    content = read_bytes(path, limit=MAX_TRAIL_BYTES)
    rows: list[Row] = []
    if content and not content.endswith(b"\n"):
        raise _broken(path, content.count(b"\n"), "was cut off in the middle")
    for number, line in enumerate(content.splitlines()):
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            raise _broken(path, number, "is not JSON") from None
        try:
            decision = parse(data, Decision, path)
        except InputError as error:
            raise _broken(path, number, f"{error.field}: {error.problem}") from None
        if decision.number != number:
            raise _broken(path, number, f"says that it is row {decision.number}")
        if decision.previous != (rows[-1].sha256 if rows else FIRST):
            raise _broken(path, number, "does not follow from the row before it: one was changed")
        rows.append(Row(decision, sha256_of(line)))
    return rows


def append(path: Path, decide: Callable[[int, str], Decision]) -> Row:
    """Adds a decision to a trail, which is checked first.

    Args:
        path: The trail; made if missing.
        decide: From the row's number and the digest of the row before to the decision.

    Raises:
        InputError: The trail is broken: nothing is added to it.
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path), path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two gates at once: one after the other
        rows = read_trail(path)
        decision = decide(len(rows), rows[-1].sha256 if rows else FIRST)
        line = decision.model_dump_json().encode()
        before = file.tell()
        try:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            file.truncate(before)  # a full disk leaves no half row
            raise
    sync(path.parent)
    return Row(decision, sha256_of(line))


def find(path: Path, document: GateDocument, source: Path) -> Row:
    """Looks up the row of a `gate.json` in its trail.

    Args:
        path: The trail.
        document: From the gate.
        source: The file it was read from, for errors.

    Raises:
        InputError: The trail is missing, broken, or does not hold this very decision.
    """
    if not path.is_file():
        raise InputError("no such trail", "give the trail of the gate with --trail", file=path)
    rows = read_trail(path)
    number = document.decision.number
    if number < len(rows):
        row = rows[number]
        if row.sha256 == document.decision_sha256 and row.decision == document.decision:
            return row
    raise InputError(
        f"its decision is not row {number} of the trail {path}",
        "one of the two was changed: run the gate anew",
        file=source,
    )


def _broken(path: Path, number: int, problem: str) -> InputError:
    return InputError(f"row {number} {problem}", _MEND, file=path, field=f"line {number + 1}")
