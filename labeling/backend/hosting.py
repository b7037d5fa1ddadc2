"""A backend that Label Studio knows of: served, registered in a project, left in order."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from beltmark.contract.errors import InputError
from labeling.backend.answering import Answering, Eyes, Files
from labeling.backend.app import create_app
from labeling.backend.serving import listening, serving
from labeling.registering import (
    TITLE,
    Caller,
    register_backend,
    register_webhook,
    silence_webhook,
)
from labeling.studio.client import StudioClient
from labeling.studio.connection import Connection
from labeling.studio.port import Project
from labeling.studio.registry import RegistryClient


class StudioFiles:
    """The images of the server that we are connected to, by the connection as it is now.

    Args:
        connection: Reads it: somebody may connect anew meanwhile.
    """

    def __init__(self, connection: Callable[[], Connection]) -> None:
        self._connection = connection
        self._known: Connection | None = None
        self._client: StudioClient | None = None

    def file(self, address: str) -> bytes | None:
        """Returns an image, given its address in a task; None if it is gone."""
        now = self._connection()
        if self._client is None or now != self._known:
            if self._client is not None:
                self._client.close()
            self._client, self._known = StudioClient(now.address, now.token), now
        return self._client.file(address)


@dataclass
class Host:
    """What Label Studio calls.

    Attributes:
        caller: How it reaches us.
        connection: Reads the connection.
        eyes: The champion, if there is one.
        is_heard: Whether we want to hear of events.
    """

    caller: Caller
    connection: Callable[[], Connection]
    eyes: Eyes | None
    is_heard: bool
    _project: Project | None = field(default=None, init=False)

    def register(self, project: Project) -> None:
        """Makes sure that the project knows us; asks nothing where it does since we started.

        Raises:
            InputError: The server does not answer, or cannot reach us.
        """
        if self._project is not None and self._project.id == project.id:
            return
        now = self.connection()
        with closing(RegistryClient(now.address, now.token)) as registry:
            if self.is_heard:
                register_webhook(registry, project.id, self.caller)
            if self.eyes is not None:
                register_backend(registry, project.id, self.caller, is_heard=self.is_heard)
        if self.eyes is not None:
            with closing(StudioClient(now.address, now.token)) as studio:
                studio.show_predictions(project.id, TITLE)
        self._project = project

    def forget(self) -> None:
        """Lets `register` ask again: the server may be another one than before."""
        self._project = None

    def leave(self) -> None:
        """Lets the server call us no more, as far as it can be told."""
        if self._project is None:
            return
        try:
            now = self.connection()
            if self.is_heard:
                with closing(RegistryClient(now.address, now.token)) as registry:
                    silence_webhook(registry, self._project.id, self.caller)
            if self.eyes is not None:  # what was predicted stays to be seen
                with closing(StudioClient(now.address, now.token)) as studio:
                    studio.show_predictions(self._project.id, self.eyes.version)
        except InputError:
            pass  # it is away, or has no predictions of ours: nothing is lost


@contextmanager
def hosting(
    at: tuple[str, int],
    host: Host,
    files: Files,
    on_event: Callable[[], None] = lambda: None,
) -> Iterator[Host]:
    """Serves until the end; what is registered is taken back then.

    Args:
        at: Host and port.
        host: What Label Studio calls.
        files: Where images are.
        on_event: Is told of events.

    Raises:
        InputError: The port cannot be had.
    """
    answering = None if host.eyes is None else Answering(host.eyes, files)
    app = create_app(host.caller, answering, on_event)
    with listening(*at) as taken, serving(app, taken):
        try:
            yield host
        finally:
            host.leave()
