"""A Label Studio in memory, for tests of what we decide; `test_studio_*` ask a real one."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from labeling.studio.port import Project, StudioAway, TaskRow

START = datetime(2026, 11, 30, 12, tzinfo=UTC)


class FakeStudio:
    """Keeps projects, tasks and files; fails after so many requests if told so."""

    address = "http://studio.example"

    def __init__(self) -> None:
        self.made: list[Project] = []
        self.rows: dict[int, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.tabs: list[str] = []
        self.overlap = 1
        self.asked = 0
        self.shown = ""
        self.requests_left: int | None = None
        self.now = START

    def _ask(self) -> None:
        self.asked += 1
        if self.requests_left is not None:
            if not self.requests_left:
                raise StudioAway("cannot be reached: down", "does it run?", file=self.address)
            self.requests_left -= 1

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=10)
        return self.now

    def user(self) -> str:
        return "mara@example.org"

    def people(self) -> dict[int, str]:
        self._ask()
        return {1: "mara@example.org", 2: "jan@example.org"}

    def projects(self) -> list[Project]:
        self._ask()
        return list(self.made)

    def make_project(self, title: str, config: str) -> Project:
        self._ask()
        self.made.append(Project(len(self.made) + 1, title, config))
        return self.made[-1]

    def set_config(self, project: int, config: str) -> None:
        self._ask()
        self.made[project - 1] = Project(project, self.made[project - 1].title, config)

    def set_overlap(self, project: int, answers: int) -> None:
        self._ask()
        self.overlap = answers

    def ensure_tab(
        self, project: int, title: str, having: Mapping[str, str], order: str = ""
    ) -> None:
        self._ask()
        if title not in self.tabs:
            self.tabs.append(title)

    def tasks(
        self,
        project: int,
        *,
        after: int = 0,
        since: datetime | None = None,
        limit: int = 200,
        with_answers: bool = False,
    ) -> list[TaskRow]:
        self._ask()
        rows = [
            row
            for row in self.rows.values()
            if row["id"] > after and (since is None or row["updated_at"] >= since)
        ]
        return deepcopy(sorted(rows, key=lambda row: row["id"])[:limit])  # type: ignore[arg-type]

    def last_change(self, project: int) -> datetime | None:
        self._ask()
        return max((row["updated_at"] for row in self.rows.values()), default=None)

    def count(self, project: int) -> int:
        self._ask()
        return len(self.rows)

    def made_since(self, project: int, moment: datetime) -> int:
        self._ask()
        return sum(row["created_at"] >= moment for row in self.rows.values())

    def show_predictions(self, project: int, of: str) -> None:
        self._ask()
        self.shown = of
        self.made[project - 1] = replace(self.made[project - 1], shown=of)

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        self._ask()
        for task in tasks:
            number = max(self.rows, default=0) + 1
            now = self._tick()
            more = {"id": number, "created_at": now, "updated_at": now}
            self.rows[number] = {"annotations": [], **deepcopy(dict(task)), **more}

    def remove_task(self, task: int) -> None:
        self._ask()
        self.rows.pop(task, None)

    def set_data(self, task: int, data: Mapping[str, Any]) -> None:
        self._ask()
        self.rows[task] |= {"data": dict(data), "updated_at": self._tick()}

    def add_answer(self, task: int, result: Sequence[Mapping[str, Any]]) -> None:
        self._ask()
        self.answer(task, list(result))

    def uploads(self, project: int) -> dict[str, str]:
        self._ask()
        return {name: f"/data/upload/{name}" for name in self.files}

    def upload(self, project: int, files: Mapping[str, bytes]) -> dict[str, str]:
        self._ask()
        assert not files.keys() & self.files.keys()
        self.files |= files
        return {name: f"/data/upload/{name}" for name in files}

    def file(self, address: str) -> bytes | None:
        self._ask()
        return self.files.get(address.rpartition("/")[2])

    def answer(self, task: int, result: list[Any], by: int = 1, **more: Any) -> dict[str, Any]:
        """Annotates a task."""
        now = self._tick()
        row = self.rows[task]
        made = {
            "id": 1000 + sum(len(each["annotations"]) for each in self.rows.values()),
            "result": result, "completed_by": by, "was_cancelled": False, "ground_truth": False,
            "created_at": now.isoformat(), "updated_at": now.isoformat(), **more,
        }  # fmt: skip
        row["annotations"].append(made)
        row["updated_at"] = now
        return made
