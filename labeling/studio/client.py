"""A real Label Studio, asked over HTTP; all that can go wrong there becomes one line with a mend.

Plain HTTP and not label-studio-sdk: that needs 34 more packages (formatters and test tools among
them), 3 seconds to load and 190 MB, for the dozen requests below. What for is left to the callers.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

from pydantic import TypeAdapter

from beltmark.contract.errors import InputError
from beltmark.datasets.images import MAX_IMAGE_BYTES
from labeling.studio import answers
from labeling.studio.asking import Asking
from labeling.studio.port import Project, TaskRow

_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
"""The only form of a time that its filters know."""

_OF_TASK: Final = "id,data,updated_at"
_OF_ANSWER: Final = "annotations,result,was_cancelled,completed_by,created_at,ground_truth"


class StudioClient(Asking):
    """A Label Studio; see `labeling.studio.port.Studio`. For use from one thread."""

    def version(self) -> str:
        """Returns the server's version; asks without the token.

        Raises:
            InputError: No answer, or it is not Label Studio that answers.
        """
        path = "/api/version"
        status, content = self._wire.send("GET", path, {}, {})
        try:
            if status != HTTPStatus.OK:
                raise ValueError
            return answers.Version.model_validate_json(content).release
        except ValueError:
            raise InputError(
                "something answers there, but it is not Label Studio",
                "check the address and its port",
                file=self.address,
            ) from None

    def user(self) -> str:
        """Returns who is signed in, by address."""
        return self._get("/api/current-user/whoami", TypeAdapter(answers.Person)).email

    def people(self) -> dict[int, str]:
        """Returns the addresses of all users by their numbers."""
        return {
            each.id: each.email
            for each in self._get("/api/users/", TypeAdapter(list[answers.Person]))
        }

    def projects(self) -> list[Project]:
        """Returns all projects."""
        found: list[Project] = []
        page: int | None = 1
        while page is not None:
            told = self._get(
                "/api/projects/",
                TypeAdapter(answers.ProjectsAnswer),
                {
                    "page": page,
                    "page_size": 100,
                    "include": "id,title,label_config,created_at,model_version",
                },
            )
            found += [each.told() for each in told.results]
            page = page + 1 if told.next and told.results else None
        return found

    def make_project(self, title: str, config: str) -> Project:
        """Makes a project."""
        body = {"title": title, "label_config": config}
        return self._post("/api/projects/", body, TypeAdapter(answers.ProjectAnswer)).told()

    def set_config(self, project: int, config: str) -> None:
        """Changes a project's label configuration."""
        self._ask("PATCH", f"/api/projects/{project}/", {"label_config": config})

    def set_overlap(self, project: int, answers: int) -> None:
        """Lets so many people annotate each task before it leaves the labelling stream."""
        self._ask("PATCH", f"/api/projects/{project}/", {"maximum_annotations": answers})

    def ensure_tab(
        self, project: int, title: str, having: Mapping[str, str], order: str = ""
    ) -> None:
        """Makes a tab of the tasks whose data has these values, unless it is there by its title."""
        there = self._get("/api/dm/views/", TypeAdapter(list[answers.Tab]), {"project": project})
        if title in {tab.data.title for tab in there}:
            return
        items = [_condition(f"data.{k}", "equal", "String", v) for k, v in having.items()]
        data: dict[str, Any] = {
            "title": title,
            "filters": {"conjunction": "and", "items": items},
            "ordering": [f"tasks:data.{order}"] if order else [],
        }
        self._post("/api/dm/views/", {"project": project, "data": data}, _ID)

    def tasks(
        self,
        project: int,
        *,
        after: int = 0,
        since: datetime | None = None,
        limit: int = 200,
        with_answers: bool = False,
    ) -> list[TaskRow]:
        """Returns the next tasks in the order of their ids."""
        items = [_condition("id", "greater", "Number", after)]
        if since is not None:
            moment = since.astimezone(UTC).strftime(_TIME)
            items.append(_condition("updated_at", "greater_or_equal", "Datetime", moment))
        query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
        asked = {
            "project": project,
            "page_size": limit,
            "query": json.dumps(query),
            "resolve_uri": "false",
            # Fields are picked by name at every depth; without this a page takes ten times as long.
            "include": f"{_OF_TASK},{_OF_ANSWER}" if with_answers else _OF_TASK,
        }
        if with_answers:
            asked["fields"] = "all"
        told = self._get("/api/tasks", TypeAdapter(answers.TasksAnswer), asked)
        return [task.model_dump() for task in told.tasks]

    def last_change(self, project: int) -> datetime | None:
        """Returns when the latest change to a task was, by the server's clock."""
        asked = {
            "project": project,
            "page_size": 1,
            "query": json.dumps({"ordering": ["-tasks:updated_at"]}),
            "include": _OF_TASK,
        }
        tasks = self._get("/api/tasks", TypeAdapter(answers.TasksAnswer), asked).tasks
        return tasks[0].updated_at if tasks else None

    def count(self, project: int) -> int:
        """Returns how many tasks there are."""
        asked = {"project": project, "page_size": 1, "include": _OF_TASK}
        return self._get("/api/tasks", TypeAdapter(answers.TasksAnswer), asked).total

    def made_since(self, project: int, moment: datetime) -> int:
        """Returns how many of the tasks that are there were made then or later."""
        then = moment.astimezone(UTC).strftime(_TIME)
        items = [_condition("created_at", "greater_or_equal", "Datetime", then)]
        query = {"filters": {"conjunction": "and", "items": items}}
        asked = {"project": project, "page_size": 1, "include": _OF_TASK}
        asked["query"] = json.dumps(query)
        return self._get("/api/tasks", TypeAdapter(answers.TasksAnswer), asked).total

    def show_predictions(self, project: int, of: str) -> None:
        """Lets people see the predictions of this model, and of no other."""
        self._ask("PATCH", f"/api/projects/{project}/", {"model_version": of})

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Adds tasks, all of them or none."""
        self._ask("POST", f"/api/projects/{project}/import", list(tasks))

    def remove_task(self, task: int) -> None:
        """Removes a task with all that belongs to it."""
        path = f"/api/tasks/{task}/"
        status, content = self._wire.signed("DELETE", path, {})
        if status != HTTPStatus.NOT_FOUND:
            self._wire.check(status, content, path)

    def set_data(self, task: int, data: Mapping[str, Any]) -> None:
        """Changes what a task was made of."""
        self._ask("PATCH", f"/api/tasks/{task}/", {"data": data})

    def add_answer(self, task: int, result: Sequence[Mapping[str, Any]]) -> None:
        """Gives a task an answer, as whoever is signed in; nothing stars it."""
        answer = {"result": list(result), "ground_truth": False}
        self._ask("POST", f"/api/tasks/{task}/annotations/", answer)

    def uploads(self, project: int) -> dict[str, str]:
        """Returns the addresses of the files that were uploaded, by the names they came with."""
        return self._uploads(project, {"all": "true"})

    def upload(self, project: int, files: Mapping[str, bytes]) -> dict[str, str]:
        """Uploads files, by name; returns their addresses."""
        sent = [(f"file{k}", (name, files[name])) for k, name in enumerate(files)]
        request = {"files": sent, "params": {"commit_to_project": "false"}}
        path = f"/api/projects/{project}/import"
        content = self._wire.checked("POST", path, request)
        ids = self._parsed(content, TypeAdapter(answers.Uploaded), path).file_upload_ids
        found = self._uploads(project, {"ids": json.dumps(ids)})
        if lost := sorted(files.keys() - found.keys()):
            raise InputError(
                f"took {lost[0]!r:.100}, but does not have it", "see the server's log",
                file=self.address + path,
            )  # fmt: skip
        return found

    def _uploads(self, project: int, asked: Mapping[str, str]) -> dict[str, str]:
        path = f"/api/projects/{project}/file-uploads"
        found = self._get(path, TypeAdapter(list[answers.Upload]), asked)
        # It stores FOLDER/8 random digits-NAME.
        return {
            each.file.rpartition("/")[2].partition("-")[2]: f"/data/{each.file}" for each in found
        }

    def file(self, address: str) -> bytes | None:
        """Returns an image that the server has, given its address in a task; None if it is gone."""
        path = address.removeprefix(self.address)
        if not _is_data(path):
            raise InputError(
                f"{address!r:.200} is no address of an image on this server",
                "push the image with `beltmark-label push`",
                file=self.address,
                field="image",
            )
        status, content = self._wire.signed("GET", path, {}, MAX_IMAGE_BYTES)
        # It fails so where the upload was deleted, with its file or without.
        is_deleted = status == HTTPStatus.INTERNAL_SERVER_ERROR and b"has_permission" in content
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) or is_deleted:
            return None
        self._wire.check(status, content, path)
        return content


_ID: Final = TypeAdapter(answers.Id)


def _condition(field: str, operator: str, kind: str, value: object) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}


def _is_data(path: str) -> bool:
    """Whether a path leads to a file of the server's, and to nothing else that the token opens."""
    plain = unquote(unquote(path))
    parts = plain.partition("?")[0].split("/")
    return path.startswith("/data/") and plain.isprintable() and not {"..", "."} & set(parts)
