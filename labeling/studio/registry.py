"""Tells Label Studio whom to call: webhooks and model backends. When is left to `registering`."""

from typing import Any, Final

from pydantic import Field, TypeAdapter

from beltmark.contract.errors import InputError
from labeling.studio.answers import Id
from labeling.studio.asking import Asking
from labeling.studio.port import Backend, Webhook

_CONNECTED: Final = "CO"


class _Webhook(Id):
    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    actions: list[str] = Field(default_factory=list)
    is_active: bool = True
    send_payload: bool = True
    send_for_all_actions: bool = True

    def told(self) -> Webhook:
        has_more = self.send_payload or self.send_for_all_actions
        actions = frozenset() if has_more else frozenset(self.actions)
        return Webhook(self.url, self.headers, actions, self.is_active, self.id)


class _Backend(Id):
    url: str
    title: str | None = ""
    basic_auth_user: str | None = ""
    is_interactive: bool = False
    state: str = ""

    def told(self) -> Backend:
        return Backend(
            self.url,
            self.title or "",
            self.basic_auth_user or "",
            self.is_interactive,
            self.state == _CONNECTED,
            self.id,
        )


class RegistryClient(Asking):
    """What a Label Studio calls; see `labeling.studio.port.Registry`. For use from one thread."""

    def webhooks(self, project: int) -> list[Webhook]:
        """Returns a project's webhooks; one that sends more than its actions tells none of them."""
        found = self._get("/api/webhooks/", TypeAdapter(list[_Webhook]), {"project": project})
        return [each.told() for each in found]

    def put_webhook(self, project: int, webhook: Webhook) -> None:
        """Makes a webhook, or changes the one of its number; it sends the action's name alone."""
        body = {
            "url": webhook.url,
            "headers": dict(webhook.headers),
            "actions": sorted(webhook.actions),
            "is_active": webhook.is_active,
            "send_payload": False,
            "send_for_all_actions": False,
        }
        self._put("/api/webhooks/", f"{webhook.id}/" if webhook.id else "", project, body)

    def remove_webhook(self, webhook: int) -> None:
        """Removes one."""
        self._ask("DELETE", f"/api/webhooks/{webhook}/", None)

    def backends(self, project: int) -> list[Backend]:
        """Returns a project's backends; the server asks each whether it is there."""
        found = self._get("/api/ml/", TypeAdapter(list[_Backend]), {"project": project})
        return [each.told() for each in found]

    def put_backend(self, project: int, backend: Backend, password: str) -> None:
        """Makes a backend, or changes the one of its number; the server asks it at once."""
        body = {
            "url": backend.url,
            "title": backend.title,
            "is_interactive": backend.is_interactive,
            "auth_method": "BASIC_AUTH",
            "basic_auth_user": backend.user,
            "basic_auth_pass": password,
        }
        self._put("/api/ml/", str(backend.id or ""), project, body)

    def _put(self, path: str, number: str, project: int, body: dict[str, Any]) -> None:
        try:
            self._ask(
                "PATCH" if number else "POST", f"{path}{number}", {"project": project, **body}
            )
        except InputError as error:
            if "reserved network address" not in error.problem:
                raise
            raise InputError(
                f"does not call {body['url']}: {error.problem}",
                "it calls no address of its own network unless it is started with "
                "SSRF_PROTECTION_ENABLED=false and ML_BLOCK_LOCAL_IP=false",
                file=self.address,
            ) from None
