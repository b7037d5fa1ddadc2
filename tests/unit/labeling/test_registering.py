import pytest

from labeling.registering import (
    ACTIONS,
    MARK,
    TITLE,
    Caller,
    password_for,
    register_backend,
    register_webhook,
    silence_webhook,
)
from labeling.studio.port import Backend, Webhook

HERE = Caller("http://127.0.0.1:9090", "secret")
THERE = Caller("http://10.1.2.3:9191", "secret")
OTHERS = Webhook("http://other.example/hook", {}, frozenset({"TASKS_CREATED"}), id=7)


class FakeRegistry:
    """What a server knows; it makes a webhook of its own for each new backend, as a real one."""

    address = "http://studio.example"

    def __init__(self) -> None:
        self.hooks: dict[int, Webhook] = {7: OTHERS}
        self.models: dict[int, Backend] = {}
        self.passwords: dict[int, str] = {}
        self.changes = 0

    def webhooks(self, project: int) -> list[Webhook]:
        return list(self.hooks.values())

    def put_webhook(self, project: int, webhook: Webhook) -> None:
        self.changes += 1
        number = webhook.id or max(self.hooks) + 1
        self.hooks[number] = Webhook(
            webhook.url, webhook.headers, webhook.actions, webhook.is_active, number
        )

    def remove_webhook(self, webhook: int) -> None:
        self.changes += 1
        del self.hooks[webhook]

    def backends(self, project: int) -> list[Backend]:
        return list(self.models.values())

    def put_backend(self, project: int, backend: Backend, password: str) -> None:
        self.changes += 1
        number = backend.id or len(self.models) + 1
        if not backend.id and not any(
            each.url == f"{backend.url}/webhook" for each in self.hooks.values()
        ):
            self.put_webhook(project, Webhook(f"{backend.url}/webhook", {}, frozenset()))
        self.passwords[number] = password
        self.models[number] = Backend(
            backend.url, backend.title, backend.user, backend.is_interactive, True, number
        )


def register(registry: FakeRegistry, caller: Caller) -> None:
    register_webhook(registry, 1, caller)
    register_backend(registry, 1, caller, is_heard=True)


def test_it_is_registered_once_and_others_are_left_alone() -> None:
    registry = FakeRegistry()
    register(registry, HERE)
    changes = registry.changes
    register(registry, HERE)
    assert registry.changes == changes == 2
    ours = registry.hooks[8]
    assert (ours.url, ours.actions) == ("http://127.0.0.1:9090/webhook", ACTIONS)
    assert ours.headers["Authorization"] == HERE.authorization
    assert registry.hooks[7] == OTHERS
    assert registry.models[1].title == TITLE
    assert registry.passwords[1] == "secret"


def test_at_another_address_it_is_the_same_one() -> None:
    registry = FakeRegistry()
    register(registry, HERE)
    register(registry, THERE)
    assert {each.url for each in registry.hooks.values()} == {
        OTHERS.url, "http://10.1.2.3:9191/webhook",
    }  # fmt: skip
    assert [each.url for each in registry.models.values()] == ["http://10.1.2.3:9191"]


def test_one_that_refused_the_server_is_told_anew() -> None:
    registry = FakeRegistry()
    register(registry, HERE)
    registry.models[1] = Backend(HERE.url, TITLE, "beltmark", True, False, 1)
    register(registry, Caller(HERE.url, "another"))
    assert registry.passwords[1] == "another"


def test_who_does_not_want_to_hear_is_not_told() -> None:
    registry = FakeRegistry()
    register_backend(registry, 1, HERE, is_heard=False)
    assert list(registry.hooks.values()) == [OTHERS]


def test_more_than_one_of_ours_becomes_one() -> None:
    registry = FakeRegistry()
    for port in (1, 2):
        registry.put_webhook(1, Webhook(f"http://h:{port}/webhook", {MARK: "sync"}, ACTIONS))
    register_webhook(registry, 1, HERE)
    assert [each.url for each in registry.hooks.values()] == [
        OTHERS.url, "http://127.0.0.1:9090/webhook",
    ]  # fmt: skip


def test_it_is_silent_until_it_is_registered_again() -> None:
    registry = FakeRegistry()
    register(registry, HERE)
    silence_webhook(registry, 1, HERE)
    assert not registry.hooks[8].is_active
    assert registry.hooks[7].is_active
    register(registry, HERE)
    assert registry.hooks[8].is_active


def test_the_password_follows_from_the_token_and_does_not_tell_it() -> None:
    assert password_for("a" * 40) == password_for("a" * 40) != password_for("b" * 40)
    assert "a" * 4 not in password_for("a" * 40)


@pytest.mark.parametrize("name", ["ANNOTATION_CREATED", "ANNOTATION_UPDATED", "TASKS_DELETED"])
def test_it_hears_of_what_people_do(name: str) -> None:
    assert name in ACTIONS
