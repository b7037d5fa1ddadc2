"""The forms of Label Studio's answers, as far as they are read."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from labeling.studio.port import Project


class Answer(BaseModel):
    """An answer; more in it does no harm."""

    model_config = ConfigDict(extra="ignore")


class Id(Answer):
    """What has a number."""

    id: int


class Person(Id):
    """A user."""

    email: str


class ProjectAnswer(Id):
    """A project."""

    title: str
    label_config: str | None = ""
    created_at: str = ""
    model_version: str | None = ""

    def told(self) -> Project:
        """Returns it as others know it."""
        config, shown = self.label_config or "", self.model_version or ""
        return Project(self.id, self.title, config, self.created_at, shown)


class ProjectsAnswer(Answer):
    """A page of projects."""

    results: list[ProjectAnswer]
    next: str | None = None


class TaskAnswer(Answer):
    """A task, with whatever was asked for."""

    model_config = ConfigDict(extra="allow")

    id: int
    data: dict[str, Any]
    updated_at: datetime


class TasksAnswer(Answer):
    """A page of tasks."""

    tasks: list[TaskAnswer]
    total: int


class Upload(Answer):
    """A file that was uploaded."""

    file: str


class Uploaded(Answer):
    """Which files came."""

    file_upload_ids: list[int]


class TabData(Answer):
    """What a tab shows."""

    title: str = ""


class Tab(Answer):
    """A tab of a project."""

    data: TabData = TabData()


class Version(Answer):
    """What runs there."""

    release: str
