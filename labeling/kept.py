"""What was pulled of a project, in one SQLite file: each task once, and how far the pull is.

A page of tasks and the place after it are one transaction: killed at any point, the next pull goes
on behind the last page. What the answers mean is left to `settling`.
"""

import fcntl
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from beltmark.contract.errors import InputError
from labeling.projects import REVIEW_FIELD
from labeling.settling import OF_REVIEW
from labeling.studio.port import TaskRow

_MARKS: Final = frozenset((REVIEW_FIELD, *OF_REVIEW))
"""Fields of a task's data that a pull itself sets or removes."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Sweep:
    """One way through all tasks that changed.

    Attributes:
        since: Those that changed then or later; None for all.
        until: From when on the next sweep looks, by the server's clock.
        after: How far this one is: the last task's id.
    """

    since: datetime | None
    until: datetime | None
    after: int = 0

    def as_json(self) -> str:
        """Returns it as a text."""
        times = [None if t is None else t.isoformat() for t in (self.since, self.until)]
        return json.dumps([*times, self.after])


@contextmanager
def while_alone(folder: Path) -> Iterator[None]:
    """While one sync works with a folder; the lock falls with the process.

    Raises:
        InputError: Another does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "sync.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                "another sync works here", "end it, or give another STORE or --work", file=folder
            ) from None
        yield


class Kept:
    """The tasks of one project.

    Args:
        path: The file; made if missing.
        project: What tells the project from all others.
        patience_s: So long it waits for another process that writes.

    Raises:
        InputError: The file is of another project, or is none.
    """

    def __init__(self, path: Path, project: str, patience_s: float = 5.0) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._telling():
            self._database = sqlite3.connect(path, timeout=patience_s, isolation_level=None)
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.executescript(_SCHEMA)
        known = self._get("project")
        if known is None:
            self._set("project", project)
        elif known != project:
            raise InputError(
                "is of another project", "give another --work folder, or remove it", file=path
            )

    def sweep(self) -> Sweep | None:
        """Returns the sweep that is under way, if any."""
        told = self._get("sweep")
        if told is None:
            return None
        since, until, after = json.loads(told)
        return Sweep(_time(since), _time(until), after)

    def since(self) -> datetime | None:
        """Returns from when on the next sweep is to look; None before the first."""
        return _time(self._get("since"))

    def begin(self, sweep: Sweep) -> None:
        """Keeps a sweep that begins."""
        with self._writing():
            self._set("sweep", sweep.as_json())

    def take(self, rows: Sequence[TaskRow], sweep: Sweep) -> int:
        """Keeps a page of tasks, and how far the sweep is; returns how many of them changed.

        That a pull marked a task, or that its latest change is looked at again, is no change.
        """
        fresh = {row["id"]: json.dumps(row, default=str) for row in rows}
        with self._writing():
            changed = sum(
                _differs(self._content(number), content) for number, content in fresh.items()
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO tasks VALUES (?, ?)", list(fresh.items())
            )
            self._set("sweep", sweep.as_json())
        return changed

    def _content(self, number: int) -> str | None:
        found = self._database.execute("SELECT content FROM tasks WHERE id = ?", (number,))
        row = found.fetchone()
        return None if row is None else str(row[0])

    def finish(self, sweep: Sweep) -> None:
        """Ends a sweep."""
        with self._writing():
            if sweep.until is not None:
                self._set("since", sweep.until.isoformat())
            self._database.execute("DELETE FROM state WHERE name = 'sweep'")

    def count(self) -> int:
        """Returns how many tasks are kept."""
        return int(self._database.execute("SELECT count(*) FROM tasks").fetchone()[0])

    def keep_only(self, ids: Iterable[int]) -> int:
        """Forgets the tasks that are not among these; returns how many."""
        there = set(ids)
        every = [row[0] for row in self._database.execute("SELECT id FROM tasks")]
        gone = [(number,) for number in every if number not in there]
        with self._writing():
            self._database.executemany("DELETE FROM tasks WHERE id = ?", gone)
        return len(gone)

    def newest(self) -> int:
        """Returns the highest number of the tasks; 0 without any."""
        return int(self._database.execute("SELECT max(id) FROM tasks").fetchone()[0] or 0)

    def note(self, name: str) -> str | None:
        """Returns what was noted of the project under a name."""
        return self._get(f"note {name}")

    def set_note(self, name: str, text: str) -> None:
        """Notes something of the project."""
        with self._writing():
            self._set(f"note {name}", text)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Gives the tasks in the order of their ids, one by one."""
        found = self._database.execute("SELECT content FROM tasks ORDER BY id")
        yield from (json.loads(content) for (content,) in found)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction."""
        with self._telling(), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Lets a problem with the file be one line."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"cannot be used: {error}",
                "does another pull run? is the disk full? if it is damaged, remove it",
                file=self._path,
            ) from None

    def _get(self, name: str) -> str | None:
        with self._telling():
            found = self._database.execute("SELECT value FROM state WHERE name = ?", (name,))
            row = found.fetchone()
        return None if row is None else str(row[0])

    def _set(self, name: str, value: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))


def _differs(before: str | None, now: str) -> bool:
    """Whether a task says something else than it did, but for what pulls mark in it."""
    return before is None or (before != now and _said(before) != _said(now))


def _said(content: str) -> object:
    row = json.loads(content)
    data = {name: each for name, each in row["data"].items() if name not in _MARKS}
    return data, row.get("annotations")


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
