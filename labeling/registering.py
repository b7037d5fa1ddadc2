"""Lets Label Studio call us: a webhook and a backend of a project, each once, at our address.

Done twice it changes nothing; at another address it changes the ones that are there.
"""

import hashlib
import hmac
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import Final

from labeling.studio.port import Backend, Registry, Webhook

TITLE: Final = "Beltmark champion"
"""Of the backend; it tells ours from others."""

USER: Final = "beltmark"
MARK: Final = "X-Beltmark"
"""Header that tells our webhook from others."""

ACTIONS: Final = frozenset(
    (
        "ANNOTATION_CREATED",
        "ANNOTATIONS_CREATED",
        "ANNOTATION_UPDATED",
        "ANNOTATIONS_DELETED",
        "TASKS_CREATED",
        "TASKS_DELETED",
    )
)


@dataclass(frozen=True)
class Caller:
    """How Label Studio reaches us, and how we know that it is the one.

    Attributes:
        url: Our address as it sees it.
        password: What it shows.
    """

    url: str
    password: str

    @property
    def authorization(self) -> str:
        """The header of its requests."""
        return f"Basic {b64encode(f'{USER}:{self.password}'.encode()).decode()}"


def password_for(token: str) -> str:
    """Returns the password by which a Label Studio shows that it is ours.

    It follows from the connection's token, which does not follow from it: nothing more is to be
    kept, and a new token makes a new one.
    """
    return hmac.new(token.encode(), b"beltmark-label backend", hashlib.sha256).hexdigest()


def register_webhook(registry: Registry, project: int, caller: Caller) -> None:
    """Lets the server tell us what happens in a project.

    Raises:
        InputError: It does not answer, or does not call such an address.
    """
    url = f"{caller.url}/webhook"
    headers = {"Authorization": caller.authorization, MARK: "sync"}
    ours = _ours(registry, project, url)
    wanted = Webhook(url, headers, ACTIONS, id=ours[0].id if ours else 0)
    if ours[:1] != [wanted]:
        registry.put_webhook(project, wanted)
    for more in ours[1:]:
        registry.remove_webhook(more.id)


def register_backend(registry: Registry, project: int, caller: Caller, *, is_heard: bool) -> None:
    """Lets the server ask us for predictions; we must be listening.

    Args:
        registry: The server's.
        project: In which project.
        caller: How it reaches us.
        is_heard: Whether we want its webhook; with a backend Label Studio makes one by itself.

    Raises:
        InputError: It does not answer, or cannot reach us.
    """
    ours = [each for each in registry.backends(project) if each.title == TITLE]
    wanted = Backend(caller.url, TITLE, USER, True, True, ours[0].id if ours else 0)
    if ours[:1] != [wanted]:  # one that refuses an old password counts as not connected
        registry.put_backend(project, wanted, caller.password)
    if not is_heard:
        for each in registry.webhooks(project):
            if each.url == f"{caller.url}/webhook":
                registry.remove_webhook(each.id)


def silence_webhook(registry: Registry, project: int, caller: Caller) -> None:
    """Lets the server call us no more until we register again."""
    for each in _ours(registry, project, f"{caller.url}/webhook"):
        if each.is_active:
            registry.put_webhook(project, replace(each, is_active=False, actions=ACTIONS))


def _ours(registry: Registry, project: int, url: str) -> list[Webhook]:
    found = registry.webhooks(project)
    return [each for each in found if MARK in each.headers or each.url == url]
