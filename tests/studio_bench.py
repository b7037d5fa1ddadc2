"""A project of a real Label Studio, and `beltmark-label`'s commands that are used on it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from label_studio_server import Server

from labeling.cli import main
from labeling.projects import every_task
from labeling.studio.connection import Connection, write_connection


class StudioBench:
    """One project; its files lie in a folder."""

    def __init__(self, server: Server, folder: Path, title: str, classes: list[str]) -> None:
        self.server, self.folder, self.title = server, folder, title
        folder.mkdir()
        self.connection = folder / "connection.json"
        write_connection(self.connection, Connection(address=server.address, token=server.token))
        self.set_classes(classes)
        self.client = server.client()
        self.project = next(p.id for p in self.client.projects() if p.title == title)
        self.store = folder / "store"

    def set_classes(self, classes: list[str]) -> None:
        (self.folder / "classes.txt").write_text("\n".join(classes))
        assert self.run("project", self.folder / "classes.txt") == 0

    def run(self, *arguments: object) -> int:
        options = ["--title", self.title, "--connection", str(self.connection)]
        return main([*map(str, arguments), *options])

    def pull(self, *more: object) -> int:
        return self.run("pull", self.store, *more)

    def tasks(self, *, with_answers: bool = False) -> list[dict[str, Any]]:
        pages = every_task(self.client, self.project, with_answers=with_answers)
        return [dict(task) for page in pages for task in page]

    def tab(self, title: str) -> list[int]:
        """The numbers of the tasks that people see in a tab, in its order."""
        views = self.server.ask("GET", f"/api/dm/views/?project={self.project}")
        view = next(each["id"] for each in views if each["data"]["title"] == title)
        found = self.server.ask("GET", f"/api/tasks?view={view}&project={self.project}")
        return [task["id"] for task in found["tasks"]]


def write_picture(path: Path, seed: int, width: int = 48, height: int = 36) -> None:
    """Writes a PNG that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    cv2.imwrite(str(path), pixels)
