"""A real Label Studio, asked over HTTP; all that can go wrong there becomes one line with a mend.

Plain HTTP and not label-studio-sdk: that needs 34 more packages (formatters and test tools among
them), 3 seconds to load and 190 MB, for the dozen requests below. What for is left to the callers.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from beltmark.contract.errors import InputError
from labeling.studio.port import Project, TaskRow
from labeling.studio.wire import Wire

_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
"""The only form of a time that its filters know."""

_OF_TASK: Final = "id,data,updated_at"
_OF_ANSWER: Final = "annotations,result,was_cancelled,completed_by,created_at,ground_truth"

_Parsed = TypeVar("_Parsed")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Id(_Answer):
    id: int


class _Person(_Id):
    email: str


class _Project(_Id):
    title: str
    label_config: str | None = ""
    created_at: str = ""

    def told(self) -> Project:
        return Project(self.id, self.title, self.label_config or "", self.created_at)


class _Projects(_Answer):
    results: list[_Project]
    next: str | None = None


class _Task(_Answer):
    model_config = ConfigDict(extra="allow")

    id: int
    data: dict[str, Any]
    updated_at: datetime


class _Tasks(_Answer):
    tasks: list[_Task]
    total: int


class _Upload(_Answer):
    file: str


class _Uploaded(_Answer):
    file_upload_ids: list[int]


class _TabData(_Answer):
    title: str = ""


class _Tab(_Answer):
    data: _TabData = _TabData()


class _Version(_Answer):
    release: str


class StudioClient:
    """A Label Studio; see `labeling.studio.port.Studio`. For use from one thread.

    Args:
        address: Its URL, checked.
        token: A personal access token or a legacy one.
        transport: Stands in for the network in tests.
    """

    def __init__(
        self, address: str, token: str, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._wire = Wire(address, token, transport)

    @property
    def address(self) -> str:
        """Its URL, without a slash at the end."""
        return self._wire.address

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
            return _Version.model_validate_json(content).release
        except ValueError:
            raise InputError(
                "something answers there, but it is not Label Studio",
                "check the address and its port",
                file=self.address,
            ) from None

    def user(self) -> str:
        """Returns who is signed in, by address."""
        return self._get("/api/current-user/whoami", TypeAdapter(_Person)).email

    def people(self) -> dict[int, str]:
        """Returns the addresses of all users by their numbers."""
        return {
            each.id: each.email for each in self._get("/api/users/", TypeAdapter(list[_Person]))
        }

    def projects(self) -> list[Project]:
        """Returns all projects."""
        found: list[Project] = []
        page: int | None = 1
        while page is not None:
            told = self._get(
                "/api/projects/",
                TypeAdapter(_Projects),
                {"page": page, "page_size": 100, "include": "id,title,label_config,created_at"},
            )
            found += [
                Project(each.id, each.title, each.label_config or "") for each in told.results
            ]
            page = page + 1 if told.next and told.results else None
        return found

    def make_project(self, title: str, config: str) -> Project:
        """Makes a project."""
        body = {"title": title, "label_config": config}
        return self._post("/api/projects/", body, TypeAdapter(_Project)).told()

    def set_config(self, project: int, config: str) -> None:
        """Changes a project's label configuration."""
        self._ask("PATCH", f"/api/projects/{project}/", {"label_config": config})

    def set_overlap(self, project: int, answers: int) -> None:
        """Lets so many people annotate each task before it leaves the labelling stream."""
        self._ask("PATCH", f"/api/projects/{project}/", {"maximum_annotations": answers})

    def ensure_tab(self, project: int, title: str, having: Mapping[str, str]) -> None:
        """Makes a tab of the tasks whose data has these values, unless it is there by its title."""
        there = self._get("/api/dm/views/", TypeAdapter(list[_Tab]), {"project": project})
        if title in {tab.data.title for tab in there}:
            return
        items = [_condition(f"data.{k}", "equal", "String", v) for k, v in having.items()]
        data = {"title": title, "filters": {"conjunction": "and", "items": items}}
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
        told = self._get("/api/tasks", TypeAdapter(_Tasks), asked)
        return [task.model_dump() for task in told.tasks]

    def last_change(self, project: int) -> datetime | None:
        """Returns when the latest change to a task was, by the server's clock."""
        asked = {
            "project": project,
            "page_size": 1,
            "query": json.dumps({"ordering": ["-tasks:updated_at"]}),
            "include": _OF_TASK,
        }
        tasks = self._get("/api/tasks", TypeAdapter(_Tasks), asked).tasks
        return tasks[0].updated_at if tasks else None

    def count(self, project: int) -> int:
        """Returns how many tasks there are."""
        asked = {"project": project, "page_size": 1, "include": _OF_TASK}
        return self._get("/api/tasks", TypeAdapter(_Tasks), asked).total

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Adds tasks, all of them or none."""
        self._ask("POST", f"/api/projects/{project}/import", list(tasks))

    def set_data(self, task: int, data: Mapping[str, Any]) -> None:
        """Changes what a task was made of."""
        self._ask("PATCH", f"/api/tasks/{task}/", {"data": data})

    def uploads(self, project: int) -> dict[str, str]:
        """Returns the addresses of the files that were uploaded, by the names they came with."""
        return self._uploads(project, {"all": "true"})

    def upload(self, project: int, files: Mapping[str, bytes]) -> dict[str, str]:
        """Uploads files, by name; returns their addresses."""
        sent = [(f"file{k}", (name, files[name])) for k, name in enumerate(files)]
        request = {"files": sent, "params": {"commit_to_project": "false"}}
        path = f"/api/projects/{project}/import"
        content = self._wire.checked("POST", path, request)
        ids = self._parsed(content, TypeAdapter(_Uploaded), path).file_upload_ids
        found = self._uploads(project, {"ids": json.dumps(ids)})
        if lost := sorted(files.keys() - found.keys()):
            raise InputError(
                f"took {lost[0]!r:.100}, but does not have it", "see the server's log",
                file=self.address + path,
            )  # fmt: skip
        return found

    def _uploads(self, project: int, asked: Mapping[str, str]) -> dict[str, str]:
        path = f"/api/projects/{project}/file-uploads"
        found = self._get(path, TypeAdapter(list[_Upload]), asked)
        # It stores FOLDER/8 random digits-NAME.
        return {
            each.file.rpartition("/")[2].partition("-")[2]: f"/data/{each.file}" for each in found
        }

    def file(self, address: str) -> bytes | None:
        """Returns an image that the server has, given its address in a task; None if it is gone."""
        path = address.removeprefix(self.address)
        if not path.startswith("/data/"):
            raise InputError(
                f"{address!r:.200} is no address of an image on this server",
                "push the image with `beltmark-label push`",
                file=self.address,
            )
        status, content = self._wire.signed("GET", path, {})
        # It fails so where the upload was deleted, with its file or without.
        is_deleted = status == HTTPStatus.INTERNAL_SERVER_ERROR and b"has_permission" in content
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE) or is_deleted:
            return None
        self._wire.check(status, content, path)
        return content

    def close(self) -> None:
        """Ends the connection."""
        self._wire.close()

    def _get(
        self, path: str, form: TypeAdapter[_Parsed], params: Mapping[str, Any] | None = None
    ) -> _Parsed:
        return self._parsed(self._wire.checked("GET", path, {"params": params or {}}), form, path)

    def _post(self, path: str, body: object, form: TypeAdapter[_Parsed]) -> _Parsed:
        return self._parsed(self._ask("POST", path, body), form, path)

    def _ask(self, method: str, path: str, body: object) -> bytes:
        return self._wire.checked(method, path, {"json": body})

    def _parsed(self, content: bytes, form: TypeAdapter[_Parsed], path: str) -> _Parsed:
        try:
            return form.validate_json(content)
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise InputError(
                f"an answer that is not understood: {told}",
                "is it Label Studio 1.23?",
                file=self.address + path,
            ) from None


_ID: Final = TypeAdapter(_Id)


def _condition(field: str, operator: str, kind: str, value: object) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}
