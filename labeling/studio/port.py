"""What labeling asks of a Label Studio; `client` asks a real one over HTTP, tests a fake."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from beltmark.contract.errors import InputError


class StudioAway(InputError):  # noqa: N818 - what it is
    """The server cannot be reached at present, or fails: the same may be asked again later."""


@dataclass(frozen=True)
class Project:
    """A project.

    Attributes:
        id: Its number.
        title: What people call it.
        config: Its label configuration, XML.
        created_at: As the server tells it: with the number it tells a project from all others.
        shown: Whose predictions people see: a model's version, or the title of a backend.
    """

    id: int
    title: str
    config: str
    created_at: str = ""
    shown: str = ""


@dataclass(frozen=True)
class Webhook:
    """An address that the server calls when something happens in a project.

    Attributes:
        url: The address.
        headers: Sent along.
        actions: On which events.
        is_active: Whether it does at present.
        id: Its number; 0 before it is made.
    """

    url: str
    headers: Mapping[str, str]
    actions: frozenset[str]
    is_active: bool = True
    id: int = 0


@dataclass(frozen=True)
class Backend:
    """A model that the server asks for predictions.

    Attributes:
        url: Its address.
        title: What people call it.
        user: Who the server says it is, or nothing.
        is_interactive: Whether it is asked while people draw.
        is_connected: Whether it answered when the server last asked.
        id: Its number; 0 before it is made.
    """

    url: str
    title: str
    user: str = ""
    is_interactive: bool = True
    is_connected: bool = False
    id: int = 0


TaskRow = Mapping[str, Any]
"""A task as the server tells it: `id`, `data`, `updated_at` (ISO 8601), and, where asked for,
`annotations`."""


class Studio(Protocol):
    """A Label Studio, as one signed-in person sees it.

    Each method raises `StudioAway` where the server cannot be reached, and `InputError` where it
    refuses or answers with something else; what was sent before stays there.
    """

    @property
    def address(self) -> str:
        """Its URL, without a slash at the end."""
        ...

    def user(self) -> str:
        """Returns who is signed in, by address."""
        ...

    def people(self) -> dict[int, str]:
        """Returns the addresses of all users by their numbers."""
        ...

    def projects(self) -> list[Project]:
        """Returns all projects."""
        ...

    def make_project(self, title: str, config: str) -> Project:
        """Makes a project."""
        ...

    def set_config(self, project: int, config: str) -> None:
        """Changes a project's label configuration."""
        ...

    def set_overlap(self, project: int, answers: int) -> None:
        """Lets so many people annotate each task before it leaves the labelling stream."""
        ...

    def ensure_tab(
        self, project: int, title: str, having: Mapping[str, str], order: str = ""
    ) -> None:
        """Makes a tab of the tasks whose data has these values, unless it is there by its title.

        Args:
            project: Of which project.
            title: Of the tab.
            having: The values, by the names of their fields.
            order: Field by whose text the tasks are in order.
        """
        ...

    def tasks(
        self,
        project: int,
        *,
        after: int = 0,
        since: datetime | None = None,
        limit: int = 200,
        with_answers: bool = False,
    ) -> list[TaskRow]:
        """Returns the next tasks in the order of their ids.

        Args:
            project: Of which project.
            after: Those with ids above this one.
            since: Those that were changed then or later.
            limit: At most so many.
            with_answers: Tell each task's annotations too, as Label Studio exports them.
        """
        ...

    def last_change(self, project: int) -> datetime | None:
        """Returns when the latest change to a task was, by the server's clock; None without any."""
        ...

    def count(self, project: int) -> int:
        """Returns how many tasks there are."""
        ...

    def made_since(self, project: int, moment: datetime) -> int:
        """Returns how many of the tasks that are there were made then or later."""
        ...

    def show_predictions(self, project: int, of: str) -> None:
        """Lets people see the predictions of this model, and of no other.

        Args:
            project: In which project.
            of: A model's version that has predictions there, or the title of a backend.
        """
        ...

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Adds tasks, all of them or none."""
        ...

    def remove_task(self, task: int) -> None:
        """Removes a task with all that belongs to it; one that is gone already is no problem."""
        ...

    def set_data(self, task: int, data: Mapping[str, Any]) -> None:
        """Changes what a task was made of."""
        ...

    def add_answer(self, task: int, result: Sequence[Mapping[str, Any]]) -> None:
        """Gives a task an answer, as whoever is signed in; nothing stars it.

        Args:
            task: Which.
            result: Its regions.
        """
        ...

    def uploads(self, project: int) -> dict[str, str]:
        """Returns the addresses of the files that were uploaded, by the names they came with."""
        ...

    def upload(self, project: int, files: Mapping[str, bytes]) -> dict[str, str]:
        """Uploads files, by name; returns their addresses."""
        ...

    def file(self, address: str) -> bytes | None:
        """Returns an image that the server has, given its address in a task; None if it is gone."""
        ...


class Registry(Protocol):
    """What a Label Studio calls of others. Raises as `Studio` does."""

    @property
    def address(self) -> str:
        """Its URL, without a slash at the end."""
        ...

    def webhooks(self, project: int) -> list[Webhook]:
        """Returns a project's webhooks."""
        ...

    def put_webhook(self, project: int, webhook: Webhook) -> None:
        """Makes a webhook, or changes the one of its number."""
        ...

    def remove_webhook(self, webhook: int) -> None:
        """Removes one."""
        ...

    def backends(self, project: int) -> list[Backend]:
        """Returns a project's backends; the server asks each whether it is there."""
        ...

    def put_backend(self, project: int, backend: Backend, password: str) -> None:
        """Makes a backend, or changes the one of its number; the server asks it at once."""
        ...
